"""All layers at all steps: a cell for each change, its colour on a logarithmic scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float64, Int64

from layerlore.dynamics.history import History
from layerlore.figures.axes import drawn, even, log_ticks, positive_range, short_names, title_lines, unit_of
from layerlore.figures.style import GREY, VERMILLION, graph_objects, inert, shortened, styled

if TYPE_CHECKING:
    import plotly.graph_objects as go

MOST_ROWS = 200
"""Layers that have a row; of more, as many are chosen evenly."""
ROW_HEIGHT, LOWEST, HIGHEST = 18, 180, 1120
"""Pixels of a row where there are few, and of all rows together at least and at most."""
NAME_HEIGHT = 13
FRAME = 150
SPARED = 1.0
"""Percent of the cells at either end whose colour is that of the end, so that single outliers do not fade the rest."""
ZERO, NO_VALUE = "exactly 0: no change", "no value"


@dataclass(frozen=True, eq=False)
class Cells:
    """What the heat map shows.

    Attributes:
        measure: its name.
        unit: what a step is called.
        layers: names of the rows, by depth.
        steps: of the columns.
        values: layer x step, as recorded.
        zero: where nothing changed.
        missing: where there is no value, no finite one, or a negative one.
        low: value that has the first colour of the scale.
        high: value that has the last one.
    """

    measure: str
    unit: str
    layers: list[str]
    steps: Int64[np.ndarray, "n_steps"]
    values: Float64[np.ndarray, "n_layers n_steps"]
    zero: Bool[np.ndarray, "n_layers n_steps"]
    missing: Bool[np.ndarray, "n_layers n_steps"]
    low: float
    high: float


def cells(history: History, measure: str | None = None) -> Cells:
    """The cells that `heatmap_figure` draws: at most `MOST_ROWS` layers and `MOST_STEPS` steps, evenly spread.

    Args:
        history: from `WeightTracker`, `read_series` or `load`.
        measure: its name; None takes the history's default.

    Raises:
        InputError: the measure was not recorded.
    """
    name, layers, steps, values = drawn(history, measure, MOST_ROWS)
    positive = values[np.isfinite(values) & (values > 0)]
    ends = np.percentile(positive, [SPARED, 100 - SPARED]) if positive.size else np.array([0.3, 3.0])
    low, high = positive_range(ends)
    return Cells(
        measure=name,
        unit=unit_of(history),
        layers=layers,
        steps=steps,
        values=values,
        zero=values == 0,
        missing=~(np.isfinite(values) & (values >= 0)),
        low=low,
        high=high if high > low else low * 1.1,
    )


def heatmap_figure(history: History, measure: str | None = None) -> go.Figure:
    """Layers from the first at the top, recorded steps from left to right, each as wide as the others.

    Args:
        history: see `cells`, as is the other.
        measure: its name.

    Raises:
        MissingExtraError: plotly is not installed.
        InputError: the measure was not recorded.
    """
    go = graph_objects()
    found = cells(history, measure)
    inner = min(max(len(found.layers) * ROW_HEIGHT, LOWEST), HIGHEST)
    figure = go.Figure()
    figure.add_trace(_coloured(go, found, inner))
    for there, words, colour in ((found.zero, ZERO, GREY), (found.missing, NO_VALUE, VERMILLION)):
        if there.any():
            for trace in _flat(go, found, there, words, colour):
                figure.add_trace(trace)
    # Names stand at an axis of their own: the cells' axis holds them in full, for who points at a cell.
    figure.add_trace(go.Scatter(x=[None], y=[None], yaxis="y2", showlegend=False, hoverinfo="skip"))
    styled(figure, inner + FRAME)
    ticks = even(len(found.layers), inner // NAME_HEIGHT)
    short = short_names(found.layers)
    rows = {"range": [len(found.layers) - 0.5, -0.5], "showgrid": False, "zeroline": False, "fixedrange": True}
    figure.update_layout(
        margin={"t": 70 if "<br>" not in title_lines(found.measure) else 86, "b": 64},
        legend={"y": -44 / inner, "yanchor": "top", "itemclick": False, "itemdoubleclick": False},
        yaxis={**rows, "type": "category", "showticklabels": False, "ticks": ""},
        yaxis2={
            **rows,
            "overlaying": "y",
            "side": "left",
            "automargin": True,
            "ticks": "",
            "tickvals": ticks,
            "ticktext": [inert(shortened(short[tick])) for tick in ticks],
            "tickfont": {"size": 11},
        },
    )
    figure.update_xaxes(type="category", showgrid=False, nticks=8, tickangle=0)
    # Plotly puts the title of this axis on the cells when the names beside them need room.
    figure.add_annotation(
        text=inert(shortened(found.unit)),
        xref="paper",
        yref="paper",
        x=0.5,
        y=0,
        yshift=-22,
        yanchor="top",
        showarrow=False,
    )
    return figure


def _coloured(go: Any, found: Cells, inner: int) -> Any:
    shown = ~found.zero & ~found.missing
    with np.errstate(divide="ignore", invalid="ignore"):
        logarithms = np.where(shown, np.log10(found.values), np.nan)
    ticks = log_ticks(found.low, found.high, most=6)
    return go.Heatmap(
        **_places(found),
        z=logarithms.astype(np.float32),
        customdata=found.values.astype(np.float32),
        zmin=float(np.log10(found.low)),
        zmax=float(np.log10(found.high)),
        colorscale="Viridis",
        hovertemplate=f"%{{y}}, {inert(found.unit)} %{{x}}: %{{customdata:.3g}}<extra></extra>",
        hoverongaps=False,
        colorbar={
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            "y": 1 + 4 / inner,
            "yanchor": "bottom",
            "thickness": 10,
            "outlinewidth": 0,
            "title": {"text": title_lines(found.measure), "side": "top"},
            "tickvals": [float(np.log10(tick)) for tick in ticks],
            "ticktext": [f"{tick:g}" for tick in ticks],
        },
    )


def _flat(go: Any, found: Cells, there: np.ndarray, words: str, colour: str) -> list[Any]:
    """Cells of one colour, and its entry in the legend."""
    return [
        go.Heatmap(
            **_places(found),
            z=np.where(there, 1.0, np.nan).astype(np.float32),
            colorscale=[[0, colour], [1, colour]],
            showscale=False,
            hovertemplate=f"%{{y}}, {inert(found.unit)} %{{x}}: {words}<extra></extra>",
            hoverongaps=False,
        ),
        go.Scatter(
            x=[None],
            y=[None],
            yaxis="y2",
            mode="markers",
            name=words,
            marker={"symbol": "square", "size": 11, "color": colour},
            hoverinfo="skip",
        ),
    ]


def _places(found: Cells) -> dict[str, Any]:
    return {"x": [str(step) for step in found.steps], "y": [inert(name) for name in found.layers]}
