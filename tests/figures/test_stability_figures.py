"""Lines of stability and boxes of noise show the numbers of the result, in both forms alike."""

import numpy as np
import pytest

from figures.results import HOSTILE, N_ORDERS, lines_in, stability, words_in
from figures.words import words_of
from layerlore.errors import InputError
from layerlore.figures import noise_boxes, noise_figure, printed, stability_figure, steadiness
from layerlore.figures.by_order import NOTHING
from layerlore.figures.noise import NOTHING as NO_RATIO
from layerlore.figures.stability import MOST_LAYERS


@pytest.mark.parametrize("statistic", ["mean", "median"])
def test_steadiness_is_that_of_the_result(statistic):
    rows = stability().by_order
    found = steadiness(stability(), statistic, ["output", "relu1"])
    for name, source in (("own", statistic), ("aligned_high", f"aligned_{statistic}_high")):
        np.testing.assert_array_equal(found[name], rows[source].values[[2, 0]])


def test_an_unknown_statistic():
    with pytest.raises(InputError, match="statistic='mode' is not known"):
        stability_figure(stability(), "mode")


def test_two_lines_for_each_layer():
    figure = stability_figure(stability(), "median")
    found = steadiness(stability(), "median")
    for op, axis in enumerate(("y", "y2")):
        traces = [trace for trace in figure.data if trace.yaxis == axis]
        assert [trace.name for trace in traces] == [
            name + end for name in ("relu1", "relu2", "output") for end in ("", ", aligned")
        ]
        for place, trace in enumerate(traces):
            row, kind = divmod(place, 2)
            np.testing.assert_array_equal(trace.y, found[("own", "aligned")[kind]][row, op])
            assert trace.line.dash == ("solid", "dash")[kind]
    assert figure.layout.yaxis.type is None
    for axes, axis in zip(printed.stability_figure(stability(), "median").axes, ("y", "y2"), strict=True):
        np.testing.assert_array_equal(lines_in(axes), [trace.y for trace in figure.data if trace.yaxis == axis])


def test_splits_that_hardly_vary_take_a_logarithmic_axis():
    wide = stability(factor=1e4)
    assert stability_figure(wide).layout.yaxis.type == "log"
    axes = printed.stability_figure(wide).axes[0]
    assert axes.get_yscale() == "log"
    assert all("$" not in label.get_text() for label in axes.get_yticklabels())


def test_without_a_pull_there_is_no_aligned_line():
    bare = stability()
    for end in ("", "_low", "_high"):
        bare.by_order[f"aligned_mean{end}"][:] = np.nan
    assert {trace.name for trace in stability_figure(bare).data} == {"relu1", "relu2", "output"}


def test_of_many_layers_some_are_drawn():
    many = stability([f"layer{number}" for number in range(30)])
    names = {trace.name for trace in stability_figure(many).data}
    assert len(names) == 2 * MOST_LAYERS
    assert {"layer0", "layer29, aligned"} <= names


def test_nothing_is_said_to_be_nothing():
    empty = stability(nothing=True)
    assert words_of(stability_figure(empty)).count(NOTHING) == 2
    assert words_in(printed.stability_figure(empty)).count(NOTHING) == 2
    assert NO_RATIO in words_of(noise_figure(empty))
    assert NO_RATIO in words_in(printed.noise_figure(empty))


def test_boxes_are_quantiles():
    found = noise_boxes(stability())
    np.testing.assert_array_equal(found["order"], [1, 2, 3, 5])
    expected = stability().noise_boxes.sel(order=[1, 2, 3, 5])
    for name, share in (("low", 0.05), ("lower", 0.25), ("median", 0.5), ("upper", 0.75), ("high", 0.95)):
        np.testing.assert_array_equal(found[name], expected.sel(quantile=share))
    (box,) = noise_figure(stability()).data
    for theirs, ours in (("q1", "lower"), ("q3", "upper"), ("lowerfence", "low"), ("x", "order")):
        np.testing.assert_array_equal(getattr(box, theirs), found[ours])
    axes = printed.noise_figure(stability()).axes[0]
    corners = [box.get_path().vertices for box in axes.patches]
    np.testing.assert_array_equal([corner[:, 1].min() for corner in corners], found["lower"])
    np.testing.assert_array_equal([corner[:, 1].max() for corner in corners], found["upper"])
    np.testing.assert_allclose([corner[:, 0].mean() for corner in corners], found["order"], atol=0.2)
    assert axes.get_ylim()[1] > found["high"].max()
    assert axes.get_xlim() == (0.4, N_ORDERS + 0.6)


def test_names_are_shown_letter_by_letter():
    hostile = stability(HOSTILE)
    text = words_of(stability_figure(hostile))
    assert "<img" not in text
    assert "&lt;img" in text
    words = words_in(printed.stability_figure(hostile))
    assert {"$\\frac$", "_x_^, aligned", "<img src=x onerror=alert(1)>"} <= set(words)
