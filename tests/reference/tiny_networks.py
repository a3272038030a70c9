"""Small trained networks with their probes, made once per process and shared: leave them as they are, or copy them."""

from __future__ import annotations

import copy
import functools
import itertools
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from layerlore.probes import Probes, fit_probes, network_digest
from layerlore.zoo import load_data, mlp7, small_resnet, train

PENALTIES = (1e-2,)
N_COLUMNS = 5
QUICK = {"tolerance": 0.9, "max_iterations": 60, "pull": 0.0, "noise_samples": 0}
"""Options of `explain` for tests of what does not depend on how scores are split."""


@dataclass(frozen=True)
class Case:
    """A network, probes of two of its layers, and a few samples that neither was trained on."""

    model: nn.Module
    probes: Probes
    inputs: Tensor
    labels: Tensor

    def in_float64(self) -> Case:
        """The same case, the network's weights and the samples in float64."""
        return self.with_model(copy.deepcopy(self.model).double(), self.inputs.double())

    def with_model(self, model: nn.Module, inputs: Tensor | None = None) -> Case:
        """The same probes on another network, as if they had been trained on it."""
        probes = replace(self.probes, identity=self.probes.identity | {"network": network_digest(model)})
        return replace(self, model=model, probes=probes, inputs=self.inputs if inputs is None else inputs)


class NamedOutput(nn.Module):
    """Returns an object with the logits in it, as language models do."""

    @dataclass
    class Output:
        """What the network returns."""

        logits: Tensor
        hidden: None = None

    def __init__(self, body: nn.Sequential) -> None:
        super().__init__()
        self.body = body

    def forward(self, inputs: Tensor) -> Output:
        return self.Output(self.body(inputs))


@functools.lru_cache(maxsize=1)
def digits_mlp() -> Case:
    """MLP-7 of width 32 on scikit-learn's digits; probes of ``relu2`` and ``relu5``; images ``[1, 8, 8]``."""
    return _digits(lambda: mlp7(64, 10, width=32), ["relu2", "relu5"], "flatten")


@functools.lru_cache(maxsize=1)
def digits_resnet() -> Case:
    """A small ResNet on the same digits, ``layer1`` and ``layer2`` read by global average pooling."""
    return _digits(lambda: small_resnet(10, (4, 6, 8)), ["layer1", "layer2"], "gap")


def _digits(build, layers: list[str], read_out: str) -> Case:
    data = load_data("digits")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = train(build(), data, epochs=4, learning_rate=5e-3)
    probes = fit_probes(model, layers, data.train, penalties=PENALTIES, read_out=read_out, tolerance=1e-3)
    images, labels = data.test.tensors
    return Case(model, probes, images[:4].clone(), labels[:4].clone())


@functools.lru_cache(maxsize=8)
def table(kind: str = "classes") -> Case:
    """Two hidden layers over five columns; probes of both (``1`` and ``3``, or ``body.1`` and ``body.3``).

    Args:
        kind: ``"classes"`` (three), ``"one logit"``, ``"numbers"`` (two, regression), ``"probabilities"``,
            or ``"named output"``.
    """
    generator = torch.Generator().manual_seed(1)
    columns = torch.randn(300, N_COLUMNS, generator=generator)
    rule = torch.randn(N_COLUMNS, 3, generator=generator)
    labels = (columns @ rule + (columns[:, :3] * columns[:, 1:4])).argmax(1)
    n_outputs = {"one logit": 1, "numbers": 2}.get(kind, 3)
    targets = {"one logit": (labels == 0).long(), "numbers": torch.tanh(columns @ rule)[:, :2]}.get(kind, labels)
    body = _trained(columns, targets, n_outputs)
    loss = "squared" if kind == "numbers" else "cross_entropy"
    outputs = "probabilities" if kind == "probabilities" else "logits"
    if kind == "probabilities":
        body.append(nn.Softmax(1))
    model = NamedOutput(body).eval() if kind == "named output" else body
    layers = ["body.1", "body.3"] if kind == "named output" else ["1", "3"]
    data = [(columns[:280], targets[:280])]
    probes = fit_probes(model, layers, data, penalties=PENALTIES, loss=loss, outputs=outputs)
    return Case(model, probes, columns[280:284].clone(), targets[280:284].clone())


def _trained(columns: Tensor, targets: Tensor, n_outputs: int) -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        sizes = [N_COLUMNS, 8, 8, n_outputs]
        layers = [part for before, after in itertools.pairwise(sizes) for part in (nn.Linear(before, after), nn.ReLU())]
        model = nn.Sequential(*layers[:-1])
    steps = torch.optim.Adam(model.parameters(), 2e-2)
    for _ in range(60):
        steps.zero_grad()
        _loss(model(columns), targets).backward()
        steps.step()
    steps.zero_grad()
    return model.eval()


def _loss(outputs: Tensor, targets: Tensor) -> Tensor:
    if targets.is_floating_point():
        return nn.functional.mse_loss(outputs, targets)
    if outputs.shape[1] == 1:
        return nn.functional.binary_cross_entropy_with_logits(outputs[:, 0], targets.float())
    return nn.functional.cross_entropy(outputs, targets)
