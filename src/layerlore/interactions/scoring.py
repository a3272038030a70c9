"""Stage one of `explain`: scores of all layers on all masked versions of a sample.

One forward pass of a batch of masked inputs serves every layer: an output turns
into scores in the hook and is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64, Int64
from torch import Tensor, nn

from layerlore.engines import with_less
from layerlore.errors import InputError
from layerlore.interactions.scores import Score, score_outputs
from layerlore.networks import (
    OutputKind,
    as_logits,
    capture,
    device_of,
    evaluating,
    forward,
    logits_of,
    read_out,
    to_model,
)
from layerlore.players import Plan, Sample, Samples, batches, coalition_table, masked_inputs, named_parts
from layerlore.probes import Probe, Probes

BatchScores = Float64[Tensor, "n_targets n_layers batch"]
SampleScores = Float64[np.ndarray, "n_targets n_layers n_coalitions"]


@dataclass(frozen=True)
class Scorer:
    """A network with its probes, ready to score masked inputs.

    Attributes:
        model: the network.
        probes: by layer, weights on the network's device.
        outputs: what the network returns.
        score: how outputs become one number.
    """

    model: nn.Module
    probes: Mapping[str, Probe]
    outputs: OutputKind
    score: Score

    @classmethod
    def of(cls, model: nn.Module, probes: Probes, score: Score) -> Scorer:
        """The scorer of a network and its probes."""
        device = device_of(model)
        ready = {probe.layer: probe.on(device) for probe in probes}
        return cls(model, ready, probes.identity["outputs"], score)

    def score_sample(
        self,
        sample: Sample,
        baseline: Sample,
        plan: Plan,
        levels: tuple[float, ...],
        targets: Int64[Tensor, "n_targets"],
        batch_size: int,
        on_batch: Callable[[int], None],
    ) -> SampleScores:
        """Scores of every target, layer (the network's own output last) and coalition of one sample.

        Costs ``len(levels) * 2**n_players`` forward passes and one transfer to the CPU. The model must be in eval mode
        (`evaluating`).

        Args:
            sample: one input ``[*sample]`` or named tensors of one, on the network's device.
            baseline: its baseline, of the same shapes.
            plan: its players.
            levels: shares of the background to show; scores are averaged over them.
            targets: classes to explain.
            batch_size: masked inputs per forward pass.
            on_batch: told how many masked inputs have passed.

        Returns:
            Scores as they come, finite or not: see `check_scores`.
        """
        n_players, n_layers, device = plan.n_players, len(self.probes) + 1, device_of(self.model)
        scores = torch.zeros(len(targets), n_layers, 1 << n_players, dtype=torch.float64, device=device)
        targets = targets.to(device)
        with self._collecting(targets) as collect:
            for start, stop in batches(n_players, batch_size):
                coalitions = coalition_table(n_players, start, stop, device)
                for level in levels:
                    scores[:, :, start:stop] += collect(masked_inputs(sample, baseline, plan, coalitions, level))
                    on_batch(stop - start)
        return (scores / len(levels)).cpu().numpy()

    def score_batch(self, inputs: Sample, targets: Int64[Tensor, "n_targets"]) -> BatchScores:
        """Scores of every target, layer and input of one batch, on the network's device."""
        with self._collecting(targets.to(device_of(self.model))) as collect:
            return collect(inputs)

    @contextmanager
    def _collecting(self, targets: Int64[Tensor, "n_targets"]) -> Iterator[Callable[[Sample], BatchScores]]:
        """A call that scores a batch of inputs at all layers in one forward pass."""
        parts: dict[str, Tensor] = {}

        def visit(layer: str, output: Tensor) -> None:
            probe = self.probes[layer]
            parts[layer] = score_outputs(probe(read_out(probe.read_out)(output)), targets, self.score)

        def collect(inputs: Sample) -> BatchScores:
            logits = as_logits(logits_of(forward(self.model, inputs)), self.outputs)
            own = score_outputs(logits, targets, self.score)
            return torch.stack([*(parts[layer] for layer in self.probes), own]).permute(2, 0, 1)

        with capture(self.model, list(self.probes), visit):
            yield collect


def unmasked_logits(
    model: nn.Module, inputs: Sample, outputs: OutputKind, batch_size: int
) -> Float64[Tensor, "n_samples n_outputs"]:
    """The network's own logits of the samples themselves, on the CPU; the batch is halved where memory runs out.

    Raises:
        BudgetError: not even a single sample fits.
    """

    def attempt(size: int) -> Tensor:
        with evaluating(model):
            parts = Samples(named_parts(inputs)).split(size)
            found = (logits_of(forward(model, to_model(model, part, copy=True))) for part in parts)
            return torch.cat([as_logits(logits.cpu(), outputs) for logits in found])

    return with_less(attempt, batch_size, one="sample", advice="use a device with more memory")


def check_scores(scores: SampleScores, layers: Sequence[str], sample: int) -> None:
    """Raise unless the scores of a sample are finite.

    Raises:
        InputError: names sample, layer and coalition.
    """
    bad = np.argwhere(~np.isfinite(scores))
    if len(bad):
        _, layer, coalition = bad[0]
        raise InputError(
            f"the score of layer {layers[layer]!r} for sample {sample} at coalition {coalition} is not finite: the "
            "network overflows on masked inputs (half precision?), or its outputs are probabilities of exactly 0 or 1. "
            "Try float32, or another baseline"
        )
