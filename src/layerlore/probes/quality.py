"""How good probes are, and which to keep: penalties judged, chance, and what to warn of."""

from __future__ import annotations

import math
import warnings
from typing import Any

import torch
from torch import Tensor

from layerlore.errors import ConvergenceWarning, QualityWarning
from layerlore.probes.objective import Loss, agreement, losses
from layerlore.probes.probes import Probe, Probes, Quality
from layerlore.probes.survey import Survey
from layerlore.probes.trainer import Trainer

CHANCE_DEVIATIONS = 1.645
"""One-sided 5 % of a normal distribution: a probe must beat chance by this many standard errors."""


def probe_of(layer: str, read_out: str, shape: tuple[int, ...], trainer: Trainer) -> Probe:
    """The probe of a layer with the penalty that does best on the validation data."""
    n_train = trainer.n_train
    counts = torch.tensor([n_train, len(trainer.labels) - n_train], dtype=torch.float64)
    mean = trainer.judged.cpu() / counts.view(2, 1, 1)
    # Of penalties that do equally well, the strongest.
    least = mean[1, 0].min()
    best = max(range(len(trainer.penalties)), key=lambda i: (bool(mean[1, 0, i] == least), trainer.penalties[i]))
    weight, bias = trainer.folded(best)
    measured = mean[:, :, best]
    if trainer.loss == "squared":
        measured = torch.stack([measured[:, 0], determination(measured[:, 1], trainer.found)], dim=1)
    quality = Quality(*(float(measured[row, column]) for row in range(2) for column in range(2)))
    converged = bool(trainer.minimiser.met[best])
    return Probe(layer, read_out, shape, weight, bias, float(trainer.penalties[best]), converged, quality)


def determination(squared_error: Tensor, found: Survey) -> Tensor:
    """Coefficients of determination on training and validation data, of mean squared errors there."""
    parts = [found.labels[rows] for rows in (~found.validation, found.validation)]
    spread = [((labels - labels.mean(0)) ** 2).sum(-1).mean() for labels in parts]
    return 1 - squared_error / torch.stack(spread)


def result_of(probes: tuple[Probe, ...], found: Survey, loss: Loss, identity: dict[str, Any]) -> Probes:
    """Probes of all layers beside the quality of the network itself."""
    own_loss, own_agreement = losses(found.logits, found.labels, loss), agreement(found.logits, found.labels, loss)
    parts = (~found.validation, found.validation)
    means = [(own_loss[rows].mean(), own_agreement[rows].mean()) for rows in parts]
    if loss == "squared":
        shares = determination(torch.stack([agreed for _, agreed in means]), found)
        means = [(value, share) for (value, _), share in zip(means, shares, strict=True)]
    network = Quality(*(float(number) for pair in means for number in pair))
    validation = found.labels[found.validation]
    chance = int(validation.bincount().max()) / len(validation) if loss != "squared" else 0.0
    return Probes(probes, found.n_outputs, loss, network, chance, len(validation), found.input_mean, identity)


def poor(probes: Probes) -> list[str]:
    """Layers whose probe does not beat chance on the validation data (one-sided, 5 %)."""
    error = CHANCE_DEVIATIONS * math.sqrt(max(probes.chance * (1 - probes.chance), 0) / probes.n_validation)
    bar = probes.chance + error
    # Where the accuracy is not defined (targets that do not vary), nothing shows that the probe beats chance.
    return [
        probe.layer
        for probe in probes
        if math.isnan(probe.quality.validation_accuracy) or probe.quality.validation_accuracy <= bar
    ]


def chance_notes(probes: Probes) -> list[str]:
    """A sentence for each of the `poor` probes."""
    squared = probes.loss == "squared"
    what = "coefficient of determination" if squared else "accuracy"
    dull = "the mean" if squared else "the commonest class"
    return [
        f"the probe of layer {layer!r} is no better than chance: validation {what} "
        f"{probes[layer].quality.validation_accuracy:.3f}, always answering {dull} gives "
        f"{probes.chance:.3f}. What it scores says little about this layer"
        for layer in poor(probes)
    ]


def warn_of(probes: Probes, max_passes: int) -> None:
    """Warn, in the name of the caller's caller, of probes that say little or were not trained to the end."""
    for note in chance_notes(probes):
        warnings.warn(note, QualityWarning, stacklevel=3)
    unfinished = [probe.layer for probe in probes if not probe.converged]
    if unfinished:
        warnings.warn(
            f"the probes of {', '.join(map(repr, unfinished))} did not reach the tolerance in {max_passes} passes, or "
            "before rounding stopped them: raise max_passes or tolerance, or use stronger penalties",
            ConvergenceWarning,
            stacklevel=3,
        )
