"""Bootstrap over samples of sums and of ratios of sums (METHODS A9)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

RESAMPLES = 1000
CONFIDENCE = 0.95


def resampling_weights(n_samples: int, resamples: int, seed: int) -> Float64[np.ndarray, "n_resamples n_samples"]:
    """How often each sample is drawn in each resample, divided by the number of samples."""
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(n_samples, np.full(n_samples, 1 / n_samples), size=resamples)
    return counts / n_samples


def interval(draws: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Percentile interval over the first axis; NaN where no draw is defined."""
    defined = np.isfinite(draws).any(axis=0)
    filled = np.where(defined, draws, 0.0)
    tail = (1 - confidence) / 2
    low, high = np.nanquantile(filled, [tail, 1 - tail], axis=0)
    return np.where(defined, low, np.nan), np.where(defined, high, np.nan)


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """``part / whole``, NaN where the whole is 0."""
    return np.divide(part, whole, out=np.full(np.broadcast(part, whole).shape, np.nan), where=whole != 0)
