"""Tests and intervals, each beside what it must give: by enumeration, by scipy, by its own error rate."""

import itertools
import math

import numpy as np
import pytest
import scipy.stats

from layerlore.zoo.studies import evidence
from layerlore.zoo.studies.evidence import (
    Largest,
    Smallest,
    evidence_of,
    holm,
    mean_of,
    over_layers,
    ranks,
    sampled,
    sign_flip,
    spearman,
)

SEEDS = 200


@pytest.fixture
def few_flips(monkeypatch):
    """Enough for a decision at 0.05, and fast."""
    monkeypatch.setattr(evidence, "FLIPS", 399)


def test_sign_flips_by_enumeration():
    values = np.random.default_rng(0).normal(size=7) + 0.4
    signs = itertools.product((1, -1), repeat=7)
    sums = [sum(sign * value for sign, value in zip(row, values, strict=True)) for row in signs]
    above, below = sign_flip(values)
    whole = sum(values)
    assert above == sum(one >= whole - 1e-9 for one in sums) / 128
    assert below == sum(one <= whole + 1e-9 for one in sums) / 128


def test_sign_flips_agree_with_scipy():
    values = np.random.default_rng(3).normal(size=30) + 0.3
    above, below = sign_flip(values)

    def mean(sample, axis):
        return sample.mean(axis)

    found = scipy.stats.permutation_test(
        (values,), mean, permutation_type="samples", alternative="greater", n_resamples=9999, rng=1
    )
    # Two Monte Carlo estimates of one p near 0.05: their standard error is sqrt(2 * 0.05 / 9999) = 0.003.
    assert above == pytest.approx(found.pvalue, abs=0.012)
    assert above + below == pytest.approx(1, abs=0.02)


def test_undefined_values_are_left_out():
    values = np.array([1.0, np.nan, 2.0, 3.0])
    assert sign_flip(values) == sign_flip(values[[0, 2, 3]])
    assert sign_flip(np.array([np.nan])) == (1.0, 1.0)
    assert mean_of(values).value == 2.0
    assert math.isnan(mean_of(np.array([np.nan, np.nan])).value)


def test_equal_values_are_no_evidence():
    assert sign_flip(np.zeros(10)) == (1.0, 1.0)
    assert evidence_of(mean_of(np.zeros(10)), 0.0).p_value == 1.0


def test_pseudo_values_of_a_mean_are_the_values():
    values = np.random.default_rng(0).normal(size=9)
    np.testing.assert_allclose(mean_of(values).pseudo, values, atol=1e-12)


def test_interval_of_a_ratio_covers_it_as_often_as_it_says():
    """20 samples of a ratio of sums whose true value is 0.5."""
    covered = 0
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        whole = rng.gamma(4, size=20)
        part = whole * rng.uniform(0.2, 0.8, 20)
        found = sampled(lambda weights, part=part, whole=whole: (weights @ part) / (weights @ whole), 20, resamples=500)
        low, high = found.interval(0.95)
        covered += low <= 0.5 <= high
    # The percentile interval of 20 samples covers a little less than it says; 200 trials: standard error 1.7 %.
    assert 0.88 <= covered / SEEDS <= 0.99


def test_error_rate_of_the_sign_flip_test():
    rejected = 0
    for seed in range(1000):
        values = np.random.default_rng(seed).normal(size=10)
        rejected += 2 * min(sign_flip(values)) < 0.05
    # Exact and discrete: at most 5 %; 1,000 trials: standard error 0.7 %.
    assert 0.025 <= rejected / 1000 <= 0.07


def test_largest_of_several_nulls_is_rarely_above(few_flips):
    """Ten numbers that are all 0: that their largest is above 0 must be claimed as rarely as the level says."""
    above = 0
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        parts = tuple(mean_of(values, resamples=200) for values in rng.normal(size=(10, 20)))
        above += Largest(parts).p_above(0.0) < 0.05
    assert above / SEEDS <= 0.09


def test_largest_and_smallest_are_mirrored():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(3, 15))
    largest = Largest(tuple(mean_of(row) for row in values))
    smallest = Smallest(tuple(mean_of(-row) for row in values))
    assert smallest.value == -largest.value
    assert smallest.interval(0.95) == tuple(-end for end in largest.interval(0.95)[::-1])
    assert smallest.p_above(0.2) == largest.p_below(-0.2)
    assert largest.value == max(values.mean(1))


def test_the_largest_is_below_only_if_all_are():
    parts = tuple(mean_of(np.full(12, level) + 0.01 * np.arange(12)) for level in (0.0, 0.0, 0.5))
    assert Largest(parts).p_below(0.3) > 0.9
    assert Largest(parts[:2]).p_below(0.3) < 0.001
    assert Largest(parts).p_above(0.3) < 0.01


def test_ranks_and_rank_correlation_agree_with_scipy():
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 5, (20, 12)).astype(float), rng.normal(size=(20, 12))
    np.testing.assert_array_equal(ranks(first), [scipy.stats.rankdata(row) for row in first])
    expected = [scipy.stats.spearmanr(one, two).statistic for one, two in zip(first, second, strict=True)]
    np.testing.assert_allclose(spearman(first, second), expected, atol=1e-12)
    assert np.isnan(spearman(np.ones((1, 5)), second[:1, :5]))


def test_permutation_of_layers_agrees_with_scipy():
    rng = np.random.default_rng(1)
    depth = np.arange(15.0)
    values = depth * 0.1 + rng.normal(size=15)
    found = over_layers(lambda label, value: spearman(label, value[..., 0]), depth, values[:, None])

    def statistic(shuffled):
        return scipy.stats.spearmanr(shuffled, values).statistic

    expected = scipy.stats.permutation_test((depth,), statistic, permutation_type="pairings", n_resamples=2000, rng=0)
    assert found.number == pytest.approx(statistic(depth))
    assert found.p_value == pytest.approx(expected.pvalue, abs=0.03)


def test_error_rate_over_layers(few_flips):
    rejected = 0
    for seed in range(SEEDS):
        values = np.random.default_rng(seed).normal(size=(12, 1))
        found = over_layers(
            lambda label, value: spearman(label, value[..., 0]), np.arange(12.0), values, resamples=50, seed=seed
        )
        rejected += found.p_value < 0.05
    assert 0.01 <= rejected / SEEDS <= 0.10


def test_holm_against_its_definition():
    p_values = [0.01, 0.5, 0.02, 0.02, 0.9, 1e-4]
    adjusted = holm(p_values)
    for level in (0.001, 0.01, 0.05, 0.1, 0.5):
        # Step down: reject in order until the first that is not small enough.
        order = np.argsort(p_values, kind="stable")
        rejected = set()
        for done, place in enumerate(order):
            if p_values[place] > level / (len(p_values) - done):
                break
            rejected.add(place)
        assert {place for place, p in enumerate(adjusted) if p <= level + 1e-12} == rejected
