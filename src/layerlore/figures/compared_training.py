"""Several trainings side by side: the median layer over relative training, and all layers of each as a heat map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float64, Int64

from layerlore.dynamics.history import History
from layerlore.figures.axes import log_axis, log_ticks, positive_range, title_lines
from layerlore.figures.compared_depth import run_look
from layerlore.figures.heatmap import SPARED
from layerlore.figures.style import GREY, graph_objects, inert, shortened, styled

if TYPE_CHECKING:
    import plotly.graph_objects as go

PerStep = Float64[np.ndarray, "n_steps"]

PART = "share of the training"
ROW, GAP, FRAME, LOWEST, HIGHEST = 9, 34, 130, 60, 220
"""Pixels of a layer, between two heat maps, around all of them, and of a heat map at least and at most."""


@dataclass(frozen=True, eq=False)
class MedianCourse:
    """The median layer of one training.

    Attributes:
        name: of the run.
        part: of the training that is over at each step, from 0 to 1.
        steps: recorded ones.
        value: median over the layers with a finite value; NaN where there is none, as are the ends.
        low: lower end of the middle half of the layers.
        high: upper end.
    """

    name: str
    part: PerStep
    steps: Int64[np.ndarray, "n_steps"]
    value: PerStep
    low: PerStep
    high: PerStep


def part_of_training(steps: Int64[np.ndarray, "n_steps"]) -> PerStep:
    """Each step as a share of the last one; where that is not above 0, of the number of steps.

    >>> part_of_training(np.array([1, 5, 10]))
    array([0.1, 0.5, 1. ])
    """
    if steps[0] >= 0 and steps[-1] > 0:
        return steps / float(steps[-1])
    return np.arange(1, len(steps) + 1) / len(steps)


def median_course(name: str, history: History, measure: str) -> MedianCourse:
    """The median of the layers at every step, and their middle half.

    Args:
        name: of the run.
        history: from `WeightTracker`, `read_series` or `load`.
        measure: its name.

    Raises:
        InputError: the measure was not recorded.
    """
    columns = [column[np.isfinite(column)] for column in history.values(measure).T]
    nothing = np.full(3, np.nan)
    low, value, high = np.array(
        [np.quantile(column, (0.25, 0.5, 0.75)) if column.size else nothing for column in columns]
    ).T
    return MedianCourse(name, part_of_training(history.steps), history.steps, value, low, high)


def compared_changes_figure(courses: Sequence[MedianCourse], measure: str) -> go.Figure:
    """The median layer of each run over relative training, on a logarithmic axis.

    Raises:
        MissingExtraError: plotly is not installed.
    """
    go = graph_objects()
    figure = go.Figure()
    for place, course in enumerate(courses):
        look = run_look(place)
        figure.add_trace(
            go.Scatter(
                x=course.part,
                y=np.where(course.value > 0, course.value, np.nan),
                customdata=np.stack([course.steps, course.low, course.high], axis=-1),
                mode="lines+markers" if len(course.steps) <= 50 else "lines",
                name=inert(shortened(course.name, 30)),
                line={"color": look["colour"], "width": 2, "dash": look["dash"]},
                marker={"size": 6, "symbol": look["symbol"]},
                hovertemplate="step %{customdata[0]:d}: %{y:.3g} [%{customdata[1]:.3g}, %{customdata[2]:.3g}]<extra>"
                + inert(course.name)
                + "</extra>",
            )
        )
    styled(figure, 440)
    figure.update_layout(showlegend=True)
    figure.update_xaxes(title_text=PART, tickformat=".0%", range=[0, 1.02], showgrid=False, zeroline=False)
    figure.update_yaxes(
        **log_axis(np.concatenate([course.value for course in courses])), title_text=title_lines(measure)
    )
    return figure


def compared_cells_figure(histories: Mapping[str, History], measure: str) -> go.Figure:
    """One heat map for each run, all with one scale of colours; what is 0 or undefined has no colour.

    Args:
        histories: by the name of their run.
        measure: its name.

    Raises:
        MissingExtraError: plotly is not installed.
        InputError: the measure was not recorded.
    """
    go = graph_objects()
    from plotly.subplots import make_subplots  # optional

    heights = [min(max(ROW * len(history.layers), LOWEST), HIGHEST) for history in histories.values()]
    inner = sum(heights) + GAP * (len(heights) - 1)
    figure = make_subplots(
        rows=len(heights),
        cols=1,
        shared_xaxes=True,
        row_heights=heights,
        vertical_spacing=GAP / inner if len(heights) > 1 else 0.0,
    )
    for row, (name, history) in enumerate(histories.items(), start=1):
        figure.add_trace(_cells(go, history, measure), row, 1)
        axis = "" if row == 1 else str(row)
        figure.add_annotation(
            text=f"{inert(shortened(name, 34))}: {len(history.layers)} layers",
            xref="paper",
            yref=f"y{axis} domain",
            x=0,
            y=1,
            xanchor="left",
            yanchor="bottom",
            showarrow=False,
            font={"size": 12, "color": GREY},
        )
    styled(figure, inner + FRAME)
    figure.update_yaxes(
        type="category", showticklabels=False, ticks="", autorange="reversed", showgrid=False, zeroline=False
    )
    figure.update_xaxes(range=[0, 1], tickformat=".0%", showgrid=False, zeroline=False)
    figure.update_xaxes(title_text=PART, row=len(heights))
    figure.update_layout(margin={"t": 84}, coloraxis=_scale(list(histories.values()), measure, inner))
    return figure


def colour_range(histories: Sequence[History], measure: str) -> tuple[float, float]:
    """Values with the first and the last colour: but for the lowest and highest hundredth, all lie between."""
    every = np.concatenate([history.values(measure).ravel() for history in histories])
    positive = every[np.isfinite(every) & (every > 0)]
    ends = np.percentile(positive, [SPARED, 100 - SPARED]) if positive.size else np.array([0.3, 3.0])
    low, high = positive_range(ends)
    return low, high if high > low else low * 1.1


def _cells(go: Any, history: History, measure: str) -> Any:
    values = history.values(measure)
    shown = np.isfinite(values) & (values > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        logarithms = np.where(shown, np.log10(values), np.nan)
    return go.Heatmap(
        x=_borders(part_of_training(history.steps)),
        y=[inert(layer) for layer in history.layers],
        z=logarithms.astype(np.float32),
        customdata=np.where(shown, values, np.nan).astype(np.float32),
        coloraxis="coloraxis",
        hovertemplate="%{y}, %{x:.0%}: %{customdata:.3g}<extra></extra>",
        hoverongaps=False,
    )


def _borders(parts: PerStep) -> Float64[np.ndarray, "n_borders"]:
    """Where the columns begin and end: each reaches back to the one before."""
    return np.concatenate([[0.0], parts])


def _scale(histories: Sequence[History], measure: str, inner: int) -> dict[str, Any]:
    low, high = colour_range(histories, measure)
    ticks = log_ticks(low, high, most=6)
    return {
        "cmin": float(np.log10(low)),
        "cmax": float(np.log10(high)),
        "colorscale": "Viridis",
        "colorbar": {
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            "y": 1 + 24 / inner,
            "yanchor": "bottom",
            "thickness": 10,
            "outlinewidth": 0,
            "title": {"text": title_lines(measure), "side": "top"},
            "tickvals": [float(np.log10(tick)) for tick in ticks],
            "ticktext": [f"{tick:g}" for tick in ticks],
        },
    }
