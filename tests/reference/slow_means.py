"""Means and intervals over runs, one entry at a time, by scipy's own words for them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats


def mean_and_interval(tables: Sequence[np.ndarray], confidence: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, lower and upper bound of each entry over the tables that are finite there."""
    shape = tables[0].shape
    mean, low, high = (np.full(shape, math.nan) for _ in range(3))
    for place in np.ndindex(shape):
        found = [float(table[place]) for table in tables if math.isfinite(table[place])]
        if found:
            mean[place] = sum(found) / len(found)
        if len(found) > 1:
            spread = stats.sem(found)
            low[place], high[place] = mean[place], mean[place]
            if spread:
                low[place], high[place] = stats.t.interval(confidence, len(found) - 1, mean[place], spread)
    return mean, low, high
