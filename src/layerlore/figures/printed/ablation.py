"""Splits of one network side by side, in print. Source: Cheng et al. 2024, Figure 11; METHODS A4, A10."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from layerlore.figures.ablation import COUNT, shown_measures, split_courses, split_shift
from layerlore.figures.groups import COLOURS, SYMBOLS
from layerlore.figures.printed.groups import MARKS
from layerlore.figures.printed.style import COLUMN, finished, layer_ticks, legend, name_axes, new_figure, panels
from layerlore.interactions.knowledge import Knowledge
from layerlore.interactions.ledger import Ledger

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROW, FRAME = 1.0, 0.35


def ablation_figure(results: Mapping[str, Knowledge | Ledger], target: int = 0, width: float = COLUMN) -> Figure:
    """Number of salient interactions, completeness and redundancy through the layers; one line for each split.

    Args:
        results: see `layerlore.figures.split_courses`, as is the next.
        target: position of the target.
        width: in inches.

    Raises:
        InputError: see `layerlore.figures.split_courses`.
        MissingExtraError: matplotlib is not installed.
    """
    courses = split_courses(results, target)
    measures = shown_measures(courses)
    figure = new_figure(width, ROW * len(measures) + FRAME)
    grid = panels(figure, len(measures), 1, sharex=True)
    entries: dict[str, Any] = {}
    for (axes,), measure in zip(grid, measures, strict=True):
        for place, course in enumerate(courses):
            values, low, high = (part[measure] for part in (course.values, course.low, course.high))
            depth = np.arange(len(values)) + split_shift(place, len(courses))
            axes.vlines(depth, low, high, COLOURS[place], linewidth=0.7)
            look: dict[str, Any] = {"color": COLOURS[place], "marker": MARKS[SYMBOLS[place]], "markersize": 3}
            entries[course.label] = axes.plot(depth, values, linewidth=1.1, **look)[0]
        if measure == COUNT:
            axes.set_ylim(bottom=0)
            name_axes(axes, y="salient per sample")
        else:
            axes.set_ylim(-0.02, 1.02)
            axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0 %", "25 %", "50 %", "75 %", "100 %"])
            name_axes(axes, y=measure)
    layer_ticks(grid[-1][0], courses[0].layers, width - 0.6)
    legend(figure, [(handle, label) for label, handle in entries.items()])
    return finished(figure)
