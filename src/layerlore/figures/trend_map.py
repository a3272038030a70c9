"""The trend map: layers as points, near each other where they change alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from layerlore.figures.groups import FROZEN, OUTLIER, group_style
from layerlore.figures.style import graph_objects, inert, styled

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from layerlore.dynamics.trends import Trends


@dataclass(frozen=True)
class Place:
    """A layer on the map.

    Attributes:
        layer: its name.
        kind: of the layer.
        label: its trend; -1 for an outlier.
        x: first coordinate.
        y: second coordinate.
    """

    layer: str
    kind: str
    label: int
    x: float
    y: float


def trend_places(trends: Trends, kinds: dict[str, str]) -> list[Place]:
    """The layers that have a place on the map; frozen ones and those without a finite number have none.

    Args:
        trends: from `find_trends`.
        kinds: of the layers, by name; ``other`` where there is none.
    """
    return [
        Place(layer, kinds.get(layer, "other"), int(label), float(point[0]), float(point[1]))
        for layer, label, point in zip(trends.layers, trends.labels, trends.points, strict=True)
        if np.isfinite(point).all()
    ]


def trend_map_figure(trends: Trends, kinds: dict[str, str]) -> go.Figure:
    """Points coloured by trend; outliers are crosses, and the legend counts layers without a place.

    Args:
        trends: see `trend_places`, as is the other.
        kinds: of the layers.

    Raises:
        MissingExtraError: plotly is not installed.
    """
    go = graph_objects()
    places = trend_places(trends, kinds)
    figure = go.Figure()
    for label, name in group_names(trends).items():
        here = [place for place in places if place.label == label]
        words = group_style(label)
        figure.add_trace(
            go.Scatter(
                x=[place.x for place in here] or [None],
                y=[place.y for place in here] or [None],
                customdata=[[inert(place.layer), inert(place.kind)] for place in here],
                mode="markers",
                name=name,
                marker={
                    "color": words.colour,
                    "symbol": words.symbol,
                    "size": 9,
                    "opacity": 0.85,
                    "line": {"width": 2 if label in (OUTLIER, FROZEN) else 0, "color": words.colour},
                },
                hovertemplate="%{customdata[0]}<br>%{customdata[1]}<extra>" + words.words + "</extra>",
            )
        )
    styled(figure, 480)
    figure.update_layout(showlegend=True)
    first, second = axis_titles(trends)
    figure.update_xaxes(title_text=first)
    figure.update_yaxes(title_text=second)
    return figure


def shown_labels(trends: Trends) -> list[int]:
    """Labels that occur: trends from 0, then outliers, then frozen layers."""
    found = {int(label) for label in trends.labels}
    return sorted(label for label in found if label >= 0) + [label for label in (OUTLIER, FROZEN) if label in found]


def group_names(trends: Trends) -> dict[int, str]:
    """For each label that occurs, its group in words with how many layers it has, and how many have no place."""
    names = {}
    for label in shown_labels(trends):
        here = np.asarray(trends.labels) == label
        away = int((here & ~np.isfinite(trends.points).all(1)).sum())
        names[label] = f"{group_style(label).words} ({here.sum()})" + (f", {away} not on the map" if away else "")
    return names


def axis_titles(trends: Trends) -> tuple[str, str]:
    """The two coordinates in words: principal components with their share of variance, where they are that."""
    if trends.explained is None:
        return "first coordinate", "second coordinate"
    words = [f"{which} principal component" for which in ("first", "second")]
    shares = [f" ({100 * share:.0f} %)" for share in trends.explained[:2]]
    first, second = (name + share for name, share in zip(words, [*shares, "", ""], strict=False))
    return first, second
