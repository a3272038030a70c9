"""Figures of trends show the groups of the result, each layer once, outliers and frozen layers apart."""

import dataclasses
import json

import numpy as np
import pytest

from figures.words import words_of
from layerlore import History
from layerlore.figures import (
    evidence,
    evidence_figure,
    kind_counts,
    trend_kinds_figure,
    trend_lines_figure,
    trend_map_figure,
    trend_places,
    trend_profiles,
)
from layerlore.figures.groups import group_style
from report.histories import ATTACK, FROZEN, HOSTILE, JUMPY, history, trends

KINDS = {weight.layer: weight.kind for weight in history().weights}


def test_every_layer_but_the_frozen_one_has_its_place():
    places = trend_places(trends(), KINDS)
    assert [place.layer for place in places] == [name for row, name in enumerate(history().layers) if row != FROZEN]
    by_name = dict(zip(trends().layers, trends().labels, strict=True))
    points = dict(zip(trends().layers, trends().points, strict=True))
    for place in places:
        assert place.label == by_name[place.layer]
        assert (place.x, place.y) == tuple(points[place.layer])
        assert place.kind == KINDS[place.layer]


def test_groups_on_the_map_have_looks_of_their_own():
    figure = trend_map_figure(trends(), KINDS)
    assert [trace.name for trace in figure.data] == [
        "trend 0 (12)",
        "trend 1 (9)",
        "outlier (2)",
        "frozen (1), 1 not on the map",
    ]
    symbols = [trace.marker.symbol for trace in figure.data]
    assert len(set(symbols)) == 4
    first = figure.data[0]
    assert {row[0] for row in first.customdata} == set(trends().members(0))
    outliers = [row[0] for row in figure.data[2].customdata]
    assert history().layers[JUMPY] in outliers
    shares = trends().explained
    assert figure.layout.xaxis.title.text == f"first principal component ({100 * shares[0]:.0f} %)"


def test_many_trends_differ_in_colour_or_shape():
    looks = [(group_style(label).colour, group_style(label).symbol) for label in (*range(10), -1, -2)]
    assert len(set(looks)) == len(looks)


def test_the_map_without_components():
    plain = dataclasses.replace(trends(), explained=None)
    assert trend_map_figure(plain, KINDS).layout.xaxis.title.text == "first coordinate"


def test_mean_trends_are_those_of_the_result():
    profiles = trend_profiles(trends())
    assert [profile.label for profile in profiles] == [0, 1]
    figure = trend_lines_figure(trends(), "epoch")
    for row, profile in enumerate(profiles):
        for name in ("mean", "low", "high"):
            expected = trends().profiles[name].values[row]
            np.testing.assert_array_equal(getattr(profile, name), np.where(expected > 0, expected, np.nan))
        low, high, mean = figure.data[3 * row : 3 * row + 3]
        np.testing.assert_array_equal(low.y, profile.low)
        np.testing.assert_array_equal(high.y, profile.high)
        np.testing.assert_array_equal(mean.y, profile.mean)
        assert mean.name == f"trend {profile.label} ({len(trends().members(profile.label))} layers)"
    assert figure.layout.xaxis.title.text == "epoch"


def test_bars_count_every_layer_once():
    counts = kind_counts(trends(), KINDS)
    # Frozen, outliers and trend 1 are convolutions, all of trend 0 are pointwise ones.
    assert counts == {"conv": {0: 0, 1: 9, -1: 2, -2: 1}, "pointwise": {0: 12, 1: 0, -1: 0, -2: 0}}
    bars = trend_kinds_figure(trends(), KINDS).data
    assert [bar.name for bar in bars] == ["conv", "pointwise"]
    assert list(bars[0].x) == [0, 9, 2, 1]
    assert list(bars[0].y) == ["trend 0", "trend 1", "outlier", "frozen"]


def test_the_evidence_is_that_of_the_result():
    found = evidence(trends())
    rows = trends().evidence
    assert found["n_clusters"] == [1, 2, 3, 4, 5, 6, 7]
    for name in ("silhouette", "gap", "stability", "gap_error"):
        assert found[name] == [row[name] for row in rows]
    figure = evidence_figure(trends())
    assert [trace.y for trace in figure.data] == [tuple(found[name]) for name in ("silhouette", "gap", "stability")]
    assert {shape.x0 for shape in figure.layout.shapes} == {2}


def test_evidence_that_says_nothing_is_left_out():
    rows = [row | {"silhouette": float("nan"), "gap": None, "gap_error": None} for row in trends().evidence]
    bare = dataclasses.replace(trends(), evidence=rows)
    assert set(evidence(bare)) == {"n_clusters", "stability"}
    assert len(evidence_figure(bare).data) == 1
    json.loads(evidence_figure(bare).to_json())


@pytest.mark.parametrize("make", [trend_map_figure, trend_kinds_figure])
def test_names_and_kinds_are_inert(make):
    hostile = history("hostile")
    kinds = {weight.layer: weight.kind for weight in hostile.weights}
    assert ATTACK in kinds.values()
    text = words_of(make(trends("hostile"), kinds))
    assert "<img" not in text
    assert "<script" not in text
    assert ("&lt;img" in text) == (make is trend_map_figure)
    assert HOSTILE[2] not in text


def test_no_trend_at_all_is_drawn():
    still = History.from_table(["a", "b"], np.zeros((2, 3)), measure="rwc_l1")
    from layerlore.dynamics.trends import find_trends

    found = find_trends(still, resamples=10)
    kinds = {"a": "conv", "b": "conv"}
    assert [trace.name for trace in trend_map_figure(found, kinds).data] == ["frozen (2), 2 not on the map"]
    assert kind_counts(found, kinds) == {"conv": {-2: 2}}
