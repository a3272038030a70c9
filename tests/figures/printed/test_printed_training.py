"""Printed figures of a run through training show the same numbers as the data functions."""

import numpy as np
import pytest

from figures.results import HOSTILE, lines_in, words_in
from layerlore import History
from layerlore.dynamics.trends import find_trends
from layerlore.errors import InputError
from layerlore.figures import changes, printed, trend_places, trend_profiles
from layerlore.figures.trend_map import group_names
from report.histories import history, trends


def table(n_layers, n_steps, steps=None, names=None, measure="rwc_l1"):
    values = np.abs(np.random.default_rng(1).standard_normal((n_layers, n_steps))) + 0.1
    return History.from_table(names or [f"l{n}" for n in range(n_layers)], values, steps=steps, measure=measure)


def test_lines_show_the_history():
    found, figure = changes(history()), printed.changes_figure(history())
    np.testing.assert_array_equal(lines_in(figure.axes[0]), found.values)
    colours = [line.get_color() for line in figure.axes[0].lines]
    assert [colours[row] for row in found.named] == [colours[found.named[group]] for group in range(len(found.named))]
    assert all(colour == colours[found.named[group]] for colour, group in zip(colours, found.group, strict=True))
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == [history().layers[row].removesuffix(".weight") for row in found.named]
    assert figure.axes[0].get_yscale() == "log"
    assert all("$" not in word for word in words_in(figure))


def test_axes_of_steps_and_of_what_grows_from_the_start():
    growing = printed.changes_figure(table(3, 5, steps=[1, 10, 100, 1000, 10000])).axes[0]
    assert growing.get_xscale() == "log"
    start = printed.changes_figure(table(2, 4, measure="distance_from_init")).axes[0]
    assert (start.get_yscale(), start.get_ylim()[0]) == ("linear", 0)


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (3, 1), (300, 500)])
def test_few_and_many_layers_and_steps(shape):
    figure = printed.changes_figure(table(*shape))
    assert len(figure.axes[0].lines) == min(shape[0], 200)
    words_in(figure)


def test_a_history_without_a_number_is_drawn():
    nothing = History.from_table(["a", "b"], np.full((2, 3), np.nan), measure="rwc_l1")
    assert "a" in words_in(printed.changes_figure(nothing))


def test_a_measure_that_was_not_recorded():
    with pytest.raises(InputError, match="measure='rotation' was not recorded"):
        printed.changes_figure(history(), "rotation")


def test_places_on_the_map():
    figure = printed.trend_map_figure(trends())
    places = trend_places(trends(), {})
    for label, found in zip(group_names(trends()), figure.axes[0].collections, strict=True):
        expected = [(place.x, place.y) for place in places if place.label == label]
        np.testing.assert_array_equal(np.asarray(found.get_offsets()), np.array(expected).reshape(-1, 2))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(group_names(trends()).values())


def test_mean_trends_with_bands():
    figure = printed.trend_lines_figure(trends(), "epoch")
    profiles = trend_profiles(trends())
    np.testing.assert_array_equal(lines_in(figure.axes[0]), [profile.mean for profile in profiles])
    for band, profile in zip(figure.axes[0].collections, profiles, strict=True):
        heights = band.get_paths()[0].vertices[:, 1]
        assert (heights.min(), heights.max()) == (np.nanmin(profile.low), np.nanmax(profile.high))
    assert "epoch" in words_in(figure)


def test_no_trend_at_all_is_said():
    still = History.from_table(["a", "b"], np.zeros((2, 3)), measure="rwc_l1")
    none = find_trends(still, resamples=10)
    assert "no layer has a place" in words_in(printed.trend_map_figure(none))
    assert "there is no trend" in words_in(printed.trend_lines_figure(none))


def test_names_and_units_are_shown_letter_by_letter():
    hostile = table(len(HOSTILE), 3, names=list(HOSTILE))
    hostile.manifest["settings"]["unit"] = "$\\frac$"
    words = words_in(printed.changes_figure(hostile))
    assert words.count("$\\frac$") == 2
    assert {"_x_^", "<img src=x onerror=alert(1)>", "a\N{REPLACEMENT CHARACTER}b%{x}"} <= set(words)
    assert "$\\frac$" in words_in(printed.trend_lines_figure(trends(), "$\\frac$"))
