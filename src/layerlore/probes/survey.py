"""One look at the data and the frozen network before any probe is trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float64, Shaped
from torch import Tensor, nn

from layerlore.errors import InputError
from layerlore.networks import OutputKind, as_logits, check_logits, evaluating, forward, logits_of, to_model
from layerlore.probes.data import Batch, DataDigest
from layerlore.probes.objective import Loss

Visit = Callable[[], Iterator[Batch]]
VALIDATION_SHARE = 0.1


@dataclass(frozen=True)
class Survey:
    """What one pass over the data tells. ``n`` counts training and validation samples together.

    Attributes:
        labels: all labels, in the order of visiting.
        logits: the network's own outputs.
        validation: which samples are held out.
        input_mean: mean input over the training samples, or None where inputs are mappings, integers (the mean of
            ids of tokens means nothing) or differ in shape.
        digest: of all inputs and labels.
    """

    labels: Shaped[Tensor, "n ..."]
    logits: Float64[Tensor, "n n_outputs"]
    validation: Bool[Tensor, "n"]
    input_mean: Tensor | None
    digest: str

    @property
    def n_outputs(self) -> int:
        """Outputs of the network: classes, or 1."""
        return self.logits.shape[1]


def survey(
    model: nn.Module,
    visits: list[Visit],
    loss: Loss,
    kind: OutputKind,
    seed: int,
    on_batch: Callable[[int], None],
) -> Survey:
    """Visit all data once, with one forward pass of the network.

    Args:
        model: the network.
        visits: training data, and validation data if they are given.
        loss: decides what labels are.
        kind: what the network returns.
        seed: of the samples held out where no validation data are given.
        on_batch: told how many samples have passed.

    Raises:
        InputError: empty data, NaN or infinite inputs or outputs, or labels that do not fit the network's outputs.
    """
    labels, logits = [], []
    mean = _Mean()
    digest = DataDigest()
    n_train = 0
    with evaluating(model):
        for number, visit in enumerate(visits):
            for inputs, given in visit():
                _check_inputs(inputs, sum(map(len, labels)))
                digest.add(inputs, given)
                outputs = forward(model, to_model(model, inputs, copy=True))
                logits.append(as_logits(logits_of(outputs).cpu(), kind))
                labels.append(given.cpu())
                if number == 0:
                    n_train += len(given)
                    mean.add(inputs)
                on_batch(len(given))
    if n_train == 0:
        raise InputError("train_data holds no samples: pass at least one batch of (inputs, labels)")
    every, own = torch.cat(labels), torch.cat(logits)
    bad = (~torch.isfinite(own)).any(1).nonzero()
    if len(bad):
        raise InputError(_not_finite(int(bad[0]), kind))
    if loss != "squared" and kind == "logits":
        check_logits(own)
    every = check_labels(every, own.shape[1], loss)
    held = torch.zeros(len(every), dtype=torch.bool)
    if len(visits) == 1:
        held = held_out(every, loss, seed)
    else:
        held[n_train:] = True
        if not held.any():
            raise InputError("validation holds no samples: leave it out to hold out a tenth of the training data")
    return Survey(every, own, held, mean.value(), digest.text())


def check_labels(labels: Tensor, n_outputs: int, loss: Loss) -> Tensor:
    """Labels in the form that the loss needs: ``int64[n]``, or ``float64[n, n_outputs]``.

    Raises:
        InputError: labels of the wrong type, shape or range.
    """
    if loss == "squared":
        labels = labels.to(torch.float64)
        if labels.numel() != len(labels) * n_outputs or not torch.isfinite(labels).all():
            raise InputError(
                f"labels have shape {tuple(labels.shape)}: with loss='squared' each sample needs {n_outputs} finite "
                "numbers, one for each output of the network"
            )
        return labels.view(len(labels), n_outputs)
    if labels.dim() == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    whole = labels.to(torch.int64)
    if labels.dim() != 1 or not torch.equal(whole.to(labels.dtype), labels):
        raise InputError(
            f"labels have shape {tuple(labels.shape)} and dtype {labels.dtype}: whole class numbers of shape [n] are "
            "needed (for regression pass loss='squared')"
        )
    n_classes = max(n_outputs, 2)
    outside = ((whole < 0) | (whole >= n_classes)).nonzero()
    if len(outside):
        where = int(outside[0])
        raise InputError(
            f"label {int(whole[where])} of sample {where} is out of range: the network has {n_outputs} output"
            f"{'s' if n_outputs > 1 else ''}, so labels run from 0 to {n_classes - 1}"
        )
    return whole


def held_out(labels: Tensor, loss: Loss, seed: int) -> Bool[Tensor, "n"]:
    """A seeded tenth of the samples, stratified by class; at least one of every class with two samples or more."""
    generator = torch.Generator().manual_seed(seed)
    held = torch.zeros(len(labels), dtype=torch.bool)
    groups = [torch.arange(len(labels))]
    if loss != "squared":
        groups = [(labels == label).nonzero()[:, 0] for label in labels.unique()]
    for members in groups:
        count = max(round(VALIDATION_SHARE * len(members)), 1 if len(members) > 1 else 0)
        held[members[torch.randperm(len(members), generator=generator)[:count]]] = True
    if not held.any():
        raise InputError(f"{len(labels)} training samples are too few to hold some out: pass validation=")
    return held


def _not_finite(sample: int, kind: OutputKind) -> str:
    if kind == "probabilities":
        return (
            f"a probability that the network gives for sample {sample} of the data is exactly 0 or 1, or NaN, and its "
            "log-odds are not finite: have the network return logits"
        )
    return f"the network's output for sample {sample} of the data is not finite: check inputs and weights"


class _Mean:
    """Mean over the samples of batches of tensors, in float64."""

    def __init__(self) -> None:
        self.total: Tensor | None = None
        self.count, self.defined, self.dtype = 0, True, torch.float32

    def add(self, inputs: Any) -> None:
        usable = isinstance(inputs, Tensor) and inputs.is_floating_point()
        if not usable or (self.total is not None and self.total.shape != inputs.shape[1:]):
            self.defined = False
            return
        part = inputs.to(torch.float64).sum(0)
        self.total = part if self.total is None else self.total + part
        self.count += len(inputs)
        self.dtype = inputs.dtype

    def value(self) -> Tensor | None:
        return None if self.total is None or not self.defined else (self.total / self.count).to(self.dtype).cpu()


def _check_inputs(inputs: Any, before: int) -> None:
    for tensor in inputs.values() if isinstance(inputs, Mapping) else (inputs,):
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            bad = (~torch.isfinite(tensor)).flatten(1).any(1).nonzero()
            raise InputError(
                f"the input of sample {before + int(bad[0])} of the data holds NaN or infinity: remove or mend it"
            )
