"""Strength by order and layer: what is shared with the later layer, forgotten before it, or new there.

Source: Cheng et al. 2024, Figure 3(a); METHODS A6.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float64

from layerlore.figures.style import BLUE, GREEN, GREY, ORANGE, graph_objects, inert, shortened, styled, translucent
from layerlore.interactions.ledger import Ledger

if TYPE_CHECKING:
    import plotly.graph_objects as go

Strength = Float64[np.ndarray, "n_rows 2 n_orders"]

PARTS = {"overlap": "shared", "forget": "forgotten (earlier layer only)", "new": "new (later layer only)"}
ROW_HEIGHT, ROW_GAP, FRAME = 104, 34, 124
BARS = 2 * len(PARTS)
"""Traces of a row: the parts of AND, then those of OR."""


def strengths(ledger: Ledger, target: int = 0, layers: Sequence[str] | None = None) -> dict[str, Strength]:
    """Strengths by row, op (AND first) and order (from 1), in units of the layer's normaliser.

    Args:
        ledger: from `Knowledge.ledger`.
        target: position of the target.
        layers: rows to give; None takes all.

    Returns:
        ``overlap``, ``forget`` and ``new``, each also with ``_low`` and ``_high``, the ends of its bootstrap interval.
    """
    rows = ledger.by_order.isel(target=target)
    rows = rows if layers is None else rows.sel(layer=list(layers))
    names = [name + end for name in PARTS for end in ("", "_low", "_high")]
    return {name: rows[name].transpose("layer", "op", "order").values.astype(np.float64) for name in names}


def strength_figure(ledger: Ledger, target: int = 0, layers: Sequence[str] | None = None) -> go.Figure:
    """One row of panels per layer, AND beside OR; in each, stacked bars over the orders.

    Shared plus forgotten is what the earlier of the two layers holds, shared plus new what the later one holds. All
    panels have one scale.

    Raises:
        MissingExtraError: plotly is not installed.
    """
    go = graph_objects()
    from plotly.subplots import make_subplots  # optional

    layers = [str(name) for name in ledger.by_order.layer.values] if layers is None else list(layers)
    values = strengths(ledger, target, layers)
    inner = len(layers) * ROW_HEIGHT + (len(layers) - 1) * ROW_GAP
    figure = make_subplots(
        rows=len(layers),
        cols=2,
        shared_xaxes=True,
        horizontal_spacing=0.04,
        vertical_spacing=ROW_GAP / inner if len(layers) > 1 else 0.0,
    )
    for row, layer in enumerate(layers):
        for op in range(2):
            for bar in _bars(go, values, row, op):
                figure.add_trace(bar, row + 1, op + 1)
            _write(figure, 2 * row + op + 1, ("AND", "OR")[op], x=1, xanchor="right", yanchor="top")
        _write(figure, 2 * row + 1, inert(shortened(layer)), x=0, xanchor="left", yanchor="bottom")
    styled(figure, inner + FRAME)
    figure.update_layout(barmode="stack", bargap=0.25, legend={"y": 1 + 28 / inner}, margin={"t": 60, "b": 50})
    figure.update_yaxes(nticks=4, range=[0, 1.08 * highest_stack(values)])
    figure.update_yaxes(showticklabels=False, col=2)
    highest = values["new"].shape[-1]
    figure.update_xaxes(showgrid=False, dtick=1 if highest <= 12 else 2, range=[0.4, highest + 0.6])
    figure.update_xaxes(title_text="order", row=len(layers))
    figure.update_yaxes(title_text="strength", row=(len(layers) + 1) // 2, col=1)
    return figure


def picked_strength_figure(ledger: Ledger, target: int = 0, start: int = 0) -> go.Figure:
    """Large panels, AND beside OR, that hold the bars of every row and show one; all rows have one scale.

    Args:
        ledger: from `Knowledge.ledger`.
        target: position of the target.
        start: position of the row that is shown; `BARS` traces follow each other for each row.

    Raises:
        MissingExtraError: plotly is not installed.
    """
    go = graph_objects()
    from plotly.subplots import make_subplots  # optional

    values = strengths(ledger, target)
    n_rows, _, highest = values["new"].shape
    figure = make_subplots(rows=1, cols=2, shared_yaxes=True, horizontal_spacing=0.04, subplot_titles=["AND", "OR"])
    for row in range(n_rows):
        for op in range(2):
            for bar in _bars(go, values, row, op):
                bar.update(visible=row == start, showlegend=op == 0)
                figure.add_trace(bar, 1, op + 1)
    styled(figure, 360)
    figure.update_annotations(font={"size": 12, "color": GREY})
    figure.update_layout(barmode="stack", bargap=0.25, legend={"y": 1.12}, margin={"t": 70})
    figure.update_yaxes(nticks=6, range=[0, 1.08 * highest_stack(values)])
    figure.update_yaxes(title_text="strength", col=1)
    figure.update_xaxes(title_text="order", showgrid=False, dtick=1 if highest <= 12 else 2, range=[0.4, highest + 0.6])
    return figure


def highest_stack(values: dict[str, np.ndarray]) -> float:
    """The highest of all stacks; 1 where there is none."""
    stacks = np.nansum([values[name] for name in PARTS], axis=0)
    return float(stacks.max(initial=0.0)) or 1.0


def _bars(go: Any, values: dict[str, np.ndarray], row: int, op: int) -> list[Any]:
    looks = {
        "overlap": {"color": BLUE},
        "forget": {"color": ORANGE},
        # Hollow: this strength is missing in the earlier layer.
        "new": {"color": translucent(GREEN, 0.18), "line": {"color": GREEN, "width": 1.5}},
    }
    bars = []
    for name, words in PARTS.items():
        heights = values[name][row, op]
        bars.append(
            go.Bar(
                x=list(range(1, len(heights) + 1)),
                # A bar of no height would still have its border drawn.
                y=np.where(heights > 0, heights, np.nan),
                customdata=np.stack([values[f"{name}_low"][row, op], values[f"{name}_high"][row, op]], axis=-1),
                name=words,
                legendgroup=name,
                showlegend=row == 0 and op == 0,
                marker=looks[name],
                hovertemplate="order %{x}: %{y:.3f} [%{customdata[0]:.3f}, %{customdata[1]:.3f}]",
            )
        )
    return bars


def _write(figure: go.Figure, panel: int, words: str, **place: Any) -> None:
    """Words at the upper edge of a panel, counted from 1."""
    axis = "" if panel == 1 else str(panel)
    figure.add_annotation(
        text=words,
        xref=f"x{axis} domain",
        yref=f"y{axis} domain",
        y=1,
        showarrow=False,
        font={"size": 12, "color": GREY},
        **place,
    )
