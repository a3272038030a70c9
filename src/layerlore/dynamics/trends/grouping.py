"""One recipe applied to one draw of layers: places, outliers, groups.

A draw is a count per layer. The table itself is the draw in which every count is 1; a bootstrap resample is another.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

from layerlore.dynamics.trends.clustering import cluster
from layerlore.dynamics.trends.outliers import isolated, tiny_groups
from layerlore.dynamics.trends.reduction import principal_components, scale_steps

Rows = Float64[np.ndarray, "n_layers n_features"]
Counts = Int64[np.ndarray, "n_layers"]
Labels = Int64[np.ndarray, "n_layers"]

OUTLIER, ABSENT = -1, -9
STARTS = 10
ROUNDS = 10
"""Ten starts as published, ten times over for the result itself. A single round of ten ends in a worse optimum for
about 1 seed in 200 on the authors' own tables."""

LEAST_IN_DRAW = 2
MOST_SET_ASIDE = 0.2
PASSES = 5


@dataclass(frozen=True, eq=False)
class Recipe:
    """How layers are placed and grouped.

    Attributes:
        rows: the cleaned table, or points that are taken as they are.
        method: see `cluster`.
        scaling: of each step, see `scale_steps`.
        placed: ``rows`` are points already.
        find_outliers: label layers that stand alone.
        min_size: smallest trend; 1 means that no group is too small.
    """

    rows: Rows
    method: str
    scaling: str
    placed: bool
    find_outliers: bool
    min_size: int

    @property
    def once(self) -> Counts:
        """Every layer, once."""
        return np.ones(len(self.rows), np.int64)

    def least(self, n_drawn: int) -> int:
        """The smallest trend in a draw: a group of 3 in all layers has about 2 of them in a bootstrap resample."""
        if self.min_size == 1:
            return 1
        return max(LEAST_IN_DRAW, round(self.min_size * n_drawn / len(self.rows)))


@dataclass(frozen=True, eq=False)
class Placed:
    """Layers in two dimensions.

    Attributes:
        points: of all layers of the draw, in the order of ``layers``.
        layers: their places in the table.
        counts: how often each was drawn.
        alone: which stand alone.
        explained: share of the variance of the two dimensions; None where that has no meaning.
        least: the smallest trend in this draw.
    """

    points: Float64[np.ndarray, "n_drawn 2"]
    layers: Int64[np.ndarray, "n_drawn"]
    counts: Int64[np.ndarray, "n_drawn"]
    alone: Bool[np.ndarray, "n_drawn"]
    explained: list[float] | None
    least: int

    @property
    def n_distinct(self) -> int:
        """Different points among those that do not stand alone."""
        return len(np.unique(self.points[~self.alone], axis=0))


def place(recipe: Recipe, counts: Counts) -> Placed:
    """Scale, reduce, and find the layers that stand alone.

    The components are those of the layers that do not stand alone; both are found in turn until they agree.
    """
    layers = np.flatnonzero(counts)
    rows, drawn = recipe.rows[layers], counts[layers]
    least = recipe.least(len(layers))
    alone = np.zeros(len(layers), bool)
    if recipe.placed:
        if recipe.find_outliers:
            alone = isolated(rows, least)
        return Placed(rows, layers, drawn, alone, None, least)
    scaled = scale_steps(rows, drawn, recipe.scaling)
    points, explained = principal_components(scaled, drawn)
    for _ in range(PASSES if recipe.find_outliers else 0):
        found = isolated(points, least)
        if (found == alone).all():
            break
        alone = found
        points, explained = principal_components(scaled, drawn * ~alone)
    return Placed(points, layers, drawn, alone, explained, least)


def group(recipe: Recipe, placed: Placed, k: int, rng: np.random.Generator, rounds: int = 1) -> Labels:
    """Labels of all layers of the table: groups from 0, `OUTLIER`, `ABSENT` where a layer was not drawn.

    A group that is too small for a trend is set aside as outliers and the rest is grouped anew, as long as at most a
    fifth of the layers are set aside; what is too small then leaves fewer than ``k`` groups.
    """
    kept = ~placed.alone
    enough = (1 - MOST_SET_ASIDE) * len(kept)
    while True:
        labels = np.full(len(kept), OUTLIER)
        if _distinct(placed.points[kept], k):
            labels[kept] = cluster(
                placed.points[kept],
                placed.counts[kept],
                k,
                recipe.method,
                starts=STARTS * rounds,
                min_size=placed.least,
                rng=rng,
            )
        elif kept.any():
            labels[kept] = np.unique(placed.points[kept], axis=0, return_inverse=True)[1].reshape(-1)
        tiny = tiny_groups(labels, placed.least)
        labels[tiny] = OUTLIER
        if not tiny.any() or recipe.method == "hdbscan" or (kept & ~tiny).sum() < max(enough, k * placed.least):
            break
        kept = kept & ~tiny
    everywhere = np.full(len(recipe.rows), ABSENT)
    everywhere[placed.layers] = labels
    return everywhere


def _distinct(points: Float64[np.ndarray, "n_kept 2"], k: int) -> bool:
    return len(np.unique(points, axis=0)) >= max(k, 1)
