"""Panels over the orders of interactions, AND beside OR: what agreement and stability are drawn in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float64

from layerlore.figures.axes import log_axis
from layerlore.figures.style import GREY, error_bars, graph_objects, inert, shortened, styled

if TYPE_CHECKING:
    import plotly.graph_objects as go

PerOrder = Float64[np.ndarray, "2 n_orders"]

PANEL, FRAME = 190, 150
WIDEST = 0.5
"""Share of the room of an order over which the lines of a panel are set beside each other."""
NOTHING = "no order has a value"


@dataclass(frozen=True, eq=False)
class OrderLine:
    """One line over the orders.

    Attributes:
        name: in the legend; lines of one name share an entry.
        values: op (AND first) x order (from 1); NaN where undefined.
        low: lower ends of intervals; None for none.
        high: upper ends.
        colour: ``#rrggbb``.
        symbol: a marker that plotly knows; "" for none.
        dash: ``"solid"``, ``"dash"`` or ``"dot"``.
        shift: to the right, in orders, so that intervals do not cover each other.
    """

    name: str
    values: PerOrder
    low: PerOrder | None
    high: PerOrder | None
    colour: str
    symbol: str = "circle"
    dash: str = "solid"
    shift: float = 0.0


@dataclass(frozen=True, eq=False)
class OrderRow:
    """One row of panels.

    Attributes:
        title: of the axis.
        lines: in both panels.
        low: lower end of the axis; None leaves it to the values.
        high: upper end.
        level: of a thin line across, such as 0; None for none.
        logarithmic: the axis is, and holds the positive numbers; both ends are then left to the values.
    """

    title: str
    lines: list[OrderLine]
    low: float | None = None
    high: float | None = None
    level: float | None = None
    logarithmic: bool = False


def shifts(count: int) -> list[float]:
    """Where the lines of a panel stand around their order.

    >>> shifts(1), shifts(3)
    ([0.0], [-0.1, 0.0, 0.1])
    """
    step = min(0.1, WIDEST / max(count - 1, 1))
    return [round((place - (count - 1) / 2) * step, 6) for place in range(count)]


def axis_range(row: OrderRow) -> tuple[float, float]:
    """Both ends of a row's axis: those it asks for, or what holds all values and intervals."""
    every = numbers_of(row)
    every = every[np.isfinite(every)]
    low = min(row.low if row.low is not None else np.inf, every.min(initial=0.0))
    high = max(row.high if row.high is not None else -np.inf, every.max(initial=low))
    high = high if high > low else low + 1
    pad = 0.04 * (high - low)
    return float(low - (pad if low < 0 or row.high is not None else 0)), float(high + pad)


def numbers_of(row: OrderRow) -> Float64[np.ndarray, "n_numbers"]:
    """All values and ends of intervals of a row."""
    parts = [part for line in row.lines for part in (line.values, line.low, line.high) if part is not None]
    return np.concatenate([np.empty(0), *(np.ravel(part) for part in parts)])


def defined(row: OrderRow) -> bool:
    """Whether any line of a row has a number."""
    return any(np.isfinite(line.values).any() for line in row.lines)


def order_figure(rows: Sequence[OrderRow]) -> go.Figure:
    """Rows of panels, AND beside OR, the order from left to right; a row has one scale.

    Raises:
        MissingExtraError: plotly is not installed.
    """
    go = graph_objects()
    from plotly.subplots import make_subplots  # optional

    titles = ["AND", "OR", *[""] * (2 * len(rows) - 2)]
    figure = make_subplots(
        rows=len(rows),
        cols=2,
        shared_xaxes=True,
        shared_yaxes=True,
        horizontal_spacing=0.03,
        vertical_spacing=0.1 / max(len(rows) - 1, 1),
        subplot_titles=titles,
    )
    seen: set[str] = set()
    for number, row in enumerate(rows, start=1):
        for line in row.lines:
            for op in range(2):
                figure.add_trace(_trace(go, line, op, line.name not in seen), number, op + 1)
                seen.add(line.name)
        if row.level is not None:
            figure.add_hline(y=row.level, line={"color": GREY, "width": 1}, row=number)  # pyright: ignore[reportArgumentType]
        if not defined(row):
            for panel in (2 * number - 1, 2 * number):
                axis = "" if panel == 1 else str(panel)
                middle = {"x": 0.5, "y": 0.5, "xref": f"x{axis} domain", "yref": f"y{axis} domain"}
                figure.add_annotation(text=NOTHING, showarrow=False, **middle)
        scale = log_axis(numbers_of(row)) if row.logarithmic else {"range": list(axis_range(row)), "nticks": 6}
        figure.update_yaxes(**scale, row=number)
        figure.update_yaxes(title_text=inert(row.title), row=number, col=1)
    styled(figure, PANEL * len(rows) + FRAME)
    figure.update_annotations(font={"size": 12, "color": GREY})
    figure.update_layout(legend={"y": -60 / (PANEL * len(rows)), "yanchor": "top"})
    highest = max((line.values.shape[-1] for row in rows for line in row.lines), default=1)
    figure.update_xaxes(showgrid=False, dtick=1 if highest <= 12 else 2, range=[0.4, highest + 0.6])
    figure.update_xaxes(title_text="order", row=len(rows))
    return figure


def _trace(go: Any, line: OrderLine, op: int, first: bool) -> Any:
    values = line.values[op]
    bounds = None
    if line.low is not None and line.high is not None:
        bounds = error_bars(values, line.low[op], line.high[op])
    return go.Scatter(
        x=np.arange(1, len(values) + 1) + line.shift,
        y=values,
        error_y=bounds,
        mode="lines+markers" if line.symbol else "lines",
        name=inert(shortened(line.name, 44)),
        legendgroup=inert(line.name),
        showlegend=first,
        line={"color": line.colour, "width": 2 if line.dash == "solid" else 1.5, "dash": line.dash},
        marker={"size": 6, "symbol": line.symbol or None},
        hovertemplate="order %{x:.0f}: %{y:.3f}<extra>" + inert(line.name) + "</extra>",
    )
