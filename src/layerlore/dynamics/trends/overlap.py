"""How much two groupings of the same layers agree."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int64

Labels = Int64[np.ndarray, "n_layers"]


def contingency(first: Labels, second: Labels) -> Int64[np.ndarray, "n_first n_second"]:
    """Layers in each pair of groups; groups in ascending order of their labels."""
    _, rows = np.unique(first, return_inverse=True)
    _, columns = np.unique(second, return_inverse=True)
    table = np.zeros((rows.max(initial=-1) + 1, columns.max(initial=-1) + 1), np.int64)
    np.add.at(table, (rows.reshape(-1), columns.reshape(-1)), 1)
    return table


def adjusted_rand(first: Labels, second: Labels) -> float:
    """Adjusted Rand index (Hubert and Arabie 1985): 1 for the same grouping, 0 on average for unrelated ones.

    Labels are names only; every label, also a negative one, is a group. Two groupings that both have one group, or both
    as many groups as layers, agree: 1.

    >>> adjusted_rand(np.array([0, 0, 1, 1]), np.array([5, 5, 2, 2]))
    1.0
    """
    table = contingency(first, second)
    pairs = _pairs(table).sum()
    rows, columns = _pairs(table.sum(1)).sum(), _pairs(table.sum(0)).sum()
    expected = rows * columns / max(float(_pairs(table.sum())), 1.0)
    most = (rows + columns) / 2
    return 1.0 if most == expected else float((pairs - expected) / (most - expected))


def jaccard(first: Labels, second: Labels) -> dict[int, float]:
    """For each group of the first grouping, the Jaccard coefficient with the most similar group of the second."""
    table = contingency(first, second)
    union = table.sum(1)[:, None] + table.sum(0)[None] - table
    best = (table / union).max(1)
    return {int(label): float(share) for label, share in zip(np.unique(first), best, strict=True)}


def _pairs(count: np.ndarray | np.integer) -> np.ndarray | np.floating:
    number = np.asarray(count, dtype=np.float64)
    return number * (number - 1) / 2
