"""Agreement between networks in print. Source: Cheng et al. 2024, Figures 4 and 8; METHODS A7."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from layerlore.figures.agreement import agreement_matrix, agreement_rows, cell_ink, cell_words
from layerlore.figures.printed.by_order import order_figure
from layerlore.figures.printed.style import COLUMN, cell, finished, name_ticks, new_figure, panels, write
from layerlore.figures.style import diverging

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from layerlore.interactions.agreement import Agreement


def agreement_figure(agreement: Agreement, *, aligned: bool = False, width: float = COLUMN) -> Figure:
    """IoU with the level of chance (dotted) above, the corrected value below; AND beside OR, over the orders.

    Args:
        agreement: see `layerlore.figures.overlaps`, as is the next.
        aligned: splits pulled toward each other.
        width: in inches.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    return order_figure(agreement_rows(agreement, aligned=aligned), width)


def matrix_figure(
    agreement: Agreement,
    measure: str = "corrected",
    op: str | None = None,
    order: int | None = None,
    width: float = COLUMN,
) -> Figure:
    """A cell for each two networks, blue where they share more than chance gives, vermillion where less.

    Args:
        agreement: see `layerlore.figures.agreement_matrix`, as are the next three.
        measure: its name.
        op: one of both.
        order: of one op.
        width: in inches.

    Raises:
        MissingExtraError: matplotlib is not installed.
        InputError: no such measure, op or order.
    """
    names, values = agreement_matrix(agreement, measure, op, order)
    side = min(0.55, (width - 1.1) / max(len(names), 1))
    figure = new_figure(width, side * len(names) + 1.1)
    ((axes,),) = panels(figure, 1, 1)
    axes.grid(False)
    for row, column in np.ndindex(values.shape):
        value = float(values[row, column])
        colour = "none" if np.isnan(value) else diverging(value)
        axes.add_patch(cell(column, row, colour))
        middle = {"ha": "center", "va": "center", "color": cell_ink(value)}
        write(axes, column, row, cell_words(value), transform=axes.transData, **middle)
    axes.set(xlim=(-0.5, len(names) - 0.5), ylim=(len(names) - 0.5, -0.5), aspect="equal")
    name_ticks(axes.xaxis, range(len(names)), names, side * len(names))
    name_ticks(axes.yaxis, range(len(names)), names, side * len(names))
    for spine in axes.spines.values():
        spine.set_visible(False)
    return finished(figure)
