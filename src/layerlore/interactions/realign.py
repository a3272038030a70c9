"""Splits and calibration lines for other guides than those a run was made with."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from layerlore.errors import ConvergenceWarning
from layerlore.interactions.alignment import Guides, SplitSettings, effects_of, split_layers
from layerlore.interactions.bootstrap import ratio
from layerlore.interactions.calibration import LayerEffects, Lines, Yardsticks, ceiling, floor
from layerlore.interactions.salience import SALIENCE, largest_effect


@dataclass(frozen=True)
class Aligned:
    """Splits of all samples for one choice of guides.

    Attributes:
        effects: effects of one sample, ``[target, layer, op, coalition]``.
        thresholds: salience thresholds ``[target, layer]``.
        ceiling: sums ``[sample, target, layer, sum, op, order]``.
        floor: likewise.
    """

    effects: Callable[[int], np.ndarray]
    thresholds: Float64[np.ndarray, "n_targets n_layers"]
    ceiling: Float64[np.ndarray, "n_samples n_targets n_layers 5 2 n_players"]
    floor: Float64[np.ndarray, "n_samples n_targets n_layers 5 2 n_players"]


def realign(
    scores: Float64[np.ndarray, "n_samples n_targets n_layers n_coalitions"],
    other: Int64[np.ndarray, "n_samples n_targets"],
    units: Float64[np.ndarray, "n_targets n_layers"],
    guides: Guides,
    settings: SplitSettings,
    *,
    noise: float,
    seed: int,
) -> Aligned:
    """Solve all splits and calibration lines for ``guides``; `ConvergenceWarning` where splits miss the tolerance."""
    split = split_layers(scores, units, guides, settings)
    missed = ~np.asarray(split.converged)
    if missed.any() and settings.solver == "certified":
        warnings.warn(
            f"{int(missed.sum())} of {missed.size} games that were split anew for this reference missed the tolerance "
            f"{settings.tolerance:g}: their effects may not be the sparsest",
            ConvergenceWarning,
            stacklevel=4,
        )
    effects = effects_of(split)
    thresholds = SALIENCE * largest_effect(effects).max(axis=0)
    measures = Yardsticks(units, ratio(thresholds, units))
    lines = []
    for sample, own in enumerate(scores):
        there = other_effects(effects.__getitem__, other[sample])
        lines.append(calibrate(own, effects[sample], there, sample, guides, measures, settings, noise, seed))
    return Aligned(effects.__getitem__, thresholds, *(np.stack(part) for part in zip(*lines, strict=True)))


def other_effects(effects: Callable[[int], LayerEffects], other: Int64[np.ndarray, "n_targets"]) -> LayerEffects:
    """For each target the effects of the sample ``other`` says; NaN where it says -1."""
    return np.stack(
        [
            effects(int(sample))[target] if sample >= 0 else np.full_like(effects(0)[target], np.nan)
            for target, sample in enumerate(other)
        ]
    )


def calibrate(
    scores: np.ndarray,
    effects: LayerEffects,
    other: LayerEffects,
    sample: int,
    guides: Guides,
    measures: Yardsticks,
    settings: SplitSettings,
    noise: float,
    seed: int,
) -> tuple[Lines, Lines]:
    """Ceiling and floor of one sample; ``other``: effects of a sample of another class, NaN if there is none."""
    high = ceiling(scores, effects, guides, measures, settings, noise, (seed, sample))
    missing = np.asarray(np.isnan(other).any((-3, -2, -1)))
    low = floor(scores, np.where(missing[:, None, None, None], 0.0, other), guides, measures, settings)
    low[missing] = np.nan
    return high, low
