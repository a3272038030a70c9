"""What the choice of kappa, and of OR interactions, does to a result: several splits of one network side by side.

Source: Cheng et al. 2024, Figure 11; METHODS A4, A10.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float64

from layerlore.errors import InputError
from layerlore.figures.groups import COLOURS, SYMBOLS
from layerlore.figures.ratios import ratios
from layerlore.figures.style import error_bars, graph_objects, inert, layer_axis, shortened, styled
from layerlore.interactions.bootstrap import CONFIDENCE, RESAMPLES, interval, resampling_weights
from layerlore.interactions.knowledge import Knowledge
from layerlore.interactions.ledger import RATIOS, Ledger
from layerlore.interactions.salience import is_salient

if TYPE_CHECKING:
    import plotly.graph_objects as go

PerLayer = Float64[np.ndarray, "n_layers"]

COUNT = "salient interactions"
MEASURES = (COUNT, *RATIOS)
MOST_SPLITS = 7
"""Splits that are told apart in one figure."""
PANEL, FRAME = 170, 110


@dataclass(frozen=True, eq=False)
class SplitCourse:
    """One way to split, through the layers.

    Attributes:
        label: what it is called.
        layers: by depth.
        values: per measure of `MEASURES`: of every layer, NaN where undefined or not known.
        low: likewise, lower ends of the bootstrap intervals over samples.
        high: upper ends.
    """

    label: str
    layers: list[str]
    values: dict[str, PerLayer]
    low: dict[str, PerLayer]
    high: dict[str, PerLayer]


def split_courses(results: Mapping[str, Knowledge | Ledger], target: int = 0) -> list[SplitCourse]:
    """The number of salient interactions per sample, completeness and redundancy of each split, layer by layer.

    A ledger does not tell how many interactions are salient; that of a `Knowledge` is made with the default options.
    The layers of the ledger are shown: with ``reference="final"`` all but the output.

    Args:
        results: of one network, at most `MOST_SPLITS`, by a label such as ``"kappa 0.03"`` or ``"AND only"``.
        target: position of the target.

    Raises:
        InputError: no result, too many, or results about different layers.
    """
    if not 1 <= len(results) <= MOST_SPLITS:
        raise InputError(f"{len(results)} results were given: an ablation shows 1 to {MOST_SPLITS}, each with a label")
    found = [_course(str(label), result, target) for label, result in results.items()]
    for course in found[1:]:
        if course.layers != found[0].layers:
            raise InputError(
                f"{course.label!r} is about the layers {course.layers}, {found[0].label!r} about {found[0].layers}: "
                "compare splits of one network, with ledgers of one reference"
            )
    return found


def salient_counts(
    knowledge: Knowledge, target: int = 0, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[PerLayer, PerLayer, PerLayer]:
    """Mean number of salient interactions per sample in every layer, and the ends of its bootstrap interval.

    Args:
        knowledge: from `explain`, `resplit` or `load`.
        target: position of the target.
        resamples: of the bootstrap.
        seed: of the bootstrap.
    """
    thresholds = knowledge.thresholds()
    # One sample at a time: all effects of a large run do not fit in memory.
    counts = np.array(
        [
            is_salient(knowledge.effects(sample), thresholds)[target].sum((-2, -1))
            for sample in range(knowledge.n_samples)
        ],
        dtype=np.float64,
    )
    low, high = interval(resampling_weights(len(counts), resamples, seed) @ counts, CONFIDENCE)
    return counts.mean(0), low, high


def ablation_figure(results: Mapping[str, Knowledge | Ledger], target: int = 0) -> go.Figure:
    """Number of salient interactions, completeness and redundancy through the layers; one line for each split.

    Args:
        results: see `split_courses`, as is the other.
        target: position of the target.

    Raises:
        InputError: see `split_courses`.
        MissingExtraError: plotly is not installed.
    """
    courses = split_courses(results, target)
    go = graph_objects()
    from plotly.subplots import make_subplots  # optional

    measures = shown_measures(courses)
    figure = make_subplots(rows=len(measures), cols=1, shared_xaxes=True, vertical_spacing=0.05)
    for row, measure in enumerate(measures, start=1):
        for place, course in enumerate(courses):
            figure.add_trace(_line(go, course, measure, place, len(courses), showlegend=row == 1), row, 1)
        share = measure in RATIOS
        title = measure if share else "salient per sample"
        bounds: dict[str, Any] = {"range": [-0.02, 1.02], "tickformat": ".0%"} if share else {"rangemode": "tozero"}
        figure.update_yaxes(title_text=title, **bounds, row=row)
    styled(figure, PANEL * len(measures) + FRAME)
    figure.update_xaxes(**layer_axis(courses[0].layers))
    return figure


def shown_measures(courses: list[SplitCourse]) -> list[str]:
    """Measures that some split has."""
    return [name for name in MEASURES if name in RATIOS or any(np.isfinite(c.values[name]).any() for c in courses)]


def _course(label: str, result: Knowledge | Ledger, target: int) -> SplitCourse:
    ledger = result if isinstance(result, Ledger) else result.ledger()
    layers = [str(name) for name in ledger.total.layer.values]
    shares = ratios(ledger, target)
    if isinstance(result, Ledger):
        counts = (np.full(len(layers), np.nan),) * 3
    else:
        rows = [result.layers.index(layer) for layer in layers]
        counts = tuple(part[rows] for part in salient_counts(result, target))
    parts = [
        {COUNT: count} | {name: shares[name + end] for name in RATIOS}
        for count, end in zip(counts, ("", "_low", "_high"), strict=True)
    ]
    return SplitCourse(label, layers, *parts)


def _line(go: Any, course: SplitCourse, measure: str, place: int, count: int, *, showlegend: bool) -> Any:
    values, low, high = (part[measure] for part in (course.values, course.low, course.high))
    form = ".1f" if measure == COUNT else ".1%"
    return go.Scatter(
        x=np.arange(len(values)) + split_shift(place, count),
        y=values,
        error_y=error_bars(values, low, high),
        mode="lines+markers",
        name=inert(shortened(course.label, 30)),
        legendgroup=str(place),
        showlegend=showlegend,
        line={"color": COLOURS[place], "width": 1.75},
        marker={"size": 6, "symbol": SYMBOLS[place]},
        customdata=[inert(layer) for layer in course.layers],
        hovertemplate="%{customdata}: %{y:" + form + "}<extra>" + inert(course.label) + "</extra>",
    )


def split_shift(place: int, count: int) -> float:
    """How far right of its layer a split stands, so that intervals do not cover each other.

    >>> split_shift(0, 3), split_shift(1, 3)
    (-0.05, 0.0)
    """
    return round(0.05 * (place - (count - 1) / 2), 6)
