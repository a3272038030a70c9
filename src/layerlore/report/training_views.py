"""What the page of a training draws of each measure: of a long run, as much as a page can hold."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from layerlore.dynamics.history import History, title_of
from layerlore.figures.axes import MOST_STEPS
from layerlore.figures.changes import MOST_LINES, changes_figure
from layerlore.figures.depth import depth_figure
from layerlore.figures.heatmap import heatmap_figure
from layerlore.figures.style import spread
from layerlore.report.frame import Plot, embedded, plot
from layerlore.report.training_tables import changes_table, thirds_table

if TYPE_CHECKING:
    from markupsafe import Markup

ROOM, ROOM_OF_OTHERS = 800_000, 90_000
"""Bytes that the numbers of the measure that is shown first may take in the page, and those of each of the others."""
NUMBER = 30
"""Bytes of a number with its step; the name of its layer stands beside it."""
FEWEST_STEPS = 20
"""Steps that are drawn where so many were recorded: of more layers than then have room, some are left out."""

TO_READ = {
    "update_to_weight": "A shift of all elements of a weight by the same number does not count.",
    "distance_from_init": "A line that flattens is a layer that has found its place.",
    "rotation_from_init": "Unlike the distance, the angle does not see that a weight grows or shrinks as a whole.",
    "rotation": "From each snapshot to the next.",
}
"""What to read from a measure, where its name does not tell."""
TERMS = {
    "rotation": "rotation",
    "rotation_from_init": "rotation",
    "distance_from_init": "distance from the initial weight",
    "rwc_l1": "relative weight change",
    "rwc_l2": "relative weight change",
    "rwc_elementwise": "relative weight change",
}
"""Where the glossary explains a measure."""


@dataclass(frozen=True)
class MeasureView:
    """One measure as the page draws it.

    Attributes:
        name: of the measure.
        title: in words.
        reading: what to read from it; empty where the title says all.
        terms: that its figures link to.
        lines: the change of each layer over the steps, as JSON; its numbers are those of ``cells``.
        cells: the same as a heat map, with its numbers.
        depth: the change through depth in the first and in the last third.
        n_layers: layers that ``lines`` and ``cells`` show.
        n_steps: steps that they show.
        n_deep: layers that ``depth`` shows.
    """

    name: str
    title: str
    reading: str
    terms: list[str]
    lines: Markup
    cells: Plot
    depth: Plot
    n_layers: int
    n_steps: int
    n_deep: int


@dataclass(frozen=True)
class LineView:
    """The lines of a measure alone.

    Attributes:
        plot: the figure with its numbers.
        left_out: a sentence on what it does not show; empty where it shows all.
    """

    plot: Plot
    left_out: str


def line_view(history: History) -> LineView:
    """The main measure over the steps: of a long history, as much as a page of many can hold."""
    drawn = _fitting(history, ROOM_OF_OTHERS)
    measure = history.default_measure
    shown = len(drawn.layers), len(drawn.steps)
    every = len(history.layers), len(history.steps)
    words = f" Shown: {shown[0]} of {every[0]} layers and {shown[1]} of {every[1]} steps, evenly spread."
    return LineView(
        plot(changes_figure(drawn, measure), changes_table(drawn, measure)), "" if shown == every else words
    )


def measure_views(history: History) -> list[MeasureView]:
    """Every measure that was recorded, the main one first and most finely."""
    first = history.default_measure
    rest = [name for name in history.measures if name != first]
    return [_view(history, first, ROOM), *(_view(history, name, ROOM_OF_OTHERS) for name in rest)]


def room(n_layers: int, n_steps: int, most: int) -> tuple[int, int]:
    """How many layers and steps are drawn, so that there are at most ``most`` numbers: steps give way first.

    >>> room(24, 100, 16_000), room(500, 2000, 16_000), room(500, 2000, 1_000)
    ((24, 100), (200, 80), (50, 20))
    """
    layers = min(n_layers, MOST_LINES)
    steps = min(n_steps, MOST_STEPS, max(most // layers, FEWEST_STEPS))
    return min(layers, max(most // steps, 1)), steps


def thinned(history: History, n_layers: int, n_steps: int) -> History:
    """The same history with so many of its layers and steps, evenly spread."""
    rows, columns = spread(len(history.layers), n_layers), spread(len(history.steps), n_steps)
    return History(history.data.isel(layer=rows, step=columns), history.manifest)


def _fitting(history: History, space: int) -> History:
    """As much of a history as its numbers have bytes."""
    name = np.mean([len(json.dumps(layer)) for layer in history.layers])
    return thinned(history, *room(len(history.layers), len(history.steps), int(space / (name + NUMBER))))


def _view(history: History, measure: str, space: int) -> MeasureView:
    drawn = _fitting(history, space)
    # Medians are of all steps, in the figure as in the sentences.
    deep = thinned(history, len(history.layers if space == ROOM else drawn.layers), len(history.steps))
    return MeasureView(
        name=measure,
        title=title_of(measure),
        reading=TO_READ.get(measure, ""),
        terms=["change", *([TERMS[measure]] if measure in TERMS else []), "undefined"],
        lines=embedded(changes_figure(drawn, measure)),
        cells=plot(heatmap_figure(drawn, measure), changes_table(drawn, measure)),
        depth=plot(depth_figure(deep, measure), thirds_table(deep, measure)),
        n_layers=len(drawn.layers),
        n_steps=len(drawn.steps),
        n_deep=len(deep.layers),
    )
