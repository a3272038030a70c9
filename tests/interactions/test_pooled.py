"""Means and medians of pooled values in every resample, against repeating the values by hand (METHODS A9)."""

import numpy as np
import pytest

from layerlore.interactions import pooled

COUNTS = np.random.default_rng(0).multinomial(5, [0.2] * 5, size=200)


def values(seed, n_values):
    rng = np.random.default_rng(seed)
    # Ties and values that only some samples have.
    return rng.integers(0, 6, n_values).astype(float), rng.choice([0, 1, 3], n_values)


@pytest.mark.parametrize("n_values", [1, 2, 7, 40])
def test_a_sample_drawn_twice_counts_twice(n_values, monkeypatch):
    found, samples = values(n_values, n_values)
    monkeypatch.setattr(pooled, "NUMBERS_AT_ONCE", 3 * n_values)
    means, medians = (f(found, samples, COUNTS) for f in (pooled.pooled_means, pooled.pooled_medians))
    for row, counts in enumerate(COUNTS):
        repeated = np.concatenate([np.repeat(found[samples == sample], counts[sample]) for sample in range(5)])
        if len(repeated):
            assert means[row] == pytest.approx(repeated.mean(), rel=1e-14)
            assert medians[row] == np.median(repeated)
        else:
            assert np.isnan([means[row], medians[row]]).all()


def test_values_and_intervals():
    found, samples = values(3, 30)
    result = pooled.mean_and_median(found, samples, COUNTS, 0.9)
    assert result["mean"] == pytest.approx(found.mean())
    assert result["median"] == np.median(found)
    draws = pooled.pooled_medians(found, samples, COUNTS)
    assert [result["median_low"], result["median_high"]] == np.nanquantile(draws, [0.05, 0.95]).tolist()
    assert result["mean_low"] < result["mean"] < result["mean_high"]


def test_nothing_is_nan_and_one_sample_has_no_interval():
    nothing = pooled.mean_and_median(np.empty(0), np.empty(0, np.int64), COUNTS, 0.9)
    assert np.isnan(list(nothing.values())).all()
    one = pooled.mean_and_median(np.array([1.0, 2.0, 6.0]), np.array([3, 3, 3]), COUNTS, 0.9)
    assert (one["mean"], one["median"]) == (3.0, 2.0)
    assert np.isnan([one["mean_low"], one["mean_high"], one["median_low"], one["median_high"]]).all()
