"""How much each layer changes, step by step, in print (METHODS B1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from layerlore.dynamics.history import History, title_of
from layerlore.figures.axes import short_names
from layerlore.figures.changes import changes
from layerlore.figures.printed.steps import change_axis, step_axis
from layerlore.figures.printed.style import COLUMN, finished, legend, name_axes, new_figure, panels
from layerlore.figures.style import depth_colour

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FEW_STEPS = 50
"""Steps up to which every one has a mark."""


def changes_figure(history: History, measure: str | None = None, width: float = COLUMN) -> Figure:
    """A measure over steps: some layers named, with thick lines; those around each in thin ones of its colour.

    Args:
        history: see `layerlore.figures.changes`, as is the next.
        measure: its name.
        width: in inches.

    Raises:
        MissingExtraError: matplotlib is not installed.
        InputError: the measure was not recorded.
    """
    found = changes(history, measure)
    figure = new_figure(width, 0.78 * width)
    ((axes,),) = panels(figure, 1, 1)
    entries: list[tuple[Any, str]] = []
    names = short_names(found.layers)
    for row, group in enumerate(found.group):
        named = row in found.named
        marked = len(found.steps) == 1 or (named and len(found.steps) <= FEW_STEPS)
        (line,) = axes.plot(
            found.steps,
            found.values[row],
            color=depth_colour(group, len(found.named)),
            linewidth=1.3 if named else 0.5,
            alpha=1 if named else 0.4,
            zorder=3 if named else 2,
            marker="o" if marked else None,
            markersize=2.5,
        )
        if named:
            entries.append((line, names[row]))
    step_axis(axes, found.steps, found.unit)
    if found.logarithmic:
        change_axis(axes, found.values)
    else:
        axes.set_ylim(bottom=0, top=None if np.isfinite(found.values).any() else 1)
    name_axes(axes, y=title_of(found.measure))
    legend(figure, entries)
    return finished(figure)
