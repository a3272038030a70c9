"""Panels over the orders of interactions in print, AND beside OR."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from layerlore.figures.by_order import NOTHING, OrderLine, OrderRow, axis_range, defined, numbers_of
from layerlore.figures.printed.groups import MARKS
from layerlore.figures.printed.steps import change_axis
from layerlore.figures.printed.style import LINES, finished, legend, name_axes, new_figure, panels, write
from layerlore.figures.style import GREY

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW, FRAME = 1.2, 0.45


def order_figure(rows: Sequence[OrderRow], width: float) -> Figure:
    """Rows of panels, AND beside OR, the order from left to right; a row has one scale.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    figure = new_figure(width, ROW * len(rows) + FRAME)
    grid = panels(figure, len(rows), 2, sharex=True, sharey="row")
    entries: dict[str, Any] = {}
    for row, both in zip(rows, grid, strict=True):
        for op, axes in enumerate(both):
            for line in row.lines:
                entries.setdefault(line.name, _draw(axes, line, op))
            if row.level is not None:
                axes.axhline(row.level, color=GREY, linewidth=0.7, zorder=1)
            if not defined(row):
                write(axes, 0.5, 0.5, NOTHING, ha="center", va="center")
            if row.logarithmic:
                change_axis(axes, numbers_of(row))
            else:
                axes.set_ylim(axis_range(row))
        name_axes(both[0], y=row.title)
    for op, axes in enumerate(grid[0]):
        write(axes, 0.5, 1.02, ("AND", "OR")[op], ha="center", va="bottom")
    highest = max((line.values.shape[-1] for row in rows for line in row.lines), default=1)
    for axes in grid[-1]:
        axes.set_xlim(0.4, highest + 0.6)
        axes.set_xticks(range(1, highest + 1, 1 if highest <= 9 else 2))
        name_axes(axes, x="order")
    legend(figure, [(handle, name) for name, handle in entries.items()])
    return finished(figure)


def _draw(axes: Axes, line: OrderLine, op: int) -> Any:
    values = line.values[op]
    places = np.arange(1, len(values) + 1) + line.shift
    if line.low is not None and line.high is not None:
        # Percentiles of resamples need not hold the value itself.
        axes.vlines(places, np.fmin(line.low[op], values), np.fmax(line.high[op], values), line.colour, linewidth=0.7)
    look: dict[str, Any] = {"marker": MARKS.get(line.symbol), "linestyle": LINES[line.dash]}
    return axes.plot(places, values, color=line.colour, linewidth=1.1, markersize=3, **look)[0]
