"""The heat map: each cell where it belongs, zeros and missing values told apart from numbers."""

import numpy as np

from figures.words import words_of
from layerlore import History
from layerlore.figures import cells, heatmap_figure
from layerlore.figures.heatmap import MOST_ROWS, NO_VALUE, ZERO
from report.histories import FROZEN, GAPS, history, values


def traces(figure, kind):
    return [trace for trace in figure.data if trace.type == kind]


def test_cells_show_the_history():
    coloured, zero, missing = traces(heatmap_figure(history()), "heatmap")
    shown = np.asarray(coloured.customdata, dtype=np.float32)
    np.testing.assert_array_equal(shown, values().astype(np.float32))
    there = values() > 0
    # Rounding to float32 before the page.
    np.testing.assert_allclose(np.asarray(coloured.z)[there], np.log10(values()[there]), rtol=1e-6, atol=1e-6)
    assert np.isnan(np.asarray(coloured.z)[~there]).all()
    assert list(coloured.y) == history().layers
    assert list(coloured.x) == [str(step) for step in history().steps]
    assert np.flatnonzero(np.isfinite(np.asarray(zero.z)).any(1)).tolist() == [FROZEN]
    assert np.isfinite(np.asarray(missing.z)).sum() == 4
    assert np.isfinite(np.asarray(missing.z)[GAPS, :4]).all()


def test_the_legend_names_what_is_no_number_and_there():
    assert [trace.name for trace in traces(heatmap_figure(history()), "scatter")][:2] == [ZERO, NO_VALUE]
    clean = History.from_table(["a", "b"], np.array([[0.1, 0.2], [0.3, 0.4]]))
    figure = heatmap_figure(clean)
    assert len(traces(figure, "heatmap")) == 1
    assert not [trace for trace in figure.data if trace.name in (ZERO, NO_VALUE)]


def test_infinite_and_negative_values_are_no_values():
    found = cells(History.from_table(["a"], np.array([[np.inf, -1.0, 0.0, 0.5, np.nan]]), measure="own"))
    assert found.missing.tolist() == [[True, True, False, False, True]]
    assert found.zero.tolist() == [[False, False, True, False, False]]


def test_single_outliers_do_not_fade_the_rest():
    table = np.full((20, 20), 0.1) * np.linspace(1, 2, 20)
    table[3, 4] = 1e6
    found = cells(History.from_table([f"layer{row}" for row in range(20)], table))
    assert found.low >= 0.1
    # One of 400 cells: its value is beyond the 99th percentile.
    assert found.high <= 0.2


def test_nothing_but_zeros_and_gaps_is_drawn():
    for filling in (0.0, np.nan):
        figure = heatmap_figure(History.from_table(["a", "b"], np.full((2, 3), filling)))
        assert len(traces(figure, "heatmap")) == 2


def test_rows_and_names_of_many_layers():
    many = History.from_table([f"layer{row}.weight" for row in range(450)], np.full((450, 3), 0.1))
    found, figure = cells(many), heatmap_figure(many)
    assert len(found.layers) == MOST_ROWS
    assert (found.layers[0], found.layers[-1]) == ("layer0.weight", "layer449.weight")
    ticks = np.array(figure.layout.yaxis2.tickvals)
    inner = figure.layout.height - 150
    # No two names nearer than a line of text is high.
    assert np.diff(ticks).min() * inner / MOST_ROWS >= 13 - 1e-9
    assert figure.layout.yaxis2.ticktext[0] == "layer0"


def test_names_are_inert():
    text = words_of(heatmap_figure(history("hostile")))
    assert "<img" not in text
    assert "<script" not in text
    assert "<i>" not in text
