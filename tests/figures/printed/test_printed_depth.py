"""Printed figures of a run through depth show the same numbers as the data functions."""

import numpy as np
import pytest

from figures.results import lines_in, words_in
from layerlore.errors import InputError
from layerlore.figures import printed, ratios, sparsity_curves, strengths
from layerlore.figures.sparsity import LOWEST
from layerlore.interactions.knowledge import Knowledge
from report.tiny import HOSTILE_LAYERS, tiny


def test_bars_are_strengths(knowledge):
    ledger = knowledge.ledger()
    found, figure = strengths(ledger), printed.strength_figure(ledger)
    assert len(figure.axes) == 4
    for row in range(2):
        for op in range(2):
            overlap, forget, new = figure.axes[2 * row + op].containers
            stack = np.zeros(5)
            for bars, name in ((overlap, "overlap"), (forget, "forget"), (new, "new")):
                heights = [bar.get_height() for bar in bars]
                # A bar keeps its two ends: their difference is rounded once more.
                np.testing.assert_allclose(heights, found[name][row, op], rtol=1e-12, atol=1e-15)
                np.testing.assert_allclose([bar.get_y() for bar in bars], stack, rtol=1e-15)
                assert [bar.get_visible() for bar in bars] == list(found[name][row, op] > 0)
                stack += found[name][row, op]
    tops = sum(found[name] for name in ("overlap", "forget", "new"))
    assert {axes.get_ylim() for axes in figure.axes} == {(0, 1.08 * tops.max())}
    assert {"tanh1", "tanh2", "AND", "OR", "order", "strength"} <= set(words_in(figure))


def test_bars_of_some_layers(knowledge):
    figure = printed.strength_figure(knowledge.ledger(), layers=["tanh2"])
    np.testing.assert_array_equal(
        [bar.get_height() for bar in figure.axes[0].containers[0]], strengths(knowledge.ledger())["overlap"][1, 0]
    )


@pytest.mark.parametrize("choice", [{}, {"op": "and", "order": 2}])
def test_lines_are_ratios(knowledge, choice):
    ledger = knowledge.ledger()
    found, figure = ratios(ledger, **choice), printed.ratios_figure(ledger, **choice)
    for axes, name in zip(figure.axes, ("completeness", "redundancy"), strict=True):
        expected = [found[name], found[f"ceiling_{name}"], found[f"floor_{name}"]]
        np.testing.assert_array_equal(lines_in(axes), expected)
        band = axes.collections[0].get_paths()[0].vertices[:, 1]
        assert (band.min(), band.max()) == (found[f"{name}_low"].min(), found[f"{name}_high"].max())
        assert axes.get_ylim() == (-0.02, 1.02)
    assert {"tanh1", "tanh2"} <= set(words_in(figure))


def test_ratios_of_what_does_not_exist(knowledge):
    with pytest.raises(InputError, match="order=9 is out of range"):
        printed.ratios_figure(knowledge.ledger(), op="and", order=9)


def test_ratios_that_are_undefined_are_drawn_as_gaps(knowledge):
    # OR has no order 1.
    figure = printed.ratios_figure(knowledge.ledger(), op="or", order=1)
    assert np.isnan(lines_in(figure.axes[0])[0]).all()
    words_in(figure)


def test_curves_are_sorted_effects(knowledge):
    figure = printed.sparsity_figure(knowledge)
    *lines, threshold = figure.axes[0].lines
    for curve, line in zip(sparsity_curves(knowledge), lines, strict=True):
        np.testing.assert_array_equal(line.get_xdata(), curve.rank / 4)
        np.testing.assert_array_equal(line.get_ydata(), np.where(curve.size >= LOWEST, curve.size, np.nan))
    assert set(threshold.get_ydata()) == {0.05}
    assert "interactions per sample, strongest first" in words_in(figure)
    assert all("$" not in word for word in words_in(figure))


def test_no_effect_at_all_is_drawn(knowledge):
    class Still(Knowledge):
        def effects(self, sample):
            return 0 * knowledge.effects(sample)

    still = Still(knowledge.data, knowledge.manifest, knowledge._run)
    assert "salience threshold" in words_in(printed.sparsity_figure(still))


def test_hostile_layers_are_named():
    hostile = tiny("hostile")
    words = words_in(printed.strength_figure(hostile.ledger()))
    assert any(word.startswith(HOSTILE_LAYERS[0][:10]) for word in words)
    assert any(word.startswith("<img") for word in words_in(printed.ratios_figure(hostile.ledger())))
    assert HOSTILE_LAYERS[0] in words_in(printed.sparsity_figure(hostile))
