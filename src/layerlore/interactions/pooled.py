"""Means and medians of values pooled over samples, with bootstrap intervals over the samples (METHODS A9)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Int64

from layerlore.interactions.bootstrap import interval

NUMBERS_AT_ONCE = 1 << 22

Values = Float64[np.ndarray, "n_values"]
Owners = Int64[np.ndarray, "n_values"]
Counts = Int64[np.ndarray, "n_resamples n_samples"]
Draws = Float64[np.ndarray, "n_resamples"]


def pooled_means(values: Values, samples: Owners, counts: Counts) -> Draws:
    """Mean over all values in each resample, NaN where it holds none.

    Args:
        values: of all samples together.
        samples: the sample that each value comes from.
        counts: how often each sample is drawn in each resample.
    """
    n_samples = counts.shape[1]
    sums = np.bincount(samples, weights=values, minlength=n_samples)
    sizes = np.bincount(samples, minlength=n_samples)
    total = counts @ sizes
    return np.divide(counts @ sums, total, out=np.full(len(counts), np.nan), where=total > 0)


def pooled_medians(values: Values, samples: Owners, counts: Counts) -> Draws:
    """Median over all values in each resample, a sample drawn twice counting twice; arguments as `pooled_means`."""
    if not len(values):
        return np.full(len(counts), np.nan)
    rank = np.argsort(values, kind="stable")
    values, samples = values[rank], samples[rank]
    at_once = max(1, NUMBERS_AT_ONCE // len(values))
    return np.concatenate(
        [_medians(values, counts[start : start + at_once, samples]) for start in range(0, len(counts), at_once)]
    )


def _medians(values: Values, weights: Int64[np.ndarray, "n_resamples n_values"]) -> Draws:
    reached = 2 * np.cumsum(weights, axis=1)
    half = reached[:, -1:] // 2
    lower, upper = (reached >= half).argmax(axis=1), (reached > half).argmax(axis=1)
    return np.where(half[:, 0] > 0, (values[lower] + values[upper]) / 2, np.nan)


def mean_and_median(values: Values, samples: Owners, counts: Counts, confidence: float) -> dict[str, float]:
    """``mean`` and ``median`` of pooled values, each with ``_low`` and ``_high``; NaN where there are none.

    Values of a single sample have no interval: resampling samples cannot say how sure they are.
    """
    once = np.ones((1, counts.shape[1]), dtype=np.int64)
    found: dict[str, float] = {}
    for name, pool in (("mean", pooled_means), ("median", pooled_medians)):
        known = len(np.unique(samples)) > 1
        low, high = interval(pool(values, samples, counts), confidence) if known else (np.nan, np.nan)
        found |= {name: float(pool(values, samples, once)[0]), f"{name}_low": float(low), f"{name}_high": float(high)}
    return found
