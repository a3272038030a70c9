"""How steady interactions are under noise on the input: by order, and the noise itself.

Source: Cheng et al. 2024, Figures 5, 9 and 12; METHODS A8.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64

from layerlore.errors import check_choice
from layerlore.figures.axes import positive_range
from layerlore.figures.by_order import OrderLine, OrderRow, numbers_of, order_figure, shifts
from layerlore.figures.groups import SYMBOLS
from layerlore.figures.style import depth_colour, spread

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from layerlore.interactions.stability import Stability

Steadiness = Float64[np.ndarray, "n_layers 2 n_orders"]

STATISTICS = ("mean", "median")
MOST_LAYERS = 7
"""Layers that are told apart in one figure; of more, as many are drawn, evenly spread."""
WIDE = 100
"""Where numbers differ by more than so many times, the axis is logarithmic: a few aligned splits hardly vary at all."""
OWN, ALIGNED = "", ", aligned"


def steadiness(
    stability: Stability, statistic: str = "mean", layers: Sequence[str] | None = None
) -> dict[str, Steadiness]:
    """Stability by layer, op (AND first) and order (from 1); NaN where no effect counts.

    Args:
        stability: from `stability`.
        statistic: ``"mean"`` or ``"median"`` over samples and salient effects.
        layers: some of its layers; None takes all.

    Returns:
        ``own`` (splits as they come) and ``aligned`` (noisy splits pulled toward the clean one), each also with
        ``_low`` and ``_high``.

    Raises:
        InputError: an unknown statistic.
    """
    check_choice(statistic, STATISTICS, "statistic")
    rows = stability.by_order if layers is None else stability.by_order.sel(layer=list(layers))
    sources = {"own": statistic, "aligned": f"aligned_{statistic}"}
    return {
        name + end: rows[source + end].transpose("layer", "op", "order").values.astype(np.float64)
        for name, source in sources.items()
        for end in ("", "_low", "_high")
    }


def stability_rows(
    stability: Stability, statistic: str = "mean", layers: Sequence[str] | None = None
) -> list[OrderRow]:
    """The lines that both forms of the figure draw: two for each layer, the aligned one dashed."""
    every = [str(name) for name in stability.by_order.layer.values] if layers is None else list(layers)
    chosen = [every[place] for place in spread(len(every), MOST_LAYERS)]
    values = steadiness(stability, statistic, chosen)
    lines = []
    for row, (layer, shift) in enumerate(zip(chosen, shifts(len(chosen)), strict=True)):
        look = {"colour": depth_colour(row, len(chosen)), "symbol": SYMBOLS[row], "shift": shift}
        for name, words, dash in (("own", OWN, "solid"), ("aligned", ALIGNED, "dash")):
            parts = (values[name + end][row] for end in ("", "_low", "_high"))
            if name == "own" or np.isfinite(values[name][row]).any():
                lines.append(OrderLine(layer + words, *parts, **look, dash=dash))
    row = OrderRow(f"stability ({statistic})", lines, 0.0)
    low, high = positive_range(numbers_of(row))
    return [replace(row, logarithmic=high > WIDE * low)]


def stability_figure(stability: Stability, statistic: str = "mean", layers: Sequence[str] | None = None) -> go.Figure:
    """Mean over standard deviation of salient effects under noise, over the orders; AND beside OR, one line per layer.

    Args:
        stability: see `steadiness`, as are the others.
        statistic: its name.
        layers: some of its layers.

    Raises:
        InputError: an unknown statistic.
        MissingExtraError: plotly is not installed.
    """
    return order_figure(stability_rows(stability, statistic, layers))
