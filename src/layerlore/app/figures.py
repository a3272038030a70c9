"""Figures of runs that are not finished, which no report has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64

from layerlore.figures.style import (
    BLUE,
    VERMILLION,
    graph_objects,
    inert,
    layer_axis,
    shortened,
    spread,
    styled,
    translucent,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

MOST_SAMPLES = 100
"""Samples that have a point for each layer; of more, as many are chosen evenly. Means are of all."""
NAMES = ("no player shown", "all players shown")


def ends_figure(layers: Sequence[str], ends: Float64[np.ndarray, "n_samples n_layers 2"]) -> go.Figure:
    """Scores with no player and with all: a point for each sample and layer, and lines through their means.

    Args:
        layers: names by depth.
        ends: scores with none and with all.
    """
    go = graph_objects()
    figure = go.Figure()
    rows = spread(len(ends), MOST_SAMPLES)
    places = np.arange(len(layers))
    names = [inert(name) for name in layers]
    for end, (words, colour, aside) in enumerate(zip(NAMES, (VERMILLION, BLUE), (-0.06, 0.06), strict=True)):
        points = ends[rows, :, end]
        figure.add_trace(
            go.Scatter(
                x=np.tile(places + aside, len(rows)),
                y=points.ravel().astype(np.float32),
                customdata=[[name, row] for row in rows for name in names],
                mode="markers",
                marker={"size": 5, "color": translucent(colour, 0.35)},
                hovertemplate=f"%{{customdata[0]}}, sample %{{customdata[1]}}, {words}: %{{y:.3g}}<extra></extra>",
                showlegend=False,
            )
        )
        figure.add_trace(
            go.Scatter(
                x=places,
                y=ends[:, :, end].mean(axis=0),
                customdata=names,
                mode="lines+markers",
                name=f"{words}, mean",
                line={"color": colour, "width": 2.25},
                marker={"size": 6, "symbol": "circle" if end else "diamond"},
                hovertemplate=f"%{{customdata}}, {words}, mean: %{{y:.3g}}<extra></extra>",
            )
        )
    styled(figure, 380)
    figure.update_xaxes(**layer_axis([shortened(name) for name in layers]))
    figure.update_yaxes(title_text="score of the target")
    return figure


def waiting_figure(words: str) -> go.Figure:
    """No data, and why: our own words, not those of a run."""
    figure = styled(graph_objects().Figure(), 160)
    figure.add_annotation(text=words, xref="paper", yref="paper", x=0.5, y=0.5, showarrow=False)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    return figure
