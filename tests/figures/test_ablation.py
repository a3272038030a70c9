"""Splits side by side: counts by a slow loop, shares as the ledger has them."""

import dataclasses

import numpy as np
import pytest

from figures.results import HOSTILE, words_in
from figures.words import words_of
from layerlore.errors import InputError
from layerlore.figures import ablation_figure, printed, split_courses
from layerlore.figures.ablation import COUNT, salient_counts


def counted(knowledge, sample, layer):
    """Salient interactions of a game, one by one."""
    row = knowledge.layers.index(layer)
    effects, threshold = knowledge.effects(sample)[0, row], knowledge.thresholds()[0, row]
    return sum(
        abs(effects[op, coalition]) > threshold for op in range(2) for coalition in range(1, 1 << knowledge.n_players)
    )


def test_counts_are_means_over_samples(knowledge):
    mean, low, high = salient_counts(knowledge)
    every = np.array([[counted(knowledge, sample, layer) for layer in knowledge.layers] for sample in range(4)])
    np.testing.assert_allclose(mean, every.mean(0), rtol=1e-15)
    # Resamples take the same sample four times at most.
    assert (every.min(0) <= low).all()
    assert (low <= mean).all()
    assert (mean <= high).all()
    assert (high <= every.max(0)).all()


def test_courses_are_those_of_the_results(knowledge):
    ledger = knowledge.ledger()
    whole, bare = split_courses({"a": knowledge, "b": ledger})
    assert whole.layers == bare.layers == ["tanh1", "tanh2"]
    np.testing.assert_array_equal(whole.values[COUNT], salient_counts(knowledge)[0][:2])
    assert np.isnan(bare.values[COUNT]).all()
    for course in (whole, bare):
        np.testing.assert_array_equal(course.values["completeness"], ledger.total.completeness.values[0])
        np.testing.assert_array_equal(course.low["redundancy"], ledger.total.redundancy_low.values[0])
        np.testing.assert_array_equal(course.high["redundancy"], ledger.total.redundancy_high.values[0])


def test_a_line_for_each_split_in_each_panel(knowledge):
    results = {"kappa 0.04": knowledge, "AND only": knowledge.ledger()}
    courses = split_courses(results)
    figure, paper = ablation_figure(results), printed.ablation_figure(results)
    for row, measure in enumerate((COUNT, "completeness", "redundancy")):
        traces = [trace for trace in figure.data if trace.yaxis == ("y", "y2", "y3")[row]]
        for course, trace, line in zip(courses, traces, paper.axes[row].lines, strict=True):
            np.testing.assert_array_equal(trace.y, course.values[measure])
            np.testing.assert_array_equal(line.get_ydata(), course.values[measure])
            np.testing.assert_array_equal(np.round(trace.x), [0, 1])
    assert [text.get_text() for text in paper.legends[0].get_texts()] == list(results)


def test_ledgers_alone_have_no_counts(knowledge):
    only = {"a": knowledge.ledger()}
    assert len(ablation_figure(only).data) == 2
    assert len(printed.ablation_figure(only).axes) == 2


def test_what_cannot_be_compared(knowledge):
    ledger = knowledge.ledger()
    other = dataclasses.replace(ledger, total=ledger.total.assign_coords(layer=["tanh2", "output"]))
    with pytest.raises(InputError, match=r"'b' is about the layers \['tanh2', 'output'\]"):
        split_courses({"a": knowledge, "b": other})
    with pytest.raises(InputError, match="0 results were given"):
        split_courses({})
    with pytest.raises(InputError, match="8 results were given"):
        split_courses(dict.fromkeys("abcdefgh", knowledge.ledger()))


def test_labels_are_shown_letter_by_letter(knowledge):
    ledger = knowledge.ledger()
    hostile = dict.fromkeys(HOSTILE, ledger)
    text = words_of(ablation_figure(hostile))
    assert "<img" not in text
    assert "&lt;img" in text
    assert {"$\\frac$", "_x_^", "a\N{REPLACEMENT CHARACTER}b%{x}"} <= set(words_in(printed.ablation_figure(hostile)))
