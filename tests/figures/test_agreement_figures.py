"""Lines and cells of agreement show its numbers, in both forms alike."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from figures.results import HOSTILE, N_ORDERS, agreement, lines_in, words_in
from figures.words import words_of
from layerlore.errors import InputError
from layerlore.figures import agreement_figure, agreement_matrix, matrix_figure, overlaps, printed
from layerlore.figures.agreement import CHANCE, MOST_PAIRS, pair_name
from layerlore.figures.by_order import NOTHING


@pytest.mark.parametrize("aligned", [False, True])
def test_overlaps_are_those_of_the_agreement(aligned):
    rows = agreement().by_order
    for place, pair in enumerate(overlaps(agreement(), aligned=aligned)):
        for name in ("iou", "iou_low", "corrected", "corrected_high"):
            expected = rows["aligned_" * aligned + name].values[place]
            np.testing.assert_array_equal(getattr(pair, name), expected)
        chance = np.full((2, N_ORDERS), np.nan) if aligned else rows["chance"].values[place]
        np.testing.assert_array_equal(pair.chance, chance)


def test_names_of_pairs():
    assert overlaps(agreement())[0].name == "mlp relu4 / vgg"
    assert len(pair_name("m" * 50, "l" * 50, "n", "output")) == 20 + 3 + 1


@pytest.mark.parametrize("aligned", [False, True])
def test_every_line_stands_in_its_panel(aligned):
    figure = agreement_figure(agreement(), aligned=aligned)
    pairs = overlaps(agreement(), aligned=aligned)
    assert [axis.title.text for axis in figure.select_yaxes(col=1)] == ["IoU", "corrected IoU"]
    for op, (above, below) in enumerate((("y", "y3"), ("y2", "y4"))):
        raw = [trace for trace in figure.data if trace.yaxis == above and trace.name != CHANCE]
        corrected = [trace for trace in figure.data if trace.yaxis == below]
        for pair, one, two in zip(pairs, raw, corrected, strict=True):
            np.testing.assert_array_equal(one.y, pair.iou[op])
            np.testing.assert_array_equal(two.y, pair.corrected[op])
            np.testing.assert_array_equal(np.round(one.x), range(1, N_ORDERS + 1))
            # A sum and a difference, each rounded once.
            np.testing.assert_allclose(one.y + one.error_y.array, pair.iou_high[op], rtol=1e-14)
            np.testing.assert_allclose(one.y - one.error_y.arrayminus, pair.iou_low[op], rtol=1e-14, atol=1e-15)
        chance = [trace for trace in figure.data if trace.yaxis == above and trace.name == CHANCE]
        assert len(chance) == (0 if aligned else len(pairs))
        for pair, line in zip(pairs, chance, strict=False):
            np.testing.assert_array_equal(line.y, pair.chance[op])
            assert line.line.dash == "dot"


def test_print_shows_what_the_page_shows():
    page, figure = agreement_figure(agreement()), printed.agreement_figure(agreement())
    for axes, name in zip(figure.axes, ("y", "y2", "y3", "y4"), strict=True):
        expected = [np.asarray(trace.y, dtype=float) for trace in page.data if trace.yaxis == name]
        # Below, the level of 0 follows the lines.
        found = lines_in(axes)[: len(expected)]
        np.testing.assert_array_equal(found, expected)
        low, high = axes.get_ylim()
        assert low < np.nanmin(expected)
        assert high > np.nanmax(expected)
    ends = figure.axes[0].collections[0].get_segments()
    np.testing.assert_allclose([end[0][1] for end in ends], overlaps(agreement())[0].iou_low[0], rtol=1e-14)
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["mlp relu4 / vgg", "mlp relu4 / resnet", "vgg relu4 / resnet", CHANCE]


def test_of_many_pairs_some_are_drawn():
    many = agreement([f"net{number}" for number in range(6)])
    assert len(overlaps(many)) == 15
    names = {trace.name for trace in agreement_figure(many).data}
    assert len(names) == MOST_PAIRS + 1
    assert {"net0 relu4 / net1", "net4 relu4 / net5"} <= names


def test_nothing_is_said_to_be_nothing():
    empty = agreement(nothing=True)
    assert words_of(agreement_figure(empty)).count(NOTHING) == 4
    assert words_in(printed.agreement_figure(empty)).count(NOTHING) == 4


def test_cells_of_the_matrix():
    found = agreement()
    names, values = agreement_matrix(found, "corrected", "and")
    assert names == ["mlp", "vgg", "resnet"]
    assert values[0, 2] == values[2, 0] == float(found.total["corrected"].sel(op="and")[1])
    np.testing.assert_array_equal(np.diag(values), 1)
    figure = matrix_figure(found, "corrected", "and")
    np.testing.assert_array_equal(figure.data[0].z, values)
    written = {(note.x, note.y): note.text for note in figure.layout.annotations}
    assert written == {(column, row): f"{values[row, column]:.2f}" for row in range(3) for column in range(3)}
    axes = printed.matrix_figure(found, "corrected", "and").axes[0]
    boxes = {tuple(np.add(box.get_xy(), 0.5)): to_hex(box.get_facecolor()) for box in axes.patches}
    assert boxes[0, 0] == "#0072b2"
    texts = {tuple(text.get_position()): text.get_text() for text in axes.texts}
    assert texts == written


def test_one_order_of_the_matrix():
    found = agreement()
    _, values = agreement_matrix(found, "iou", "or", 3)
    assert values[0, 1] == float(found.by_order["iou"].sel(op="or", order=3)[0])
    with pytest.raises(InputError, match="measure='iuo'"):
        matrix_figure(found, "iuo")


def test_less_than_chance_and_no_number_differ_from_chance():
    found = agreement()
    found.total["corrected"][0, 2] = np.nan
    axes = printed.matrix_figure(found).axes[0]
    colours = {tuple(np.add(box.get_xy(), 0.5)): box.get_facecolor() for box in axes.patches}
    assert colours[1, 0][3] == 0
    # -0.25 of the way from white to vermillion, #D55E00.
    np.testing.assert_allclose(colours[2, 0][:3], (255 - 0.25 * np.array([42, 161, 255])) / 255, atol=0.5 / 255)
    assert {text.get_text() for text in axes.texts} == {"1.00", "-0.25", "\N{EN DASH}"}
    assert "\N{EN DASH}" in words_of(matrix_figure(found))


def test_names_are_shown_letter_by_letter():
    hostile = agreement(HOSTILE)
    for figure in (agreement_figure(hostile), matrix_figure(hostile)):
        text = words_of(figure)
        assert "<img" not in text
        assert "&lt;img" in text
    words = words_in(printed.matrix_figure(hostile))
    assert {"$\\frac$", "_x_^", "a\N{REPLACEMENT CHARACTER}b%{x}"} <= set(words)
    assert any(word.startswith("$\\frac$ relu4 / ") for word in words_in(printed.agreement_figure(hostile)))
    assert any(word.startswith("_x_^ relu4 / ") for word in words_in(printed.agreement_figure(hostile)))
