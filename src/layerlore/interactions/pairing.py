"""Layers of two networks side by side: overlaps of every sample, as they are and aligned, and means (METHODS A7)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64

from layerlore.interactions import jaccard
from layerlore.interactions.alignment import SplitSettings, effects_of, unit_ratio
from layerlore.interactions.bootstrap import interval, ratio
from layerlore.interactions.knowledge import Knowledge
from layerlore.interactions.salience import SALIENCE, largest_effect

NUMBERS_AT_ONCE = 1 << 22
"""Scores held while splits are made."""

Games = Float64[np.ndarray, "n_samples n_targets n_ops n_orders"]


@dataclass(frozen=True)
class Side:
    """One network's layer in a comparison.

    Attributes:
        knowledge: the network's explanation.
        layer: its name.
        settings: of the splits that are pulled toward the other side's.
    """

    knowledge: Knowledge
    layer: str
    settings: SplitSettings

    @property
    def position(self) -> int:
        """Of the layer, by depth."""
        return self.knowledge.layers.index(self.layer)

    @property
    def unit(self) -> Float64[np.ndarray, "n_targets"]:
        """Normaliser of the layer."""
        return self.knowledge.normalisers()[:, self.position]

    @property
    def threshold(self) -> Float64[np.ndarray, "n_targets"]:
        """Salience threshold of the layer."""
        return self.knowledge.thresholds()[:, self.position]

    def effects(self, sample: int) -> Float64[np.ndarray, "n_targets 2 n_coalitions"]:
        """Effects of a sample, as the explanation holds them."""
        return self.knowledge.effects(sample)[:, self.position]

    def scores(self, sample: int) -> Float64[np.ndarray, "n_targets n_coalitions"]:
        """Scores of a sample."""
        return self.knowledge.scores(sample)[:, self.position]


def compare(first: Side, second: Side, sign_aware: bool) -> tuple[jaccard.Overlap, list[jaccard.Overlap]]:
    """Overlaps of all samples: of the splits as they are, and with either side pulled toward the other."""
    samples = range(first.knowledge.n_samples)
    thresholds, units = (first.threshold, second.threshold), (first.unit, second.unit)
    raw = _stacked(jaccard.overlap(first.effects(i), second.effects(i), thresholds, units, sign_aware) for i in samples)
    aligned = []
    if first.settings.pull > 0 and second.settings.pull > 0:
        for side, other in ((first, second), (second, first)):
            pulled = _pulled(side, other)
            moved = SALIENCE * largest_effect(pulled).max(axis=0)
            measures = (moved, other.threshold), (side.unit, other.unit)
            aligned.append(
                _stacked(jaccard.overlap(pulled[i], other.effects(i), *measures, sign_aware) for i in samples)
            )
    return raw, aligned


def _pulled(side: Side, other: Side) -> Float64[np.ndarray, "n_samples n_targets 2 n_coalitions"]:
    """Effects of one side's games, pulled toward the other's effects in its own unit."""
    factor = unit_ratio(side.unit, other.unit)[:, None, None]
    n_samples, n_targets = side.knowledge.n_samples, len(side.unit)
    at_once = max(1, (NUMBERS_AT_ONCE >> side.knowledge.n_players) // n_targets)
    parts = []
    for start in range(0, n_samples, at_once):
        chunk = range(start, min(start + at_once, n_samples))
        toward = np.stack([other.effects(sample) * factor for sample in chunk])
        parts.append(effects_of(side.settings.split(np.stack([side.scores(sample) for sample in chunk]), toward)))
    return np.concatenate(parts)


def _stacked(found: Iterator[jaccard.Overlap]) -> jaccard.Overlap:
    parts = list(found)
    return jaccard.Overlap(**{name: np.stack([getattr(part, name) for part in parts]) for name in vars(parts[0])})


@dataclass(frozen=True)
class Values:
    """The three numbers of every set, ``[sample, target, op, order]``; in totals the order's axis has length 1."""

    iou: Games
    chance: Games
    weighted: Games


def by_order(found: jaccard.Overlap) -> Values:
    """The numbers of every op and order."""
    return Values(jaccard.iou(found), jaccard.chance_iou(found), jaccard.weighted_iou(found))


def in_total(found: jaccard.Overlap) -> Values:
    """The numbers of AND, of OR and of both, the sets of all orders taken together."""
    groups = [jaccard.of_op(found, 0), jaccard.of_op(found, 1), found]
    sums = [jaccard.pooled(group) for group in groups]
    chance = [jaccard.pooled_chance_iou(group) for group in groups]
    return Values(
        iou=np.concatenate([jaccard.iou(group) for group in sums], axis=-2),
        chance=np.stack(chance, axis=-1)[..., None],
        weighted=np.concatenate([jaccard.weighted_iou(group) for group in sums], axis=-2),
    )


def measured(
    raw: Values, aligned: list[Values], weights: np.ndarray, confidence: float
) -> dict[str, Float64[np.ndarray, "n_ops n_orders"]]:
    """Means over samples and targets, with intervals, of every variable of one pair."""
    either = _either(aligned, raw)
    iou, chance, weighted = (_means(values, weights) for values in (raw.iou, raw.chance, raw.weighted))
    aligned_iou, aligned_chance = (_means(values, weights) for values in (either.iou, either.chance))
    spread = {
        "iou": iou,
        "corrected": jaccard.corrected(iou, chance),
        "weighted": weighted,
        "aligned_iou": aligned_iou,
        "aligned_corrected": jaccard.corrected(aligned_iou, aligned_chance),
    }
    found = {}
    defined = np.isfinite(raw.iou)
    # Resampling samples cannot say how sure the value of a single one is.
    known = defined.any(axis=1).sum(axis=0) > 1
    for name, (value, *draws) in spread.items():
        low, high = (np.where(known, end, np.nan) for end in interval(np.asarray(draws), confidence))
        found |= {name: value, f"{name}_low": low, f"{name}_high": high}
    return found | {
        "chance": chance[0],
        "n_defined": defined.sum(axis=(0, 1)),
        "n_empty": (~defined).sum(axis=(0, 1)),
    }


def _either(aligned: list[Values], raw: Values) -> Values:
    """Mean over the two sides; a side where nothing is salient says nothing."""
    if not aligned:
        nothing = np.full_like(raw.iou, np.nan)
        return Values(nothing, nothing, nothing)
    iou, chance = (np.stack([getattr(side, name) for side in aligned]) for name in ("iou", "chance"))
    count = np.isfinite(iou).sum(axis=0).astype(np.float64)
    both = (ratio(np.nan_to_num(part).sum(axis=0), count) for part in (iou, chance))
    return replace(aligned[0], **dict(zip(("iou", "chance"), both, strict=True)))


def _means(values: Games, weights: np.ndarray) -> Float64[np.ndarray, "n_rows n_ops n_orders"]:
    """Means over what is defined: of all samples in the first row, then of each resample."""
    sums, counts = np.nan_to_num(values).sum(axis=1), np.isfinite(values).sum(axis=1).astype(np.float64)
    every = np.concatenate([np.full((1, len(values)), 1 / len(values)), weights])
    return ratio(np.tensordot(every, sums, axes=1), np.tensordot(every, counts, axes=1))
