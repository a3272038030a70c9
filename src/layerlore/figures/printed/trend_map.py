"""The trend map in print: layers as points, near each other where they change alike (METHODS B2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from layerlore.figures.groups import group_style
from layerlore.figures.printed.groups import mark
from layerlore.figures.printed.style import COLUMN, GRID, finished, legend, name_axes, new_figure, panels
from layerlore.figures.trend_map import axis_titles, group_names, trend_places

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from layerlore.dynamics.trends import Trends


def trend_map_figure(trends: Trends, width: float = COLUMN) -> Figure:
    """Points coloured by trend; outliers are crosses, and the legend counts layers without a place.

    Args:
        trends: from `find_trends`.
        width: in inches.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    places = trend_places(trends, {})
    figure = new_figure(width, 0.95 * width)
    ((axes,),) = panels(figure, 1, 1)
    entries = []
    for label, words in group_names(trends).items():
        points = np.array([(place.x, place.y) for place in places if place.label == label]).reshape(-1, 2)
        look = {"color": group_style(label).colour, "marker": mark(label), "linewidths": 1 if label < 0 else 0}
        entries.append((axes.scatter(points[:, 0], points[:, 1], s=18, alpha=0.85, **look), words))
    axes.grid(True, axis="x", color=GRID, linewidth=0.5)
    if not places:
        axes.set(xticks=[], yticks=[])
        axes.text(0.5, 0.5, "no layer has a place", ha="center", va="center", transform=axes.transAxes, fontsize=7)
    name_axes(axes, *axis_titles(trends))
    legend(figure, entries)
    return finished(figure)
