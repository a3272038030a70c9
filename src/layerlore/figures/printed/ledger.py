"""Strength by order and layer, in print. Source: Cheng et al. 2024, Figure 3(a); METHODS A6."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from layerlore.figures.ledger import PARTS, highest_stack, strengths
from layerlore.figures.printed.style import COLUMN, finished, legend, name_axes, new_figure, panels, patch, write
from layerlore.figures.style import BLUE, GREEN, ORANGE, shortened
from layerlore.interactions.ledger import Ledger

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW, FRAME = 0.72, 0.4
LOOKS: dict[str, dict[str, Any]] = {
    "overlap": {"facecolor": BLUE},
    "forget": {"facecolor": ORANGE},
    # Hollow and hatched: this strength is missing in the earlier layer, and greys must tell it from the others.
    "new": {"facecolor": "white", "edgecolor": GREEN, "linewidth": 0.7, "hatch": "//////"},
}


def strength_figure(
    ledger: Ledger, target: int = 0, layers: Sequence[str] | None = None, width: float = COLUMN
) -> Figure:
    """One row of panels per layer, AND beside OR; in each, stacked bars over the orders, all on one scale.

    Args:
        ledger: see `layerlore.figures.strengths`, as are the next two.
        target: position of the target.
        layers: rows to draw; None takes all.
        width: in inches.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    layers = [str(name) for name in ledger.by_order.layer.values] if layers is None else list(layers)
    values = strengths(ledger, target, layers)
    figure = new_figure(width, ROW * len(layers) + FRAME)
    grid = panels(figure, len(layers), 2, sharex=True, sharey=True)
    for row, layer in enumerate(layers):
        for op in range(2):
            _bars(grid[row][op], values, row, op)
            write(grid[row][op], 1, 1, ("AND", "OR")[op], ha="right", va="top")
        write(grid[row][0], 0, 1.02, shortened(layer, 28), ha="left", va="bottom")
    highest = values["new"].shape[-1]
    grid[0][0].set(xlim=(0.4, highest + 0.6), ylim=(0, 1.08 * highest_stack(values)))
    grid[0][0].set_xticks(range(1, highest + 1, 1 if highest <= 9 else 2))
    for axes in grid[-1]:
        name_axes(axes, x="order")
    name_axes(grid[(len(layers) - 1) // 2][0], y="strength")
    legend(figure, [(patch(**LOOKS[name]), words) for name, words in PARTS.items()])
    return finished(figure)


def _bars(axes: Axes, values: dict[str, np.ndarray], row: int, op: int) -> None:
    bottom = np.zeros(values["new"].shape[-1])
    for name, look in LOOKS.items():
        heights = np.nan_to_num(values[name][row, op])
        bars = axes.bar(np.arange(1, len(heights) + 1), heights, 0.75, bottom=bottom, **look)
        for bar, height in zip(bars, heights, strict=True):
            # A bar of no height would still have its border drawn.
            bar.set_visible(height > 0)
        bottom = bottom + heights
