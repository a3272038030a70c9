"""Which interactions two networks share, order by order, beside what chance alone would give; all pairs as a matrix.

Source: Cheng et al. 2024, Figures 4 and 8; METHODS A7.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64

from layerlore.figures.by_order import OrderLine, OrderRow, PerOrder, order_figure, shifts
from layerlore.figures.groups import COLOURS, SYMBOLS
from layerlore.figures.style import (
    diverging,
    graph_objects,
    inert,
    ink_on,
    shortened,
    spread,
    styled,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from layerlore.interactions.agreement import Agreement

MOST_PAIRS = 7
"""Pairs that are told apart in one figure; of more, as many are drawn, evenly spread."""
LONGEST_PART = 20
OUTPUT = "output"
CHANCE = "expected by chance"
SCALE = tuple((place / 10, diverging(place / 5 - 1)) for place in range(11))
"""Colours of the matrix, from -1 over 0 (white) to 1."""
CELL, LEAST_HEIGHT, MATRIX_FRAME = 46, 180, 120


@dataclass(frozen=True, eq=False)
class Overlap:
    """What two networks share, op (AND first) x order (from 1); NaN where neither has a salient interaction.

    Attributes:
        name: of the pair.
        iou: intersection over union of the salient sets, mean over samples.
        iou_low: lower end of its bootstrap interval.
        iou_high: upper end.
        chance: what sets of these sizes, drawn at random, would share; NaN for aligned splits, where it is not kept.
        corrected: ``(iou - chance) / (1 - chance)``.
        corrected_low: likewise.
        corrected_high: likewise.
    """

    name: str
    iou: PerOrder
    iou_low: PerOrder
    iou_high: PerOrder
    chance: PerOrder
    corrected: PerOrder
    corrected_low: PerOrder
    corrected_high: PerOrder


def overlaps(agreement: Agreement, *, aligned: bool = False) -> list[Overlap]:
    """One for each pair of networks.

    Args:
        agreement: from `agreement`.
        aligned: splits pulled toward each other instead of each network's own.
    """
    rows = agreement.by_order.transpose("pair", "op", "order")
    before = "aligned_" if aligned else ""
    sources = {name + end: before + name + end for name in ("iou", "corrected") for end in ("", "_low", "_high")}
    found = {name: rows[source].values.astype(np.float64) for name, source in sources.items()}
    found["chance"] = np.full_like(found["iou"], np.nan) if aligned else rows["chance"].values.astype(np.float64)
    ends = [[str(part) for part in rows[name].values] for name in ("model_a", "layer_a", "model_b", "layer_b")]
    return [
        Overlap(name=pair_name(*parts), **{name: values[pair] for name, values in found.items()})
        for pair, parts in enumerate(zip(*ends, strict=True))
    ]


def pair_name(model_a: str, layer_a: str, model_b: str, layer_b: str) -> str:
    """Two networks with their layers; the output needs no name.

    >>> pair_name("mlp", "relu4", "vgg", "output")
    'mlp relu4 / vgg'
    """
    parts = ((model_a, layer_a), (model_b, layer_b))
    return " / ".join(
        shortened(model if layer == OUTPUT else f"{model} {layer}", LONGEST_PART) for model, layer in parts
    )


def agreement_rows(agreement: Agreement, *, aligned: bool = False) -> list[OrderRow]:
    """The lines that both forms of the figure draw: IoU with chance above, the corrected value below."""
    found = overlaps(agreement, aligned=aligned)
    chosen = [found[place] for place in spread(len(found), MOST_PAIRS)]
    raw, chance, corrected = [], [], []
    for place, (pair, shift) in enumerate(zip(chosen, shifts(len(chosen)), strict=True)):
        look = {"colour": COLOURS[place], "symbol": SYMBOLS[place], "shift": shift}
        raw.append(OrderLine(pair.name, pair.iou, pair.iou_low, pair.iou_high, **look))
        corrected.append(OrderLine(pair.name, pair.corrected, pair.corrected_low, pair.corrected_high, **look))
        if not aligned:
            chance.append(OrderLine(CHANCE, pair.chance, None, None, COLOURS[place], "", "dot", shift))
    return [
        OrderRow("IoU", [*raw, *chance], 0.0, 1.0),
        OrderRow("corrected IoU", corrected, None, 1.0, level=0.0),
    ]


def agreement_figure(agreement: Agreement, *, aligned: bool = False) -> go.Figure:
    """IoU with the level of chance (dotted) above, the corrected value below; AND beside OR, over the orders.

    Args:
        agreement: see `overlaps`, as is the other.
        aligned: splits pulled toward each other.

    Raises:
        MissingExtraError: plotly is not installed.
    """
    return order_figure(agreement_rows(agreement, aligned=aligned))


def agreement_matrix(
    agreement: Agreement, measure: str = "corrected", op: str | None = None, order: int | None = None
) -> tuple[list[str], Float64[np.ndarray, "n_models n_models"]]:
    """Names of the networks, and a measure for each two of them; NaN where it is undefined.

    Args:
        agreement: from `agreement`.
        measure: of it, such as ``"iou"``.
        op: ``"and"`` or ``"or"``; None for both.
        order: of one op; None for all.

    Raises:
        InputError: no such measure, op or order.
    """
    table = agreement.matrix(measure, op, order)
    return [str(name) for name in table.index], table.to_numpy(dtype=np.float64)


def matrix_figure(
    agreement: Agreement, measure: str = "corrected", op: str | None = None, order: int | None = None
) -> go.Figure:
    """A cell for each two networks, blue where they share more than chance gives, vermillion where less.

    Args:
        agreement: see `agreement_matrix`, as are the others.
        measure: its name.
        op: one of both.
        order: of one op.

    Raises:
        MissingExtraError: plotly is not installed.
        InputError: no such measure, op or order.
    """
    go = graph_objects()
    names, values = agreement_matrix(agreement, measure, op, order)
    places = list(range(len(names)))
    figure = go.Figure(
        go.Heatmap(
            x=places,
            y=places,
            z=values,
            zmin=-1,
            zmax=1,
            colorscale=[list(stop) for stop in SCALE],
            showscale=False,
            xgap=1,
            ygap=1,
            customdata=[[f"{inert(one)} / {inert(two)}" for two in names] for one in names],
            hovertemplate="%{customdata}: %{z:.3f}<extra></extra>",
            hoverongaps=False,
        )
    )
    for row, column in np.ndindex(values.shape):
        value = float(values[row, column])
        figure.add_annotation(
            x=column, y=row, text=cell_words(value), showarrow=False, font={"size": 12, "color": cell_ink(value)}
        )
    styled(figure, max(LEAST_HEIGHT, CELL * len(names)) + MATRIX_FRAME)
    ticks = {"tickvals": places, "ticktext": [inert(shortened(name)) for name in names], "showgrid": False}
    figure.update_xaxes(**ticks, side="bottom", autotickangles=[0, 90], zeroline=False)
    figure.update_yaxes(**ticks, autorange="reversed", zeroline=False)
    return figure


def cell_words(value: float) -> str:
    """What stands in a cell; a dash where there is no number.

    >>> cell_words(0.457), cell_words(-0.05)
    ('0.46', '-0.05')
    """
    return "\N{EN DASH}" if np.isnan(value) else f"{value:.2f}"


def cell_ink(value: float) -> str:
    """The colour of words in a cell; cells without a value show what is behind the figure."""
    return "#808080" if np.isnan(value) else ink_on(diverging(value))
