"""Measures from sums: what each needs, what it gives where sums are extreme, and what is asked wrongly."""

import math

import numpy as np
import pytest
import torch

from layerlore.dynamics.change import sum_weights
from layerlore.dynamics.measures import (
    ALWAYS,
    COUNTS,
    DEFAULT,
    MEASURES,
    ROBUST,
    check_measures,
    measures_of,
    needed_sums,
    needs_initial,
)
from layerlore.dynamics.sums import COLUMN, FROM_INIT, SUMS
from layerlore.errors import InputError


def weights(n_weights: int = 3) -> list[list[torch.Tensor]]:
    generator = torch.Generator().manual_seed(0)
    return [[torch.randn(50, generator=generator) for _ in range(n_weights)] for _ in range(3)]


def sums_of(**values: float) -> np.ndarray:
    """One row; what is not named is 1."""
    row = np.ones((1, len(SUMS)))
    for name, value in ({"nonfinite": 0.0} | values).items():
        row[0, COLUMN[name]] = value
    return row


def test_columns():
    assert len(SUMS) == len(set(SUMS)) == 16
    assert {COLUMN[name] for name in SUMS} == set(range(16))
    assert FROM_INIT == ("changed_from_init", "squares_initial", "squares_from_init", "growth_from_init")
    assert set(ALWAYS) < set(SUMS)
    assert MEASURES.keys().isdisjoint(ROBUST)


@pytest.mark.parametrize("name", MEASURES)
def test_a_measure_uses_no_column_that_it_does_not_ask_for(name):
    columns = needed_sums([name])
    assert set(ALWAYS) <= set(columns)
    assert list(columns) == [column for column in SUMS if column in columns]
    asked = sum_weights(*weights(), columns).numpy()
    full = sum_weights(*weights(), SUMS).numpy()
    value = measures_of(asked, [name])[name]
    assert np.isfinite(value).all()
    np.testing.assert_allclose(value, measures_of(full, [name])[name], rtol=1e-13)


@pytest.mark.parametrize("name", MEASURES)
def test_a_measure_asks_for_no_column_that_it_does_not_use(name):
    full = sum_weights(*weights(), SUMS).numpy()
    for column in MEASURES[name].sums:
        other = full.copy()
        other[:, COLUMN[column]] = 0
        assert not np.array_equal(measures_of(other, [name])[name], measures_of(full, [name])[name]), column


def test_initial_weights_are_kept_for_two_measures_alone():
    assert [name for name in MEASURES if needs_initial([name])] == ["rotation_from_init", "distance_from_init"]
    assert not needs_initial(["rwc_median", "rwc_l1"])
    assert needs_initial(["rwc_median", "distance_from_init"])


def test_names():
    assert check_measures(None) == tuple(MEASURES)
    assert check_measures("rwc_l2") == ("rwc_l2",)
    assert check_measures(["rwc_median", "rotation", "rwc_l1", "rotation"]) == ("rwc_l1", "rotation", "rwc_median")
    assert next(iter(MEASURES)) == DEFAULT
    with pytest.raises(InputError, match="measures='l1' is not known"):
        check_measures(["l1"])
    with pytest.raises(InputError, match="measures is empty: name at least one of rwc_l1"):
        check_measures([])


def test_robust_measures_need_no_sums_beside_those_of_every_record():
    assert needed_sums(["rwc_median", "rwc_trimmed"]) == tuple(name for name in SUMS if name in ALWAYS)


def test_counts():
    row = sums_of(elements=10, nonzero=7, nonfinite=2, changed=1)
    found = measures_of(row, [])
    assert {name: float(value[0]) for name, value in found.items()} == {
        "zero_weights": 3,
        "zero_start": 0,
        "nonfinite": 2,
    }
    assert tuple(found) == COUNTS
    assert measures_of(sums_of(elements=10, nonzero=0, changed=1), [])["zero_start"] == 1
    assert measures_of(sums_of(elements=10, nonzero=0, changed=0), [])["zero_start"] == 0


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize("broken", [{"nonfinite": 1.0}, {"elements": 0.0}])
def test_nothing_is_measured_of_broken_or_missing_elements(name, broken):
    assert np.isnan(measures_of(sums_of(**broken), [name])[name]).all()
    unchanged = {"changed": 0.0, "changed_from_init": 0.0}
    assert np.isnan(measures_of(sums_of(**broken, **unchanged), [name])[name]).all()


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize("column", [name for name in SUMS if name not in (*ALWAYS, "changed_from_init")])
@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_a_sum_beyond_float64_gives_no_number(name, column, value):
    if column in MEASURES[name].sums:
        assert np.isnan(measures_of(sums_of(**{column: value}), [name])[name]).all()


@pytest.mark.parametrize("name", ["rwc_l2", "rotation", "update_to_weight"])
def test_squares_that_have_nearly_vanished_give_no_number(name):
    row = sums_of(squares_earlier=1e-300, squares_change=1e-302, growth=1e-301, sum_earlier=0, sum_change=0)
    assert np.isnan(measures_of(row, [name])[name]).all()
    row[:, [COLUMN[name] for name in ("squares_earlier", "squares_change", "growth")]] *= 1e40
    assert np.isfinite(measures_of(row, [name])[name]).all()


def test_rows_are_independent():
    row = sum_weights(*weights(1), SUMS).numpy()
    bad = sums_of(nonfinite=3.0)
    for name, values in measures_of(np.concatenate([row, bad, row]), tuple(MEASURES)).items():
        assert values[0] == values[2] == measures_of(row, tuple(MEASURES))[name][0]


def test_the_result_is_not_a_view_of_the_sums():
    row = sums_of(elements=10, nonzero=7)
    found = measures_of(row, ["rwc_l1"])
    for values in found.values():
        values[:] = -1
    assert np.array_equal(row, sums_of(elements=10, nonzero=7))
