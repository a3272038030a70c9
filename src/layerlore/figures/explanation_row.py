"""A row of a table explained, or any other sample: its players below each other, with values and interactions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from layerlore.figures.explanation import Explanation, sign_colour
from layerlore.figures.style import GREY, graph_objects, inert, ink_on, shortened, styled
from layerlore.interactions.knowledge import Knowledge

if TYPE_CHECKING:
    import plotly.graph_objects as go

ROW, FRAME = 28, 90
WIDE = 1.8
"""Columns of methods are so many times as wide as those of interactions."""
LONGEST_LABEL = 18


@dataclass(frozen=True, eq=False)
class Columns:
    """Where the columns stand.

    Attributes:
        methods: middle of each.
        interactions: middle of each.
        end: right end of the last.
    """

    methods: list[float]
    interactions: list[float]
    end: float


def player_labels(knowledge: Knowledge, sample: int) -> list[str]:
    """What each player says: its text where the run holds one, else its name with the number that it owns.

    A player that owns several numbers has its name alone.
    """
    coords, owner = knowledge.manifest["coords"], knowledge.owner(sample)
    names = [str(name) for name in coords["players"][sample]]
    if owner is None:
        return names
    pieces = coords["pieces"][sample] if coords.get("pieces") else [""] * owner.size
    texts = [""] * len(names)
    for player, piece in zip(owner.reshape(-1).tolist(), pieces, strict=True):
        if player >= 0:
            texts[player] += str(piece)
    values = knowledge.inputs(sample)
    owned = [values[np.broadcast_to(owner, values.shape) == player] for player in range(len(names))]
    return [
        text or (f"{name} = {own[0]:.4g}" if own.size == 1 else name)
        for text, name, own in zip(texts, names, owned, strict=True)
    ]


def columns_of(found: Explanation) -> Columns:
    """Methods from left to right, then interactions."""
    wide = len(found.methods) * WIDE
    return Columns(
        [WIDE * (place + 0.5) for place in range(len(found.methods))],
        [wide + place + 0.5 for place in range(len(found.interactions))],
        wide + len(found.interactions),
    )


def headings_of(found: Explanation) -> list[tuple[str, ...]]:
    """Of each column, in lines."""
    methods = [(*method.name.split(" "), method.words[1]) for method in found.methods]
    ops = [shown.op.upper() if len(shown.players) > 1 else "one" for shown in found.interactions]
    effects = [f"{shown.effect:+.2f}" for shown in found.interactions]
    return [*methods, *zip(ops, effects, strict=True)]


def explained_row(found: Explanation, labels: list[str]) -> go.Figure:
    """A line for each player: a coloured cell for each method, a dot in each interaction that it is part of.

    Raises:
        MissingExtraError: plotly is not installed.
    """
    go = graph_objects()
    places = columns_of(found)
    figure = go.Figure()
    for x, method in zip(places.methods, found.methods, strict=True):
        for y, (value, colour) in enumerate(zip(method.values, method.colours, strict=True)):
            box = {"x0": x - WIDE / 2, "x1": x + WIDE / 2, "y0": y - 0.5, "y1": y + 0.5}
            figure.add_shape(type="rect", **box, fillcolor=colour, line={"width": 1, "color": GREY}, layer="between")
            words = "\N{EN DASH}" if np.isnan(value) else f"{value:+.2f}"
            font = {"size": 11, "color": ink_on(colour)}
            figure.add_annotation(x=x, y=y, text=words, showarrow=False, font=font)
    for x, shown in zip(places.interactions, found.interactions, strict=True):
        figure.add_trace(_dots(go, x, shown.players, sign_colour(shown), inert(shown.label)))
    styled(figure, ROW * len(labels) + FRAME)
    headings = ["<br>".join(inert(line) for line in lines) for lines in headings_of(found)]
    figure.update_xaxes(
        side="top",
        tickvals=[*places.methods, *places.interactions],
        ticktext=headings,
        tickangle=0,
        tickfont={"size": 10},
        range=[0, places.end],
        showgrid=False,
        zeroline=False,
    )
    figure.update_yaxes(
        tickvals=list(range(len(labels))),
        ticktext=[inert(shortened(label, LONGEST_LABEL)) for label in labels],
        range=[len(labels) - 0.5, -0.5],
        zeroline=False,
    )
    figure.update_layout(margin={"t": 62, "b": 12}, showlegend=False)
    return figure


def _dots(go: Any, x: float, players: tuple[int, ...], colour: str, words: str) -> Any:
    return go.Scatter(
        x=[x] * len(players),
        y=list(players),
        mode="lines+markers",
        line={"color": colour, "width": 2},
        marker={"size": 11, "color": colour},
        hovertemplate=words + "<extra></extra>",
    )
