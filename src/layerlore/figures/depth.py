"""Change through depth: every layer at the beginning of training and at its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64

from layerlore.dynamics.history import History
from layerlore.figures.axes import even, log_axis, short_names, title_lines
from layerlore.figures.style import (
    BLUE,
    LONGEST_TICK,
    MOST_TICKS,
    VERMILLION,
    graph_objects,
    inert,
    layer_axis,
    shortened,
    styled,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

MOST_JOINED = 40
"""Layers up to which neighbours are joined by a line."""

PerLayer = Float64[np.ndarray, "n_layers"]


@dataclass(frozen=True, eq=False)
class Thirds:
    """The change of every layer in the first and in the last third of the recorded steps.

    Attributes:
        measure: its name.
        layers: by depth.
        first: median over the first third of the steps (at least one); NaN where no step has a finite value.
        last: median over the last third.
        first_steps: first and last step of the first third.
        last_steps: likewise of the last third.
    """

    measure: str
    layers: list[str]
    first: PerLayer
    last: PerLayer
    first_steps: tuple[int, int]
    last_steps: tuple[int, int]


def thirds(history: History, measure: str | None = None) -> Thirds:
    """The change of every layer at the beginning and at the end.

    Args:
        history: from `WeightTracker`, `read_series` or `load`.
        measure: its name; None takes the history's default.

    Raises:
        InputError: the measure was not recorded.
    """
    name = history.default_measure if measure is None else measure
    values, steps = history.values(name), history.steps
    size = max(1, len(steps) // 3)
    return Thirds(
        measure=name,
        layers=history.layers,
        first=median_of_finite(values[:, :size]),
        last=median_of_finite(values[:, -size:]),
        first_steps=(int(steps[0]), int(steps[size - 1])),
        last_steps=(int(steps[-size]), int(steps[-1])),
    )


def median_of_finite(values: Float64[np.ndarray, "n_layers n_steps"]) -> PerLayer:
    """The median of each row over its finite entries; NaN where there is none."""
    rows = (row[np.isfinite(row)] for row in values)
    return np.array([np.median(row) if row.size else np.nan for row in rows], dtype=np.float64)


def depth_figure(history: History, measure: str | None = None) -> go.Figure:
    """The median change of the first and of the last third of the steps, over the layers.

    Args:
        history: see `thirds`, as is the other.
        measure: its name.

    Raises:
        MissingExtraError: plotly is not installed.
        InputError: the measure was not recorded.
    """
    go = graph_objects()
    found = thirds(history, measure)
    figure = go.Figure()
    for words, values, span, colour, symbol in (
        ("first third", found.first, found.first_steps, BLUE, "circle"),
        ("last third", found.last, found.last_steps, VERMILLION, "diamond"),
    ):
        figure.add_trace(
            go.Scatter(
                x=list(range(len(values))),
                y=np.where(values > 0, values, np.nan),
                customdata=[inert(name) for name in found.layers],
                mode="lines+markers" if len(values) <= MOST_JOINED else "markers",
                name=f"{words} ({steps_in_words(span)})",
                line={"color": colour, "width": 1.5},
                marker={"size": 8 if len(values) <= MOST_JOINED else 6, "symbol": symbol},
                hovertemplate="%{customdata}: %{y:.3g}",
            )
        )
    styled(figure, 420)
    short = short_names(found.layers)
    ticks = even(len(short), MOST_TICKS)
    names = {"tickvals": ticks, "ticktext": [inert(shortened(short[tick], LONGEST_TICK)) for tick in ticks]}
    figure.update_xaxes(**layer_axis(short) | names)
    figure.update_yaxes(**log_axis(np.stack([found.first, found.last])), title_text=title_lines(found.measure))
    return figure


def steps_in_words(span: tuple[int, int]) -> str:
    """A stretch of steps.

    >>> steps_in_words((1, 8)), steps_in_words((3, 3))
    ('1 to 8', '3')
    """
    return f"{span[0]} to {span[1]}" if span[0] < span[1] else str(span[0])
