"""How large the noise is beside what the players of an interaction show: boxes of the noise-to-signal ratio by order.

Source: Cheng et al. 2024, Figure 12; METHODS A8.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64, Int64

from layerlore.figures.style import BLUE, GREY, graph_objects, styled, translucent

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from layerlore.interactions.stability import Stability

QUANTILES = {"low": 0.05, "lower": 0.25, "median": 0.5, "upper": 0.75, "high": 0.95}
"""Ends of the whiskers, of the box, and its middle, as shares of all draws and coalitions."""
TITLE = "noise / signal"
NOTHING = "players own no numbers: there is no ratio"


def noise_boxes(stability: Stability) -> dict[str, Int64[np.ndarray, "n_orders"] | Float64[np.ndarray, "n_orders"]]:
    """Quantiles of the noise-to-signal ratio over samples, draws and coalitions.

    Args:
        stability: from `stability`.

    Returns:
        ``order``, and each of `QUANTILES`, without the orders that have no value.
    """
    boxes = stability.noise_boxes.transpose("order", "quantile")
    found = {name: boxes.sel(quantile=share, method="nearest").values for name, share in QUANTILES.items()}
    defined = np.isfinite(list(found.values())).all(0)
    orders = boxes["order"].values.astype(np.int64)[defined]
    return {"order": orders} | {name: values[defined].astype(np.float64) for name, values in found.items()}


def noise_figure(stability: Stability) -> go.Figure:
    """A box for each order: half of the ratios lie within it, 90 % within its whiskers.

    Args:
        stability: see `noise_boxes`.

    Raises:
        MissingExtraError: plotly is not installed.
    """
    go = graph_objects()
    found = noise_boxes(stability)
    figure = go.Figure()
    if len(found["order"]):
        figure.add_trace(
            go.Box(
                x=found["order"],
                q1=found["lower"],
                median=found["median"],
                q3=found["upper"],
                lowerfence=found["low"],
                upperfence=found["high"],
                width=0.6,
                line={"color": BLUE, "width": 1.5},
                fillcolor=translucent(BLUE, 0.2),
                showlegend=False,
                hoverinfo="y",
            )
        )
    else:
        middle = {"x": 0.5, "y": 0.5, "xref": "paper", "yref": "paper"}
        figure.add_annotation(text=NOTHING, showarrow=False, font={"color": GREY}, **middle)
    styled(figure, 340)
    highest = noise_orders(stability)
    figure.update_xaxes(title_text="order", range=[0.4, highest + 0.6], dtick=1 if highest <= 12 else 2, showgrid=False)
    figure.update_yaxes(title_text=TITLE, range=[0, highest_whisker(found)])
    return figure


def noise_orders(stability: Stability) -> int:
    """The highest order."""
    return int(stability.noise_boxes["order"].max())


def highest_whisker(found: dict[str, np.ndarray]) -> float:
    """The upper end of an axis that holds all boxes."""
    return 1.06 * float(found["high"].max(initial=0.0)) or 1.0
