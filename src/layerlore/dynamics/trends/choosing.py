"""The grouping of all layers: with as many trends as were asked for, or as the evidence speaks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from layerlore.dynamics.trends.evidence import gap_statistic, numbers_to_try, silhouette, weigh
from layerlore.dynamics.trends.grouping import ROUNDS, Placed, Recipe, group, place
from layerlore.dynamics.trends.stability import Stability, bootstrap
from layerlore.errors import InputError

Labels = Int64[np.ndarray, "n_layers"]

RESULT = 5


@dataclass(frozen=True, eq=False)
class Choice:
    """A grouping and what speaks for it.

    Attributes:
        labels: of the layers.
        placed: where they lie.
        stability: of the grouping.
        evidence: per number of trends.
        notes: what a reader has to know.
    """

    labels: Labels
    placed: Placed
    stability: Stability
    evidence: list[dict[str, Any]]
    notes: list[str]


def choose(
    recipe: Recipe, n_clusters: int | None, resamples: int, seed: int, numbered: Callable[[Labels], Labels]
) -> Choice:
    """Group all layers.

    Args:
        recipe: how.
        n_clusters: None searches; HDBSCAN is not searched.
        resamples: of the bootstrap.
        seed: of all randomness.
        numbered: gives trends their final numbers.

    Raises:
        InputError: more trends asked for than there are different points.
    """
    placed = place(recipe, recipe.once)
    if n_clusters is not None and n_clusters > placed.n_distinct:
        raise InputError(
            f"n_clusters={n_clusters}, and only {placed.n_distinct} different histories are left to group after "
            f"cleaning ({int(placed.alone.sum())} layers stand alone): ask for fewer, or leave n_clusters out"
        )

    def grouped(k: int) -> Labels:
        return numbered(group(recipe, placed, k, np.random.default_rng((seed, RESULT, k)), ROUNDS))

    if n_clusters is None and recipe.method != "hdbscan":
        return _search(recipe, placed, grouped, resamples, seed)
    labels = grouped(n_clusters or 1)
    stability = bootstrap(recipe, {n_clusters or 1: labels}, resamples, seed)[n_clusters or 1]
    found = n_groups(labels)
    notes = []
    if n_clusters and found < n_clusters:
        notes.append(
            f"{n_clusters} trends were asked for, {found} are large enough to be trends: smaller groups are labelled "
            "as outliers"
        )
    line = {"n_clusters": found, "silhouette": silhouette(placed.points, labels), "stability": stability.mean}
    unknown = dict.fromkeys(("gap", "gap_error", "over_one", "over_one_error"))
    evidence = [line | unknown | {"groups": found, "admissible": True, "why_not": "", "chosen": True}]
    return Choice(labels, placed, stability, evidence, notes)


def by_level(labels: Labels, level: Float64[np.ndarray, "n_layers"], depth: Int64[np.ndarray, "n_layers"]) -> Labels:
    """Trends numbered by their members' mean change, most first; by depth where two are equal.

    >>> by_level(np.array([0, 0, 1, -1]), np.array([1.0, 1.0, 2.0, 9.0]), np.arange(4)).tolist()
    [1, 1, 0, -1]
    """
    trends = [int(label) for label in np.unique(labels) if label >= 0]
    ranked = sorted(trends, key=lambda label: (-level[labels == label].mean(), depth[labels == label].min()))
    place_of = {label: place for place, label in enumerate(ranked)}
    return np.array([place_of.get(int(label), int(label)) for label in labels], dtype=np.int64)


def n_groups(labels: Labels) -> int:
    """How many trends there are."""
    return len(np.unique(labels[labels >= 0]))


def _search(recipe: Recipe, placed: Placed, grouped: Callable[[int], Labels], resamples: int, seed: int) -> Choice:
    numbers = numbers_to_try(placed)
    groupings = {k: grouped(k) for k in [1, *numbers]}
    stabilities = bootstrap(recipe, groupings, resamples, seed)
    if not numbers:
        note = (
            f"{int((~placed.alone).sum())} layers with {placed.n_distinct} different histories are too few to tell "
            "trends apart: all are in one"
        )
        return Choice(groupings[1], placed, stabilities[1], [], [note])
    gaps = gap_statistic(recipe, placed, [1, *numbers], seed)
    widths = {k: silhouette(placed.points, groupings[k]) for k in numbers}
    k, evidence = weigh(gaps, widths, stabilities, {k: n_groups(groupings[k]) for k in numbers})
    alone = "no grouping is better than one trend by the evidence: the layers form a continuum, or too few differ"
    return Choice(groupings[k], placed, stabilities[k], evidence, [alone] if k == 1 else [])
