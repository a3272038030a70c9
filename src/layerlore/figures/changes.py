"""How much each layer changes, step by step: one line for each layer, coloured by depth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float64, Int64

from layerlore.dynamics.history import History
from layerlore.figures.axes import drawn, log_axis, short_names, step_axis, title_lines, unit_of
from layerlore.figures.style import depth_colour, graph_objects, inert, shortened, spread, styled

if TYPE_CHECKING:
    import plotly.graph_objects as go

MOST_NAMED = 8
"""Layers that have a name and a thick line of their own."""
MOST_LINES = 200
"""Layers that have a line at all."""
FROM_START = ("rotation_from_init", "distance_from_init")
"""Measures that grow with training: they stand on a linear axis."""


@dataclass(frozen=True, eq=False)
class Changes:
    """Lines of a measure over steps.

    Attributes:
        measure: its name.
        unit: what a step is called.
        layers: with a line, by depth.
        steps: that are drawn.
        values: layer x step; NaN where a line has a gap (undefined, infinite, or 0 on a logarithmic axis).
        named: positions of the layers that have a name.
        group: for each layer, the place within ``named`` of the nearest named layer, whose colour it has.
        logarithmic: whether the values stand on a logarithmic axis.
    """

    measure: str
    unit: str
    layers: list[str]
    steps: Int64[np.ndarray, "n_steps"]
    values: Float64[np.ndarray, "n_layers n_steps"]
    named: list[int]
    group: list[int]
    logarithmic: bool


def changes(history: History, measure: str | None = None) -> Changes:
    """The lines that `changes_figure` draws: at most `MOST_LINES` layers and `MOST_STEPS` steps, evenly spread.

    Args:
        history: from `WeightTracker`, `read_series` or `load`.
        measure: its name; None takes the history's default.

    Raises:
        InputError: the measure was not recorded.
    """
    name, layers, steps, values = drawn(history, measure, MOST_LINES)
    logarithmic = name not in FROM_START
    shown = np.isfinite(values) & ((values > 0) | (not logarithmic))
    named = spread(len(layers), MOST_NAMED)
    return Changes(
        measure=name,
        unit=unit_of(history),
        layers=layers,
        steps=steps,
        values=np.where(shown, values, np.nan),
        named=named,
        group=[int(np.abs(np.array(named) - row).argmin()) for row in range(len(layers))],
        logarithmic=logarithmic,
    )


def changes_figure(history: History, measure: str | None = None) -> go.Figure:
    """A measure over steps: some layers named, with thick lines; those around each in thin ones of its colour.

    Args:
        history: see `changes`, as is the other.
        measure: its name.

    Raises:
        MissingExtraError: plotly is not installed.
        InputError: the measure was not recorded.
    """
    go = graph_objects()
    found = changes(history, measure)
    figure = go.Figure()
    for place, row in enumerate(found.named):
        colour = depth_colour(place, len(found.named))
        for other in [other for other, group in enumerate(found.group) if group == place and other != row]:
            figure.add_trace(_line(go, found, other, colour, str(place), thin=True))
        figure.add_trace(_line(go, found, row, colour, str(place)))
    styled(figure, 480)
    figure.update_xaxes(**step_axis(found.steps, found.unit))
    scale = log_axis(found.values) if found.logarithmic else {"rangemode": "tozero"}
    figure.update_yaxes(**scale, title_text=title_lines(found.measure))
    return figure


def _line(go: Any, found: Changes, row: int, colour: str, group: str, thin: bool = False) -> Any:
    markers = len(found.steps) == 1 or (len(found.steps) <= 50 and not thin)
    return go.Scatter(
        x=found.steps,
        # Half the bytes of the page, and far finer than a pixel.
        y=found.values[row].astype(np.float32),
        mode="lines+markers" if markers else "lines",
        name=inert(shortened(short_names(found.layers)[row])),
        legendgroup=group,
        showlegend=not thin,
        opacity=0.4 if thin else 1,
        line={"color": colour, "width": 1 if thin else 2.25},
        marker={"size": 5},
        hovertemplate=f"{inert(found.layers[row])}, {inert(found.unit)} %{{x}}: %{{y:.3g}}<extra></extra>",
    )
