"""Means and intervals over runs are those of statistics, and only like is merged with like."""

import math
import re
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerlore.dynamics import History, Record, WeightInfo, merge_histories
from layerlore.dynamics.history import new_manifest
from layerlore.errors import InputError, MissingExtraError
from reference.slow_means import mean_and_interval

NAMES = ["a", "b", "c"]


def run(values, *, names=NAMES, steps=None, measure="rwc_l1", shapes=None) -> History:
    return History.from_table(names, np.asarray(values, dtype=float), steps, measure, shapes=shapes)


def random_runs(number: int) -> list[np.ndarray]:
    tables = list(np.random.default_rng(number).lognormal(size=(number, 3, 4)))
    tables[0][0, 0] = math.nan
    tables[1][0, 0] = math.inf
    for table in tables:
        table[2, 3] = math.nan
    for table in tables[1:]:
        table[1, 1] = math.nan
    return tables


def assert_close(found: np.ndarray, expected: np.ndarray) -> None:
    # Sums of a few numbers, a square root, and Student's quantile, for which scipy has a fast and a slow way that agree
    # to some 1e-13; relative to the largest number.
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * np.nanmax(np.abs(expected)))


@pytest.mark.parametrize("number", [2, 3, 5, 10])
@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.999])
def test_mean_and_interval_are_those_of_statistics(number, confidence):
    tables = random_runs(number)
    merged = merge_histories([run(table) for table in tables], confidence=confidence)
    expected = mean_and_interval(tables, confidence)
    for ending, table in zip(("", "_low", "_high"), expected, strict=True):
        assert_close(merged.values("rwc_l1" + ending), table)
    assert np.isnan(merged.values()[2, 3])
    assert merged.values()[1, 1] == tables[0][1, 1]
    assert np.isnan(merged.values("rwc_l1_low")[1, 1])


@given(st.lists(st.floats(0, 1e300), min_size=2, max_size=6))
def test_the_mean_lies_within_its_interval(numbers):
    merged = merge_histories([run([[number]], names=["a"]) for number in numbers])
    mean, low, high = (merged.values("rwc_l1" + ending).item() for ending in ("", "_low", "_high"))
    assert low <= mean <= high or math.isinf(high)
    if len(set(numbers)) == 1:
        # The mean of equal numbers can miss them by a rounding.
        assert high - low <= 1e-14 * mean


def test_what_is_partly_finite_is_noted():
    merged = merge_histories([run(table) for table in random_runs(4)])
    assert merged.notes == ["rwc_l1: 2 entries are finite in some runs only, and are means over those"]
    assert merge_histories([run(np.ones((3, 2)))] * 2).notes == []


def test_only_measures_that_all_have_are_merged_and_counts_are_not():
    def recorded(columns, note):
        weights = [WeightInfo("a", "conv", (2, 3), 0, "float32")]
        record = Record(4, columns, {"a": [0.5] * len(columns)})
        return History.from_records(weights, [record], new_manifest({"seed": note}, notes=[note]))

    merged = merge_histories(
        [recorded(("rwc_l2", "rwc_l1", "nonfinite"), "one"), recorded(("rwc_l1", "rotation", "nonfinite"), "two")]
    )
    assert merged.measures == ["rwc_l1"]
    assert list(merged.data.data_vars) == ["rwc_l1", "rwc_l1_low", "rwc_l1_high"]
    assert merged.notes == ["one", "two"]
    assert merged.manifest["identity"] == {"source": "merged", "runs": [{"seed": "one"}, {"seed": "two"}]}
    assert merged.manifest["settings"] == {"n_runs": 2, "confidence": 0.95}
    assert (merged.layers, merged.steps.tolist(), merged.weights[0].shape) == (["a"], [4], (2, 3))


def test_a_merged_history_is_saved_and_read_back(tmp_path):
    merged = merge_histories([run(table) for table in random_runs(3)])
    merged.save(tmp_path / "run")
    back = History.load(tmp_path / "run")
    for name in merged.data.data_vars:
        np.testing.assert_array_equal(back.values(str(name)), merged.values(str(name)))
    assert (back.measures, back.manifest) == (merged.measures, merged.manifest)


def test_the_histories_are_left_alone():
    tables = random_runs(3)
    histories = [run(table) for table in tables]
    before = [history.values() for history in histories]
    merge_histories(histories)
    for history, table in zip(histories, before, strict=True):
        np.testing.assert_array_equal(history.values(), table)
        assert list(history.data.data_vars) == ["rwc_l1"]


ONES = np.ones((3, 2))


@pytest.mark.usefixtures("without_type_checks")
@pytest.mark.parametrize(
    ("histories", "confidence", "message"),
    [
        ([], 0.95, "0 history given: merging needs at least two"),
        ([run(ONES)], 0.95, "1 history given: merging needs at least two"),
        ([run(ONES)] * 2, 95, "confidence=95 must lie between 0 and 1"),
        ([run(ONES)] * 2, 0.0, "confidence=0.0 must lie between 0 and 1"),
        ([run(ONES)] * 2, math.nan, "confidence=nan must lie between 0 and 1"),
        (
            [run(ONES), run(ONES), run(ONES, names=["a", "b", "d"])],
            0.95,
            "history 2 has other layers than the first one (['d'] instead of ['c']): only runs of one network with one "
            "schedule can be merged",
        ),
        (
            [run(ONES), run(ONES, names=["a", "c", "b"])],
            0.95,
            "history 1 has other layers than the first one (['a', 'c', 'b'] instead of ['a', 'b', 'c']): only runs of "
            "one network with one schedule can be merged",
        ),
        (
            [run(ONES), run(ONES, steps=[1, 5])],
            0.95,
            "history 1 has other steps than the first one ([5] instead of [2]): only runs of one network with one "
            "schedule can be merged",
        ),
        (
            [run(ONES, shapes=[(1, 2)] * 3), run(ONES, shapes=[(1, 2), (1, 2), (3, 4)])],
            0.95,
            "history 1 has other shapes than the first one (['3x4'] instead of ['1x2', '1x2', '1x2']): only runs of "
            "one network with one schedule can be merged",
        ),
        ([run(ONES), run(ONES, measure="rwc_l2")], 0.95, "the histories have no measure in common"),
    ],
)
def test_what_cannot_be_merged_is_refused(histories, confidence, message):
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        merge_histories(histories, confidence=confidence)


def test_a_missing_scipy_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(MissingExtraError, match=r"^merging histories needs the package 'scipy'.*layerlore\[trends\]"):
        merge_histories([run(ONES)] * 2)
