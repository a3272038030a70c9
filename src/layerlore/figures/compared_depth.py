"""Several networks side by side: completeness and redundancy over relative depth, and the strength of their outputs.

Source: METHODS A5, A6, A9; Cheng et al. 2024, Figure 3(b), of several networks in one panel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float64

from layerlore.figures.by_order import OrderLine, OrderRow, PerOrder, order_figure, shifts
from layerlore.figures.groups import COLOURS, SYMBOLS
from layerlore.figures.ratios import ratios
from layerlore.figures.style import error_bars, graph_objects, inert, shortened, styled
from layerlore.interactions.bootstrap import CONFIDENCE, RESAMPLES, interval, resampling_weights
from layerlore.interactions.knowledge import Knowledge
from layerlore.interactions.ledger import RATIOS, Ledger
from layerlore.interactions.salience import is_salient, sum_by_order

if TYPE_CHECKING:
    import plotly.graph_objects as go

PerLayer = Float64[np.ndarray, "n_layers"]
PerSample = Float64[np.ndarray, "n_samples"]

DASHES = ("solid", "dash", "dot")
DEPTH = "relative depth: 0 the input, 1 the output"


@dataclass(frozen=True, eq=False)
class DepthCourse:
    """One run through its layers.

    Attributes:
        name: of the run.
        layers: rows of its ledger, by depth.
        depth: of each, its place among the layers as a share of their number; the output has 1.
        values: completeness and redundancy of every row, by name, NaN where undefined; each also with ``_low`` and
            ``_high``, the ends of its bootstrap interval.
    """

    name: str
    layers: list[str]
    depth: PerLayer
    values: dict[str, PerLayer]


@dataclass(frozen=True, eq=False)
class OutputStrength:
    """What the output of one run holds.

    Attributes:
        name: of the run.
        salient: salient interactions of each sample, both ops together.
        strength: sum of absolute salient effects by op (AND first) and order (from 1), mean over samples, in units of
            the output; OR has no order 1 and is NaN there.
        low: lower ends of the bootstrap intervals over samples.
        high: upper ends.
    """

    name: str
    salient: PerSample
    strength: PerOrder
    low: PerOrder
    high: PerOrder


def depth_course(name: str, knowledge: Knowledge, ledger: Ledger, target: int = 0) -> DepthCourse:
    """The ledger of a run over relative depth.

    Args:
        name: of the run.
        knowledge: from `explain` or `load`.
        ledger: of it.
        target: position of the target.
    """
    layers = [str(layer) for layer in ledger.total.layer.values]
    every = knowledge.layers
    depth = np.array([(every.index(layer) + 1) / len(every) for layer in layers])
    found = ratios(ledger, target)
    return DepthCourse(name, layers, depth, {key: found[key] for name in RATIOS for key in _ends(name)})


def output_strength(name: str, knowledge: Knowledge, target: int = 0) -> OutputStrength:
    """Salient interactions of the output, counted for each sample, and their strength by order.

    Args:
        name: of the run.
        knowledge: from `explain` or `load`.
        target: position of the target.
    """
    threshold, unit = np.asarray(knowledge.thresholds()[target, -1]), knowledge.normalisers()[target, -1]
    counts, sums = [], []
    # One sample at a time: all effects of a large run do not fit in memory.
    for sample in range(knowledge.n_samples):
        effects = knowledge.effects(sample)[target, -1]
        salient = is_salient(effects, threshold)
        counts.append(float(salient.sum()))
        sums.append(sum_by_order(np.where(salient, np.abs(effects), 0.0)) / unit)
    strengths = np.stack(sums)
    draws = np.tensordot(resampling_weights(len(sums), RESAMPLES, seed=0), strengths, axes=1)
    parts = [strengths.mean(0), *interval(draws, CONFIDENCE)]
    for part in parts:
        part[1, 0] = np.nan
    return OutputStrength(name, np.array(counts), *parts)


def compared_ratios_figure(courses: Sequence[DepthCourse]) -> go.Figure:
    """Completeness above redundancy over relative depth, one line for each run, with bootstrap intervals.

    Raises:
        MissingExtraError: plotly is not installed.
    """
    go = graph_objects()
    from plotly.subplots import make_subplots  # optional

    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.06)
    for row, ratio in enumerate(RATIOS, start=1):
        for place, course in enumerate(courses):
            figure.add_trace(_line(go, course, ratio, place, showlegend=row == 1), row, 1)
        figure.update_yaxes(title_text=ratio, row=row, col=1)
    styled(figure, 560)
    figure.update_layout(showlegend=True)
    figure.update_yaxes(range=[-0.02, 1.02], tickformat=".0%")
    figure.update_xaxes(range=[0, 1.04], showgrid=False, zeroline=False)
    figure.update_xaxes(title_text=DEPTH, row=2)
    return figure


def compared_strength_figure(strengths: Sequence[OutputStrength]) -> go.Figure:
    """Strength of the outputs' salient interactions over the orders, AND beside OR, one line for each run.

    Raises:
        MissingExtraError: plotly is not installed.
    """
    lines = [
        OrderLine(
            found.name,
            found.strength,
            found.low,
            found.high,
            **run_look(place),
            shift=shift,
        )
        for place, (found, shift) in enumerate(zip(strengths, shifts(len(strengths)), strict=True))
    ]
    return order_figure([OrderRow("strength", lines, 0.0)])


def run_look(place: int) -> dict[str, str]:
    """Colour, shape and dash of a run, by its place among those compared.

    >>> run_look(0) == run_look(7)
    False
    """
    return {
        "colour": COLOURS[place % len(COLOURS)],
        "symbol": SYMBOLS[place % len(SYMBOLS)],
        "dash": DASHES[place // len(COLOURS) % len(DASHES)],
    }


def _ends(name: str) -> tuple[str, str, str]:
    return name, f"{name}_low", f"{name}_high"


def _line(go: Any, course: DepthCourse, ratio: str, place: int, *, showlegend: bool) -> Any:
    look = run_look(place)
    values, low, high = (course.values[key] for key in _ends(ratio))
    return go.Scatter(
        x=course.depth,
        y=values,
        error_y=error_bars(values, low, high),
        mode="lines+markers",
        name=inert(shortened(course.name, 30)),
        legendgroup=str(place),
        showlegend=showlegend,
        line={"color": look["colour"], "width": 2, "dash": look["dash"]},
        marker={"size": 7, "symbol": look["symbol"]},
        customdata=list(zip([inert(layer) for layer in course.layers], low.tolist(), high.tolist(), strict=True)),
        hovertemplate="%{customdata[0]}: %{y:.1%} [%{customdata[1]:.1%}, %{customdata[2]:.1%}]<extra>"
        + inert(course.name)
        + "</extra>",
    )
