"""Layers that stand alone: found before the grouping, whatever the number of groups."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float64, Int64

from layerlore.dynamics.trends.reduction import TO_DEVIATION

THRESHOLD = 3.5
"""Modified z-score above which a value is an outlier (Iglewicz and Hoaglin 1993)."""


def isolated(points: Float64[np.ndarray, "n_points 2"], min_size: int) -> Bool[np.ndarray, "n_points"]:
    """Points that fewer than ``min_size - 1`` others are near to.

    The logarithm of a point's distance to its ``min_size - 1``-th nearest other point is compared with the median over
    points, in units of the median absolute deviation. The unit is at least the one of points without any structure:
    for a Poisson process in the plane that logarithm has the standard deviation ``sqrt(trigamma(m)) / 2``. So a group
    of ``min_size`` is never taken for outliers because it is small, and a regular arrangement has none.

    Args:
        points: of which copies count once.
        min_size: of a group.
    """
    from scipy.spatial import KDTree
    from scipy.special import polygamma

    distinct, place = np.unique(points, axis=0, return_inverse=True)
    rank = min_size - 1
    if rank < 1 or len(distinct) <= rank + 1:
        return np.zeros(len(points), bool)
    distance, _ = KDTree(distinct).query(distinct, rank + 1)
    logs = np.log(np.asarray(distance)[:, -1])
    middle = np.median(logs)
    structureless = np.sqrt(polygamma(1, rank)) / 2
    unit = max(TO_DEVIATION * float(np.median(np.abs(logs - middle))), float(structureless))
    return (logs - middle > THRESHOLD * unit)[place.reshape(-1)]


def tiny_groups(labels: Int64[np.ndarray, "n_points"], min_size: int) -> Bool[np.ndarray, "n_points"]:
    """Points in groups of fewer than ``min_size``; points labelled below 0 are in none.

    >>> tiny_groups(np.array([0, 0, 1, -1]), 2).tolist()
    [False, False, True, False]
    """
    grouped = labels >= 0
    size = np.bincount(labels[grouped], minlength=1)
    return grouped & (size[np.maximum(labels, 0)] < min_size)
