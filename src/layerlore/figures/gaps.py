"""How far each split may be from the sparsest: certified gaps of all games, beside the tolerance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64

from layerlore.figures.style import BLUE, VERMILLION, graph_objects, inert, layer_axis, styled, translucent
from layerlore.interactions.knowledge import Knowledge

if TYPE_CHECKING:
    import plotly.graph_objects as go

MOST_POINTS = 200
"""Samples up to which every game is drawn as a point."""


def certified_gaps(knowledge: Knowledge, target: int = 0) -> Float64[np.ndarray, "n_samples n_layers"]:
    """Certified gap of the problem that was solved for each sample and layer, as a share of its objective.

    For splits pulled toward a reference that is the pulled problem (``aligned_gap``), for the others the plain one.
    """
    part = knowledge.data.isel(target=target)
    aligned, plain = (part[name].transpose("sample", "layer").values for name in ("aligned_gap", "gap"))
    return np.where(np.isnan(aligned), plain, aligned)


def gaps_figure(knowledge: Knowledge, target: int = 0) -> go.Figure:
    """A strip of gaps for each layer, and the tolerance as a dashed line.

    With more than `MOST_POINTS` samples the points give way to quartiles, whiskers and outliers.

    Raises:
        MissingExtraError: plotly is not installed.
    """
    go = graph_objects()
    gaps = certified_gaps(knowledge, target)
    tolerance = knowledge.split_settings.tolerance
    every = knowledge.n_samples <= MOST_POINTS
    figure = go.Figure()
    for depth, layer in enumerate(knowledge.layers):
        found = gaps[:, depth]
        figure.add_trace(
            go.Box(
                x=np.full(len(found), depth),
                y=found,
                name=inert(layer),
                boxpoints="all" if every else "outliers",
                jitter=0.7,
                pointpos=0,
                line={"width": 0 if every else 1.5, "color": BLUE},
                fillcolor="rgba(0,0,0,0)" if every else translucent(BLUE, 0.2),
                marker={"size": 6, "color": translucent(BLUE, 0.8)},
                width=0.6,
                showlegend=False,
                hoveron="points",
                hovertemplate="%{y:.2%}",
            )
        )
    figure.add_hline(
        y=tolerance,
        line={"color": VERMILLION, "dash": "dash", "width": 1.5},
        annotation={"text": f"tolerance {tolerance:.1%}", "font": {"color": VERMILLION}},
        annotation_position="top left",
    )
    styled(figure, 360)
    figure.update_xaxes(**layer_axis(knowledge.layers))
    highest = np.nanmax(gaps, initial=tolerance)
    figure.update_yaxes(tickformat=".1%", title_text="certified gap", range=[-0.04 * highest, 1.15 * highest])
    return figure
