"""Change through depth: medians of the first and the last third."""

import numpy as np
import pytest

from figures.words import words_of
from layerlore import History
from layerlore.figures import depth_figure, thirds
from report.histories import FROZEN, GAPS, history, values


def test_medians_of_the_thirds():
    found = thirds(history())
    assert (found.first_steps, found.last_steps) == ((1, 6), (13, 18))
    for row in (0, 1, 23):
        assert found.first[row] == np.median(values()[row, :6])
        assert found.last[row] == np.median(values()[row, 12:])
    assert found.first[FROZEN] == 0
    # Of the first six steps of this layer four have no value.
    assert found.first[GAPS] == np.median(values()[GAPS, 4:6])


def test_the_figure_shows_them_and_leaves_out_what_has_no_place():
    first, last = depth_figure(history()).data
    found = thirds(history())
    for trace, numbers in ((first, found.first), (last, found.last)):
        np.testing.assert_array_equal(np.asarray(trace.y, dtype=float), np.where(numbers > 0, numbers, np.nan))
    assert first.name == "first third (1 to 6)"
    assert last.customdata[0] == history().layers[0]


@pytest.mark.parametrize(("n_steps", "first", "last"), [(1, (1, 1), (1, 1)), (2, (1, 1), (2, 2)), (7, (1, 2), (6, 7))])
def test_short_histories(n_steps, first, last):
    found = thirds(History.from_table(["a"], np.linspace(1, 2, n_steps)[None]))
    assert (found.first_steps, found.last_steps) == (first, last)


def test_a_layer_without_values_is_undefined():
    found = thirds(History.from_table(["a", "b"], np.array([[np.nan, np.inf], [1.0, 2.0]])))
    assert np.isnan(found.first[0])
    assert np.isnan(found.last[0])


def test_a_history_without_any_value_is_drawn():
    assert len(depth_figure(History.from_table(["a"], np.array([[np.nan]]))).data) == 2


def test_names_are_inert():
    text = words_of(depth_figure(history("hostile")))
    assert "<img" not in text
    assert "<i>" not in text
