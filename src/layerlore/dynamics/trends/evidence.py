"""How many trends there are: silhouette, gap statistic and stability together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from layerlore.dynamics.trends.clustering import cluster
from layerlore.dynamics.trends.grouping import STARTS, Placed, Recipe
from layerlore.dynamics.trends.kmeans import spread_within
from layerlore.dynamics.trends.settings import MOST_TRENDS
from layerlore.dynamics.trends.stability import Stability

Points = Float64[np.ndarray, "n_points 2"]

REFERENCES = 20
STANDARD_ERRORS = 2.0
NEAR = 0.9
REFERENCE, OBSERVED = 3, 4
LAYERS_PER_TREND = 3
NOTHING = 1e-12


def numbers_to_try(placed: Placed) -> list[int]:
    """2 ... min(10, layers / 3), as far as there are different points."""
    kept = int((~placed.alone).sum())
    return list(range(2, min(MOST_TRENDS, kept // LAYERS_PER_TREND, placed.n_distinct) + 1))


def silhouette(points: Points, labels: Int64[np.ndarray, "n_points"]) -> float:
    """Mean silhouette width (Rousseeuw 1987) of the layers in trends; NaN with fewer than two trends."""
    from sklearn.metrics import silhouette_score

    inside = labels >= 0
    groups = len(np.unique(labels[inside]))
    if groups < 2 or groups >= inside.sum():
        return float("nan")
    return float(silhouette_score(points[inside], labels[inside]))


@dataclass(frozen=True)
class Gap:
    """Gap statistic of one number of groups.

    Attributes:
        gap: how much smaller the logarithm of the spread within groups is than for evenly spread points.
        error: standard error of the gap.
        over_one: the gap less that of one group.
        over_one_error: standard error of this difference; the two gaps vary together, so it is not the sum of theirs.
    """

    gap: float
    error: float
    over_one: float
    over_one_error: float

    @property
    def better_than_one(self) -> bool:
        """Whether these groups are more than evenly spread points would give."""
        return self.over_one > STANDARD_ERRORS * self.over_one_error


def gap_statistic(recipe: Recipe, placed: Placed, numbers: Sequence[int], seed: int) -> dict[int, Gap]:
    """The gap statistic for each number of groups (Tibshirani, Walther and Hastie 2001).

    Points are compared with 20 sets of points spread evenly over the box, along the principal components, that holds
    the layers. Layers that stand alone are left out.

    Args:
        recipe: how layers are grouped.
        placed: where they lie.
        numbers: of groups; 1 first.
        seed: of the reference sets.
    """
    kept = ~placed.alone
    points, counts = placed.points[kept], placed.counts[kept]
    low, high = points.min(0), points.max(0)
    observed = np.array([_log_spread(recipe, points, counts, k, (seed, OBSERVED, 0, k)) for k in numbers])
    expected = np.empty((REFERENCES, len(numbers)))
    for draw in range(REFERENCES):
        drawn = np.random.default_rng((seed, REFERENCE, draw)).uniform(low, high, points.shape)
        expected[draw] = [_log_spread(recipe, drawn, counts, k, (seed, REFERENCE, draw, k)) for k in numbers]
    gaps = expected.mean(0) - observed
    widen = np.sqrt(1 + 1 / REFERENCES)
    errors, differences = expected.std(0) * widen, (expected - expected[:, :1]).std(0) * widen
    columns = gaps, errors, gaps - gaps[0], differences
    return {k: Gap(*(float(column[place]) for column in columns)) for place, k in enumerate(numbers)}


def weigh(
    gaps: Mapping[int, Gap],
    silhouettes: Mapping[int, float],
    stabilities: Mapping[int, Stability],
    groups: Mapping[int, int],
) -> tuple[int, list[dict[str, Any]]]:
    """The number of trends that the evidence speaks for, and the evidence.

    The rule:

    1. *Admissible* is a number whose trends are all large enough once tiny groups count as outliers, and whose gap
       exceeds that of one trend by more than two standard errors of the difference. If none is, there is one trend.
    2. Among these, the largest number that is within a tenth of the best in silhouette and within a tenth of the best
       in stability. Both lean towards few groups, since taking two near groups for one costs them little: so the finest
       grouping is taken that is not clearly worse.
    3. If no number is near the best in both, the one with the largest mean of the two.

    Args:
        gaps: for 1 and each number.
        silhouettes: for each number.
        stabilities: for each number.
        groups: trends that were left of each number.
    """
    lines: list[dict[str, Any]] = [_line(1, gaps)]
    for k in sorted(silhouettes):
        reasons = []
        if groups[k] < k:
            reasons.append(f"only {groups[k]} groups are large enough to be trends")
        if not gaps[k].better_than_one:
            reasons.append("no better than one trend by the gap statistic")
        seen = {"silhouette": silhouettes[k], "stability": stabilities[k].mean, "groups": groups[k]}
        lines.append(_line(k, gaps) | seen | {"admissible": not reasons, "why_not": "; ".join(reasons)})
    best = _preferred([line for line in lines[1:] if line["admissible"]]) or lines[0]
    best["chosen"] = True
    return int(best["n_clusters"]), lines


def _preferred(lines: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    if not lines:
        return None
    widest, steadiest = (max(line[name] for line in lines) for name in ("silhouette", "stability"))
    near = [line for line in lines if line["silhouette"] >= NEAR * widest and line["stability"] >= NEAR * steadiest]
    if near:
        return near[-1]
    return max(lines, key=lambda line: line["silhouette"] + line["stability"])


def _line(k: int, gaps: Mapping[int, Gap]) -> dict[str, Any]:
    gap = gaps[k]
    numbers = {"gap": gap.gap, "gap_error": gap.error, "over_one": gap.over_one, "over_one_error": gap.over_one_error}
    empty = {"silhouette": None, "stability": None, "groups": 1, "admissible": True, "why_not": ""}
    return {"n_clusters": k, **numbers, **empty, "chosen": False}


def _log_spread(
    recipe: Recipe, points: Points, counts: Int64[np.ndarray, "n_points"], k: int, key: tuple[int, ...]
) -> float:
    method = "kmeans" if recipe.method == "hdbscan" else recipe.method
    rng = np.random.default_rng(key)
    labels = cluster(points, counts, k, method, starts=STARTS, min_size=recipe.min_size, rng=rng)
    whole = spread_within(points, counts, np.zeros(len(points), np.int64))
    # As many groups as different points leave no spread at all.
    return float(np.log(max(spread_within(points, counts, labels), NOTHING * whole, np.finfo(float).tiny)))
