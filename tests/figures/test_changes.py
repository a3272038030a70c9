"""Lines of change: every layer at its step, none on an axis where it has no place, some with names."""

import numpy as np
import pytest

from figures.words import words_of
from layerlore import History
from layerlore.errors import InputError
from layerlore.figures import changes, changes_figure
from layerlore.figures.changes import MOST_LINES, MOST_NAMED
from layerlore.figures.style import spread
from report.histories import FROZEN, GAPS, HOSTILE, history, values


def table(n_layers, n_steps, measure="rwc_l1", steps=None):
    found = np.abs(np.random.default_rng(1).standard_normal((n_layers, n_steps))) + 0.1
    return History.from_table([f"layer{number}" for number in range(n_layers)], found, steps=steps, measure=measure)


def test_lines_show_the_history():
    found = changes(history())
    expected = np.where(values() > 0, values(), np.nan)
    np.testing.assert_array_equal(found.values, expected)
    assert np.isnan(found.values[FROZEN]).all()
    assert np.isnan(found.values[GAPS, :4]).all()
    by_name = {trace.hovertemplate.split(",")[0]: trace for trace in changes_figure(history()).data}
    for row, layer in enumerate(history().layers):
        np.testing.assert_array_equal(by_name[layer].y, expected[row].astype(np.float32))
        np.testing.assert_array_equal(by_name[layer].x, history().steps)


def test_named_layers_are_spread_and_the_others_have_the_colour_of_the_nearest():
    figure = changes_figure(history())
    thick = [trace for trace in figure.data if trace.showlegend]
    assert len(thick) == MOST_NAMED
    assert len(figure.data) == len(history().layers)
    assert [trace.name for trace in thick] == [history().layers[row].removesuffix(".weight") for row in spread(24, 8)]
    colours = {trace.legendgroup: trace.line.color for trace in thick}
    assert len(set(colours.values())) == MOST_NAMED
    assert all(colours[trace.legendgroup] == trace.line.color for trace in figure.data)
    # The first named rows are 0, 3 and 7; row 5 is as far from 3 as from 7.
    assert changes(history()).group[:8] == [0, 0, 1, 1, 1, 1, 2, 2]


def test_of_many_layers_and_steps_some_are_drawn():
    found = changes(table(300, 500))
    assert found.values.shape == (MOST_LINES, 200)
    assert (found.layers[0], found.layers[-1]) == ("layer0", "layer299")
    assert (found.steps[0], found.steps[-1]) == (1, 500)


def test_what_grows_from_the_start_stands_on_a_linear_axis():
    zero = History.from_table(["a", "b"], np.array([[0.0, 0.2], [0.1, 0.3]]), measure="distance_from_init")
    assert changes(zero).values[0, 0] == 0
    assert changes_figure(zero).layout.yaxis.type is None
    assert changes_figure(history()).layout.yaxis.type == "log"


def test_steps_with_growing_gaps_stand_on_a_logarithmic_axis():
    assert changes_figure(table(3, 5, steps=[1, 10, 100, 1000, 10000])).layout.xaxis.type == "log"
    assert changes_figure(table(3, 5, steps=[10, 20, 30, 40, 55])).layout.xaxis.type is None


def test_names_are_inert():
    text = words_of(changes_figure(history("hostile")))
    assert "<img" not in text
    assert "<script" not in text
    assert "&lt;img" in text
    assert HOSTILE[0] not in text


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (3, 1)])
def test_one_layer_or_one_step_is_drawn(shape):
    figure = changes_figure(table(*shape))
    assert len(figure.data) == shape[0]
    if shape[1] == 1:
        assert "markers" in figure.data[0].mode


def test_a_measure_that_was_not_recorded():
    with pytest.raises(InputError, match="measure='rotation' was not recorded"):
        changes_figure(history(), "rotation")
