"""The two lines that every ledger is read against: ceiling and floor (METHODS A4).

*Ceiling*: a layer's guide against a copy of itself whose scores carry noise, the
copy pulled toward it; what even full agreement would show. *Floor*: the layer
pulled toward the guide of a sample of another class; what is imitated without
being there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from layerlore.interactions.alignment import Guides, SplitSettings, effects_of, unit_ratio
from layerlore.interactions.shares import shares

LayerEffects = Float64[np.ndarray, "n_targets n_layers 2 n_coalitions"]
Lines = Float64[np.ndarray, "n_targets n_layers n_sums 2 n_players"]


@dataclass(frozen=True)
class Yardsticks:
    """Units and thresholds of all layers ``[n_targets, n_layers]``, thresholds in those units."""

    units: Float64[np.ndarray, "n_targets n_layers"]
    thresholds: Float64[np.ndarray, "n_targets n_layers"]


def perturbed(scores: np.ndarray, noise: float, seed: tuple[int, ...]) -> np.ndarray:
    """Scores with independent Gaussian noise of ``noise * |v(N) - v(empty)|`` on every coalition."""
    size = noise * np.abs(scores[..., -1:] - scores[..., :1])
    return scores + size * np.random.default_rng(list(seed)).standard_normal(scores.shape)


def in_units(effects: np.ndarray, units: np.ndarray) -> np.ndarray:
    """Effects ``[..., layer, op, coalition]`` in units of their layer; NaN where the unit is 0."""
    unit = np.where(units > 0, units, np.nan)
    return effects / unit[..., None, None]


def oriented_shares(
    layer: np.ndarray,
    guide: np.ndarray,
    layer_threshold: np.ndarray,
    guide_threshold: np.ndarray,
    layer_first: bool,
    order: np.ndarray | None = None,
) -> Float64[np.ndarray, "*batch n_sums 2 n_players"]:
    """`shares` of a layer and its guide, the one that computes first as the earlier."""
    if layer_first:
        return shares(layer, guide, layer_threshold, guide_threshold, order).stacked()
    return shares(guide, layer, guide_threshold, layer_threshold, order).stacked()


def ceiling(
    scores: Float64[np.ndarray, "n_targets n_layers n_coalitions"],
    effects: LayerEffects,
    guides: Guides,
    measures: Yardsticks,
    settings: SplitSettings,
    noise: float,
    seed: tuple[int, ...],
) -> Lines:
    """Sums of each layer's guide against a noisy copy of itself, in the layer's place; NaN for layers without guide."""
    lines = _empty(scores, len(guides))
    for guide in sorted({guide for guide in guides if guide is not None}):
        copy = perturbed(scores[:, guide], noise, (*seed, guide))
        kept = effects[:, guide]
        noisy = effects_of(settings.split(copy, kept))
        unit, threshold = measures.units[:, guide], measures.thresholds[:, guide]
        ours, theirs = in_units(noisy, unit), in_units(kept, unit)
        for layer in (layer for layer, found in enumerate(guides) if found == guide):
            lines[:, layer] = oriented_shares(ours, theirs, threshold, threshold, layer < guide)
    return lines


def floor(
    scores: Float64[np.ndarray, "n_targets n_layers n_coalitions"],
    other: LayerEffects,
    guides: Guides,
    measures: Yardsticks,
    settings: SplitSettings,
) -> Lines:
    """Sums of each layer against its guide in another sample, ``other``, which it is pulled toward."""
    lines = _empty(scores, len(guides))
    guided = [layer for layer, guide in enumerate(guides) if guide is not None]
    theirs = [guide for guide in guides if guide is not None]
    if not guided:
        return lines
    target = other[:, theirs]
    factor = unit_ratio(measures.units[:, guided], measures.units[:, theirs])
    pulled = effects_of(settings.split(scores[:, guided], target * factor[..., None, None]))
    ours = in_units(pulled, measures.units[:, guided])
    guide = in_units(target, measures.units[:, theirs])
    for number, layer in enumerate(guided):
        lines[:, layer] = oriented_shares(
            ours[:, number],
            guide[:, number],
            measures.thresholds[:, layer],
            measures.thresholds[:, theirs[number]],
            layer < theirs[number],
        )
    return lines


def _empty(scores: np.ndarray, n_layers: int) -> Lines:
    n_players = scores.shape[-1].bit_length() - 1
    return np.full((len(scores), n_layers, 5, 2, n_players), np.nan)
