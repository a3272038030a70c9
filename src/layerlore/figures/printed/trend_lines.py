"""Mean trends in print: how the layers of each trend change, with a band (METHODS B2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from layerlore.dynamics.history import title_of
from layerlore.figures.groups import group_style
from layerlore.figures.printed.groups import mark
from layerlore.figures.printed.steps import change_axis, step_axis
from layerlore.figures.printed.style import COLUMN, finished, legend, name_axes, new_figure, panels, write
from layerlore.figures.trend_lines import trend_profiles

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from layerlore.dynamics.trends import Trends

FEW_STEPS = 50


def trend_lines_figure(trends: Trends, unit: str = "step", width: float = COLUMN) -> Figure:
    """One line for each trend over the steps, its band behind it.

    Args:
        trends: from `find_trends`.
        unit: what a step is called.
        width: in inches.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    profiles = trend_profiles(trends)
    figure = new_figure(width, 0.78 * width)
    ((axes,),) = panels(figure, 1, 1)
    entries = []
    for profile in profiles:
        words = group_style(profile.label)
        axes.fill_between(profile.steps, profile.low, profile.high, color=words.colour, alpha=0.18, linewidth=0)
        look = {"marker": mark(profile.label) if len(profile.steps) <= FEW_STEPS else None, "markersize": 3}
        (line,) = axes.plot(profile.steps, profile.mean, color=words.colour, linewidth=1.4, **look)
        entries.append((line, f"{words.words} ({len(trends.members(profile.label))} layers)"))
    if profiles:
        step_axis(axes, profiles[0].steps, unit)
        change_axis(axes, np.concatenate([[profile.mean, profile.low, profile.high] for profile in profiles]))
    else:
        axes.set(xticks=[], yticks=[])
        write(axes, 0.5, 0.5, "there is no trend", ha="center", va="center")
        name_axes(axes, x=unit)
    name_axes(axes, y=title_of(trends.measure))
    legend(figure, entries)
    return finished(figure)
