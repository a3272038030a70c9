"""Axes hold all values, and their ticks are round numbers within them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerlore.figures.axes import log_axis, log_ticks, positive_range, short_names, step_axis

positive = st.floats(1e-30, 1e30)


@given(positive, positive, st.integers(1, 12))
def test_ticks_are_few_round_and_near(one, other, most):
    low, high = sorted((one, other))
    ticks = log_ticks(low, high, most)
    assert 1 <= len(ticks) <= most
    for tick in ticks:
        assert f"{tick:e}"[0] in "125"
        # One that lies beside the range is at most half a decade away.
        assert low / 3.2 <= tick <= high * 3.2


@given(st.lists(positive, min_size=1, max_size=5))
def test_a_logarithmic_axis_holds_all_values(values):
    low, high = log_axis(np.array(values))["range"]
    assert low < min(map(math.log10, values))
    assert max(map(math.log10, values)) < high


@pytest.mark.parametrize("values", [[], [0.0], [np.nan, np.inf, -1.0]])
def test_an_axis_without_values(values):
    assert positive_range(np.array(values, dtype=np.float64)) == (0.3, 3.0)
    assert log_axis(np.array(values, dtype=np.float64))["tickvals"]


def test_steps_between_steps_get_no_tick():
    assert step_axis(np.array([1, 2, 3]))["dtick"] == 1
    assert step_axis(np.array([7]))["dtick"] == 1
    assert step_axis(np.array([0, 100]))["dtick"] is None


def test_hostile_units_are_inert():
    assert step_axis(np.array([1, 2]), "<b>x</b>")["title_text"] == "&lt;b&gt;x&lt;/b&gt;"


def test_an_end_that_only_some_names_have_stays():
    assert short_names([".weight", "a.weight"]) == [".weight", "a.weight"]
    assert short_names(["a.weight", "b.weight"]) == ["a", "b"]
