"""Axes of steps and of changes, as on pages (`layerlore.figures.axes`)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64, Int64

from layerlore.figures.axes import UNEVEN, log_ticks, positive_range
from layerlore.figures.printed.style import log_scale, name_axes
from layerlore.figures.style import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def step_axis(axes: Axes, steps: Int64[np.ndarray, "n_steps"], unit: str) -> None:
    """Steps from left to right: on a logarithmic axis where they were recorded with growing gaps."""
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter  # optional

    name_axes(axes, x=shortened(unit))
    gaps = np.diff(steps)
    if len(gaps) and steps[0] > 0 and gaps.max() > UNEVEN * gaps.min():
        low, high = float(steps[0]), float(steps[-1])
        log_scale(axes.xaxis, low / 1.1, high * 1.1, log_ticks(low, high, most=6))
        return
    pad = max(0.02 * float(steps[-1] - steps[0]), 0.5 if len(steps) == 1 else 0.0)
    axes.set_xlim(float(steps[0]) - pad, float(steps[-1]) + pad)
    # A step between two steps does not exist.
    axes.xaxis.set_major_locator(MaxNLocator(nbins=7, integer=True, min_n_ticks=1))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:.0f}"))


def change_axis(axes: Axes, values: Float64[np.ndarray, "..."]) -> None:
    """Changes on a logarithmic axis that holds all positive finite values."""
    low, high = positive_range(values)
    pad = 10 ** (0.04 * max(math.log10(high / low), 0.3))
    log_scale(axes.yaxis, low / pad, high * pad, log_ticks(low, high))
