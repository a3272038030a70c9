"""Stability under noise in print. Source: Cheng et al. 2024, Figures 5 and 9; METHODS A8."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from layerlore.figures.printed.by_order import order_figure
from layerlore.figures.printed.style import COLUMN
from layerlore.figures.stability import stability_rows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from layerlore.interactions.stability import Stability


def stability_figure(
    stability: Stability, statistic: str = "mean", layers: Sequence[str] | None = None, width: float = COLUMN
) -> Figure:
    """Mean over standard deviation of salient effects under noise, over the orders; AND beside OR, one line per layer.

    Args:
        stability: see `layerlore.figures.steadiness`, as are the next two.
        statistic: its name.
        layers: some of its layers.
        width: in inches.

    Raises:
        InputError: an unknown statistic.
        MissingExtraError: matplotlib is not installed.
    """
    return order_figure(stability_rows(stability, statistic, layers), width)
