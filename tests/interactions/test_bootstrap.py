"""Resampling of samples (METHODS A9)."""

import warnings

import numpy as np
import pytest

from layerlore.interactions.bootstrap import interval, ratio, resampling_weights


def test_weights_are_counts_of_a_resample_with_replacement():
    weights = resampling_weights(5, 4000, seed=0)
    counts = weights * 5
    assert weights.shape == (4000, 5)
    np.testing.assert_allclose(counts, counts.round(), atol=1e-12)
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-12)
    # Each count is binomial(5, 1/5): mean 1, variance 4/5. Five standard errors of 4000 draws.
    assert np.abs(counts.mean(0) - 1).max() < 5 * np.sqrt(0.8 / 4000)
    # The variance of the variance is under 2 for this binomial.
    assert np.abs(counts.var(0) - 0.8).max() < 5 * np.sqrt(2 / 4000)
    assert np.array_equal(weights, resampling_weights(5, 4000, seed=0))
    assert not np.array_equal(weights, resampling_weights(5, 4000, seed=1))


def test_one_sample_is_drawn_always():
    assert resampling_weights(1, 3, seed=0).tolist() == [[1.0], [1.0], [1.0]]


def test_the_interval_of_means_is_as_wide_as_theory_says():
    values = np.random.default_rng(0).standard_normal(400)
    low, high = interval(resampling_weights(400, 4000, 0) @ values, 0.95)
    # Normal approximation; a quantile of 4000 draws at 2.5 % is off by about 2 % of the half width.
    half = 1.96 * values.std() / 20
    assert low == pytest.approx(values.mean() - half, abs=0.08 * half)
    assert high == pytest.approx(values.mean() + half, abs=0.08 * half)


def test_percentiles_are_over_the_draws_that_are_defined():
    draws = np.stack([np.arange(101.0), np.full(101, np.nan), np.where(np.arange(101) < 51, np.arange(101.0), np.nan)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        low, high = interval(draws.T, 0.9)
    np.testing.assert_allclose(low, [5, np.nan, 2.5])
    np.testing.assert_allclose(high, [95, np.nan, 47.5])


def test_a_ratio_with_nothing_below_is_undefined():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = ratio(np.array([0.0, 3.0, np.nan, 1.0]), np.array([0.0, 2.0, 1.0, np.nan]))
        assert np.isnan(ratio(np.zeros(2), np.array(0.0))).tolist() == [True, True]
    np.testing.assert_array_equal(found, [np.nan, 1.5, np.nan, np.nan])
