"""The scree curve in print: what share of the variance each principal component of the trends holds (METHODS B2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from layerlore.figures.printed.style import COLUMN, finished, legend, name_axes, new_figure, panels, write
from layerlore.figures.scree import EACH, NOTHING, TOGETHER, USED, scree
from layerlore.figures.style import BLUE, ORANGE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from layerlore.dynamics.history import History
    from layerlore.dynamics.trends import Trends

FAINT = "#A6CBE2"
"""Blue at a third of its strength on white; print knows no transparency."""


def scree_figure(trends: Trends, history: History, width: float = COLUMN) -> Figure:
    """A bar for each component, the two of the trend map filled, and the cumulative share as a line.

    Args:
        trends: see `layerlore.figures.scree`, as is the next.
        history: of the trends.
        width: in inches.

    Raises:
        InputError: see `layerlore.figures.scree`.
        MissingExtraError: matplotlib is not installed.
    """
    found = scree(trends, history)
    figure = new_figure(width, 0.65 * width)
    ((axes,),) = panels(figure, 1, 1)
    numbers = np.arange(1, len(found.share) + 1)
    bars = axes.bar(numbers, found.share, 0.75, color=[BLUE if number <= USED else FAINT for number in numbers])
    (line,) = axes.plot(numbers, found.cumulative, color=ORANGE, linewidth=1.2, marker="D", markersize=3)
    axes.set(xlim=(0.4, max(len(numbers), 1) + 0.6), ylim=(0, 1.04))
    axes.set_xticks(numbers[:: 1 if len(numbers) <= 12 else 2])
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0 %", "25 %", "50 %", "75 %", "100 %"])
    name_axes(axes, "principal component", "share of variance")
    if len(numbers):
        legend(figure, [(bars, EACH), (line, TOGETHER)])
    else:
        write(axes, 0.5, 0.5, NOTHING, ha="center", va="center")
    return finished(figure)
