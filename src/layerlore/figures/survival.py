"""How long interactions last: how many appear in each layer, and for how many layers they stay.

Source: METHODS A6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64

from layerlore.figures.style import BLUE, ORANGE, graph_objects, inert, layer_axis, styled
from layerlore.interactions.bootstrap import ratio

if TYPE_CHECKING:
    import plotly.graph_objects as go
    import xarray as xr

PerLayer = Float64[np.ndarray, "n_layers"]


def lives_by_layer(survival: xr.Dataset, target: int = 0) -> dict[str, PerLayer]:
    """Lives that begin in each layer, pooled over ops and orders.

    Args:
        survival: from `Knowledge.survival`.
        target: position of the target.

    Returns:
        ``staying`` and ``lost``: mean number per sample of interactions that become salient in the layer and stay so
        until the output, or do not; ``layers``: for how many layers they stay on average, the first counted; NaN where
        none begins.
    """
    rows = survival.isel(target=target).transpose("layer", "op", "order")
    count = rows["appearing"].values
    staying, lasting = (
        (count * np.where(count > 0, rows[name].values, 0.0)).sum((1, 2)) for name in ("reaching_output", "layers")
    )
    appearing = count.sum((1, 2))
    return {"staying": staying, "lost": appearing - staying, "layers": ratio(lasting, appearing)}


def survival_figure(survival: xr.Dataset, target: int = 0) -> go.Figure:
    """Interactions that appear in each layer, those that stay until the output below the others; and how long they do.

    Raises:
        MissingExtraError: plotly is not installed.
    """
    go = graph_objects()
    from plotly.subplots import make_subplots  # optional

    values = lives_by_layer(survival, target)
    layers = [str(name) for name in survival.layer.values]
    depth, names = list(range(len(layers))), [inert(name) for name in layers]
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.1, row_heights=[0.6, 0.4])
    for part, words, colour in (
        ("staying", "stays until the output", BLUE),
        ("lost", "lost before the output", ORANGE),
    ):
        # At the output nothing can be lost any more.
        bar = go.Bar(
            x=depth,
            y=values[part],
            customdata=names,
            name=words,
            marker={"color": colour},
            hovertemplate="%{customdata}: %{y:.2f} per sample",
        )
        figure.add_trace(bar, 1, 1)
    figure.add_trace(
        go.Scatter(
            x=depth,
            y=values["layers"],
            customdata=names,
            mode="lines+markers",
            showlegend=False,
            line={"color": BLUE, "width": 2.5},
            marker={"size": 7},
            hovertemplate="%{customdata}: %{y:.2f} layers<extra></extra>",
        ),
        2,
        1,
    )
    styled(figure, 440)
    figure.update_layout(barmode="stack", bargap=0.35)
    figure.update_yaxes(title_text="appear, per sample", rangemode="tozero", nticks=5, row=1)
    figure.update_yaxes(title_text="layers they last", rangemode="tozero", nticks=5, row=2)
    figure.update_xaxes(**layer_axis(layers))
    return figure
