import numpy as np
import pytest

from layerlore.dynamics.trends.cleaning import clean_as_published, clean_robustly, running
from layerlore.dynamics.trends.settings import Settings

PLAIN = Settings(smoothing=1, scaling="none")
RNG = np.random.default_rng


def counts(cleaned):
    return {line["step"]: line["count"] for line in cleaned.steps}


def test_zeros_of_moving_layers_are_raised_to_the_smallest_positive_value():
    values = np.array([[0.5, 0.0, 2.0], [0.25, 1.0, 1.0], [0.0, 0.0, 0.0], [0.0, np.nan, 0.0]])
    cleaned = clean_robustly(values, PLAIN)
    assert cleaned.frozen.tolist() == [False, False, True, True]
    np.testing.assert_allclose(np.exp(cleaned.table[:2]), [[0.5, 0.25, 2.0], [0.25, 1.0, 1.0]])
    assert np.isnan(cleaned.table[2:]).all()
    assert (counts(cleaned)["zeros"], counts(cleaned)["frozen layers"]) == (1, 2)


def test_gaps_are_filled_on_the_log_scale_from_the_layer_itself():
    values = np.array([[np.nan, 1.0, np.inf, np.e**2, np.nan], [1.0, 1.0, 1.0, 1.0, 1.0]])
    cleaned = clean_robustly(values, PLAIN)
    np.testing.assert_allclose(cleaned.table[0], [0, 0, 1, 2, 2], atol=1e-12)
    assert (counts(cleaned)["gaps: NaN"], counts(cleaned)["gaps: infinite"]) == (2, 1)
    assert cleaned.notes == ["1 layers have no finite number at more than half of the steps"]


def test_smoothing_is_a_running_median_then_a_running_mean_cut_off_at_the_ends():
    rows = RNG(0).normal(size=(3, 20))
    cleaned = clean_robustly(np.exp(rows), Settings(smoothing=5))
    slow = np.array([[np.median(row[max(0, t - 2) : t + 3]) for t in range(20)] for row in rows])
    slow = np.array([[np.mean(row[max(0, t - 2) : t + 3]) for t in range(20)] for row in slow])
    np.testing.assert_allclose(cleaned.table, slow, atol=1e-12)
    np.testing.assert_allclose(cleaned.level, slow.mean(1), atol=1e-12)


def test_a_running_median_removes_two_spikes_in_a_row():
    row = np.ones((1, 15))
    row[0, 7:9] = 1e6
    assert running(row, 5, np.median).tolist() == np.ones((1, 15)).tolist()


@pytest.mark.parametrize("how", ["centre", "scale"])
def test_standardisation_takes_level_and_spread_away(how):
    rows = RNG(0).normal(size=(6, 9)) * RNG(1).uniform(1, 5, (6, 1)) + RNG(2).normal(size=(6, 1))
    cleaned = clean_robustly(np.exp(rows), Settings(smoothing=1, standardise=how))
    np.testing.assert_allclose(cleaned.table.mean(1), 0, atol=1e-12)
    if how == "scale":
        np.testing.assert_allclose(cleaned.table.std(1), 1, atol=1e-12)
    np.testing.assert_allclose(cleaned.level, rows.mean(1), atol=1e-12)


def test_a_constant_layer_has_no_shape_to_scale():
    cleaned = clean_robustly(np.array([[0.1, 0.1, 0.1], [0.1, 0.2, 0.3]]), Settings(smoothing=1, standardise="scale"))
    assert cleaned.table[0].tolist() == [0.0, 0.0, 0.0]


def test_published_cleaning_by_hand():
    values = np.array([[1.0, 2.0, np.inf, 3.0], [0.0, 0.0, 0.0, 0.0], [np.nan] * 4, [1.0] * 4])
    cleaned = clean_as_published(values)
    # (1 + 2 + 3) / 4 in the place of the infinite value: divided by the length of the row, not by the finite ones.
    assert cleaned.table[0].tolist() == [1.0, 2.0, 1.5, 3.0]
    assert cleaned.table[1].tolist() == [0.0] * 4
    assert cleaned.unknown.tolist() == [False, False, True, False]
    far = np.array([[0.0] * 9 + [10.0]])
    # Mean 1, population deviation 3: only the last value is farther than 6 from the mean.
    assert clean_as_published(far).table.tolist() == [[0.0] * 9 + [1.0]]
    # Mean 4.83, and 12 is 7.17 away: more than twice the population deviation, 3.58, not twice the sample one, 3.92.
    assert clean_as_published(np.array([[0.0, 4, 4, 4, 5, 12]])).table.tolist() == [[0.0, 4, 4, 4, 5, 29 / 6]]
    # The mean is 2 and 10 is 8 away, exactly twice the deviation: not farther.
    assert clean_as_published(np.array([[0.0] * 4 + [10.0]])).table.tolist() == [[0.0] * 4 + [10.0]]
    assert counts(clean_as_published(far))["far from the row mean"] == 1
