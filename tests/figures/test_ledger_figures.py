"""The figures of the ledger show its numbers, each in its place."""

import numpy as np
import pytest

from layerlore.errors import InputError
from layerlore.figures import ratios, ratios_figure, strength_figure, strengths
from layerlore.interactions.bootstrap import resampling_weights
from layerlore.interactions.ledger import build_ledger


@pytest.fixture(scope="module")
def by_hand():
    """Two samples, one target, layers a and b, two players; the earlier layer holds what is written here."""
    sums = np.zeros((2, 1, 2, 5, 2, 2))
    # overlap, forget, new, all_earlier, all_later; of a, AND, order 1; the samples differ.
    sums[0, 0, 0, :, 0, 0] = [3, 1, 0, 4, 3]
    sums[1, 0, 0, :, 0, 0] = [1, 1, 2, 2, 3]
    # of b, OR, order 2, both samples alike.
    sums[:, 0, 1, :, 1, 1] = [2, 0, 6, 2, 8]
    lines = np.zeros_like(sums)
    lines[:, 0, :, :, 0, 0] = [9, 1, 1, 10, 10]
    coords = {"target": ["target"], "layer": ["a", "b"]}
    return build_ledger(sums, lines, lines / 2, coords, "final", resampling_weights(2, 50, 0), 0.95)


def test_strengths_are_means_over_samples(by_hand):
    found = strengths(by_hand)
    np.testing.assert_array_equal(found["overlap"][0], [[2, 0], [0, 0]])
    np.testing.assert_array_equal(found["forget"][0], [[1, 0], [0, 0]])
    np.testing.assert_array_equal(found["new"][0], [[1, 0], [0, 0]])
    np.testing.assert_array_equal(found["new"][1], [[0, 0], [0, 6]])
    # Of two samples, a resample takes both, or one of them twice.
    assert (found["overlap_low"][0, 0, 0], found["overlap_high"][0, 0, 0]) == (1, 3)


def test_strengths_of_some_layers(by_hand):
    np.testing.assert_array_equal(strengths(by_hand, layers=["b"])["new"], strengths(by_hand)["new"][1:])


def test_ratios_are_of_sums_pooled_over_samples(by_hand):
    found = ratios(by_hand)
    np.testing.assert_allclose(found["completeness"], [4 / 6, 2 / 8])
    np.testing.assert_allclose(found["redundancy"], [2 / 6, 0])
    np.testing.assert_allclose(found["ceiling_completeness"], [0.9, 0.9])
    np.testing.assert_allclose(found["floor_redundancy"], [0.1, 0.1])


def test_ratios_of_one_order(by_hand):
    np.testing.assert_allclose(ratios(by_hand, op="or", order=2)["completeness"], [np.nan, 0.25])
    np.testing.assert_allclose(ratios(by_hand, op="and", order=1)["completeness"], [4 / 6, np.nan])


@pytest.mark.parametrize(
    ("op", "order", "message"),
    [
        ("and", None, r"op='and' and order=None go together"),
        (None, 1, r"op=None and order=1 go together"),
        ("xor", 1, r"op='xor' is not known; did you mean 'or'"),
        ("or", 3, r"order=3 is out of range: orders run from 1 to 2"),
    ],
)
def test_ratios_of_what_does_not_exist(by_hand, op, order, message):
    with pytest.raises(InputError, match=message):
        ratios(by_hand, op=op, order=order)


def test_bars_stand_in_the_panel_of_their_layer_and_op(by_hand):
    bars = [bar for bar in strength_figure(by_hand).data if bar.name.startswith("new")]
    assert [bar.yaxis for bar in bars] == ["y", "y2", "y3", "y4"]
    heights = [np.nan_to_num(bar.y).tolist() for bar in bars]
    assert heights == [[1, 0], [0, 0], [0, 0], [0, 6]]
    assert all(list(bar.x) == [1, 2] for bar in bars)


def test_all_panels_have_one_scale_that_holds_the_highest_stack(by_hand):
    figure = strength_figure(by_hand)
    ranges = {tuple(axis.range) for axis in figure.select_yaxes()}
    # The highest stack is that of b, OR, order 2: 2 shared and 6 new.
    assert ranges == {(0, 1.08 * 8)}


def test_shared_and_forgotten_stack_to_all_of_the_earlier_layer(knowledge):
    ledger = knowledge.ledger()
    found = strengths(ledger)
    whole = ledger.by_order.all_earlier.isel(target=0).transpose("layer", "op", "order").values
    # Sums of at most eight terms, each rounded once.
    np.testing.assert_allclose(found["overlap"] + found["forget"], whole, rtol=1e-14, atol=1e-15)


def test_one_panel_row_for_each_layer_asked_for(knowledge):
    assert len(strength_figure(knowledge.ledger(), layers=["tanh2"]).data) == 2 * 3
    assert len(strength_figure(knowledge.ledger()).data) == 2 * 2 * 3


def test_lines_show_the_ratios(knowledge):
    ledger = knowledge.ledger()
    found, figure = ratios(ledger), ratios_figure(ledger)
    low, high, line, ceiling, floor = figure.data[:5]
    for trace, name in (
        (low, "completeness_low"),
        (high, "completeness_high"),
        (line, "completeness"),
        (ceiling, "ceiling_completeness"),
        (floor, "floor_completeness"),
    ):
        np.testing.assert_array_equal(np.asarray(trace.y, dtype=float), found[name])
    np.testing.assert_array_equal(figure.data[7].y, found["redundancy"])
    assert list(figure.layout.xaxis.ticktext) == ["tanh1", "tanh2"]
