"""Completeness and redundancy through the layers, in print. Source: Cheng et al. 2024, Figure 3(b); METHODS A6, A9."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from layerlore.figures.printed.style import COLUMN, LINES, finished, layer_ticks, legend, name_axes, new_figure, panels
from layerlore.figures.ratios import COLOURS, ratios
from layerlore.figures.ratios import LINES as CALIBRATION
from layerlore.interactions.ledger import RATIOS, Ledger

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def ratios_figure(
    ledger: Ledger, target: int = 0, op: str | None = None, order: int | None = None, width: float = COLUMN
) -> Figure:
    """Completeness above redundancy, over layers; shaded bootstrap interval, dashed ceiling, dotted floor.

    Args:
        ledger: see `layerlore.figures.ratios`, as are the next three.
        target: position of the target.
        op: one op of one order.
        order: of one op.
        width: in inches.

    Raises:
        MissingExtraError: matplotlib is not installed.
        InputError: see `layerlore.figures.ratios`.
    """
    values = ratios(ledger, target, op, order)
    layers = [str(name) for name in ledger.total.layer.values]
    depth = list(range(len(layers)))
    figure = new_figure(width, 0.78 * width)
    grid = panels(figure, 2, 1, sharex=True)
    entries: list[tuple[Any, str]] = []
    for (axes,), name in zip(grid, RATIOS, strict=True):
        colour = COLOURS[name]
        axes.fill_between(depth, values[f"{name}_low"], values[f"{name}_high"], color=colour, alpha=0.2, linewidth=0)
        drawn = [(axes.plot(depth, values[name], color=colour, linewidth=1.4, marker="o", markersize=3)[0], "measured")]
        for line, (words, dash) in CALIBRATION.items():
            look: dict[str, Any] = {"linestyle": LINES[dash], "marker": None if len(depth) > 1 else "_"}
            drawn.append((axes.plot(depth, values[f"{line}_{name}"], color=colour, linewidth=0.9, **look)[0], words))
        entries = entries or drawn
        axes.set_ylim(-0.02, 1.02)
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0 %", "25 %", "50 %", "75 %", "100 %"])
        name_axes(axes, y=name)
    layer_ticks(grid[-1][0], layers, width - 0.6)
    legend(figure, entries)
    return finished(figure)
