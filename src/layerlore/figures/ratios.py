"""Completeness and redundancy through the layers, with bootstrap bands and calibration lines.

Source: Cheng et al. 2024, Figure 3(b); METHODS A4, A6, A9.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float64

from layerlore.errors import InputError, check_choice
from layerlore.figures.style import BLUE, VERMILLION, graph_objects, inert, layer_axis, styled, translucent
from layerlore.interactions.ledger import RATIOS, Ledger
from layerlore.interactions.salience import OPS

if TYPE_CHECKING:
    import plotly.graph_objects as go

PerRow = Float64[np.ndarray, "n_rows"]

COLOURS: dict[str, str] = dict(zip(RATIOS, (BLUE, VERMILLION), strict=True))
LINES = {"ceiling": ("ceiling (full agreement)", "dash"), "floor": ("floor (unrelated)", "dot")}


def ratios(ledger: Ledger, target: int = 0, op: str | None = None, order: int | None = None) -> dict[str, PerRow]:
    """Completeness and redundancy of every row of a ledger, shares from 0 to 1, NaN where undefined.

    Args:
        ledger: from `Knowledge.ledger`.
        target: position of the target.
        op: ``"and"`` or ``"or"``; together with ``order``. None pools ops and orders.
        order: number of players, from 1.

    Returns:
        ``completeness`` and ``redundancy``, each also with ``_low`` and ``_high`` (bootstrap interval) and with
        ``ceiling_`` and ``floor_`` before it.

    Raises:
        InputError: an unknown op or order, or one of the two without the other.
    """
    if (op is None) != (order is None):
        raise InputError(f"op={op!r} and order={order!r} go together: give both for one order, or none for the total")
    if order is None:
        rows = ledger.total.isel(target=target)
    else:
        check_choice(op, OPS, "op")
        highest = int(ledger.by_order.order.max())
        if not 1 <= order <= highest:
            raise InputError(f"order={order} is out of range: orders run from 1 to {highest}")
        rows = ledger.by_order.isel(target=target).sel(op=op, order=order)
    names = [
        name
        for ratio in RATIOS
        for name in (ratio, f"{ratio}_low", f"{ratio}_high", f"ceiling_{ratio}", f"floor_{ratio}")
    ]
    return {name: rows[name].values.astype(np.float64) for name in names}


def ratios_figure(ledger: Ledger, target: int = 0, op: str | None = None, order: int | None = None) -> go.Figure:
    """Completeness above redundancy, over layers; shaded bootstrap interval, dashed ceiling, dotted floor.

    Args:
        ledger: see `ratios`, as are the others.
        target: position of the target.
        op: one op of one order.
        order: of one op.

    Raises:
        MissingExtraError: plotly is not installed.
        InputError: see `ratios`.
    """
    values = ratios(ledger, target, op, order)
    go = graph_objects()
    from plotly.subplots import make_subplots  # optional

    layers = [str(name) for name in ledger.total.layer.values]
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.08)
    for row, ratio in enumerate(RATIOS, start=1):
        for trace in _traces(go, values, ratio, [inert(name) for name in layers]):
            figure.add_trace(trace, row, 1)
        figure.update_yaxes(title_text=ratio, row=row, col=1)
    styled(figure, 500)
    figure.update_yaxes(range=[-0.02, 1.02], tickformat=".0%")
    figure.update_xaxes(**layer_axis(layers))
    return figure


def _traces(go: Any, values: dict[str, np.ndarray], ratio: str, names: list[str]) -> list[Any]:
    depth, colour = list(range(len(names))), COLOURS[ratio]
    low, high = values[f"{ratio}_low"], values[f"{ratio}_high"]
    bare: dict[str, Any] = {"mode": "lines", "line": {"width": 0}, "showlegend": False, "hoverinfo": "skip"}
    traces = [
        go.Scatter(x=depth, y=low, **bare),
        go.Scatter(x=depth, y=high, fill="tonexty", fillcolor=translucent(colour, 0.2), **bare),
        go.Scatter(
            x=depth,
            y=values[ratio],
            customdata=list(zip(names, low.tolist(), high.tolist(), strict=True)),
            mode="lines+markers",
            name="measured",
            showlegend=ratio == RATIOS[0],
            line={"color": colour, "width": 2.5},
            marker={"size": 7},
            hovertemplate="%{customdata[0]}: %{y:.1%} [%{customdata[1]:.1%}, %{customdata[2]:.1%}]<extra></extra>",
        ),
    ]
    for line, (words, dash) in LINES.items():
        traces.append(
            go.Scatter(
                x=depth,
                y=values[f"{line}_{ratio}"],
                customdata=names,
                mode="lines" if len(names) > 1 else "markers",
                name=words,
                showlegend=ratio == RATIOS[0],
                line={"color": colour, "width": 1.5, "dash": dash},
                hovertemplate="%{customdata}: " + line + " %{y:.1%}<extra></extra>",
            )
        )
    return traces
