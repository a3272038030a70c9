"""Mean trends: how the layers of each trend change, with a band."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float64, Int64

from layerlore.figures.axes import MOST_STEPS, log_axis, step_axis, title_lines
from layerlore.figures.groups import group_style
from layerlore.figures.style import graph_objects, spread, styled, translucent

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from layerlore.dynamics.trends import Trends

PerStep = Float64[np.ndarray, "n_steps"]


@dataclass(frozen=True, eq=False)
class Profile:
    """The mean trend of one group.

    Attributes:
        label: of the trend, from 0.
        steps: that are drawn.
        mean: of the measure.
        low: lower end of the band.
        high: upper end.
    """

    label: int
    steps: Int64[np.ndarray, "n_steps"]
    mean: PerStep
    low: PerStep
    high: PerStep


def trend_profiles(trends: Trends) -> list[Profile]:
    """The mean trends at most `MOST_STEPS` steps, evenly spread; values without a place on the axis are NaN."""
    profiles = trends.profiles
    columns = spread(int(profiles.sizes["step"]), MOST_STEPS)
    steps = profiles["step"].values.astype(np.int64)[columns]
    found = []
    for row, label in enumerate(profiles["trend"].values):
        values = [profiles[name].transpose("trend", "step").values[row, columns] for name in ("mean", "low", "high")]
        mean, low, high = (np.where(part > 0, part, np.nan).astype(np.float64) for part in values)
        found.append(Profile(int(label), steps, mean, low, high))
    return found


def trend_lines_figure(trends: Trends, unit: str = "step") -> go.Figure:
    """One line for each trend over the steps, its band behind it.

    Args:
        trends: with at least one trend.
        unit: what a step is called.

    Raises:
        MissingExtraError: plotly is not installed.
    """
    go = graph_objects()
    profiles = trend_profiles(trends)
    figure = go.Figure()
    for profile in profiles:
        for trace in _traces(go, profile, len(trends.members(profile.label))):
            figure.add_trace(trace)
    styled(figure, 420)
    figure.update_xaxes(**step_axis(profiles[0].steps, unit))
    every = np.concatenate([np.stack([profile.mean, profile.low, profile.high]) for profile in profiles])
    figure.update_yaxes(**log_axis(every), title_text=title_lines(trends.measure))
    return figure


def _traces(go: Any, profile: Profile, count: int) -> list[Any]:
    words = group_style(profile.label)
    group = str(profile.label)
    bare: dict[str, Any] = {
        "mode": "lines",
        "line": {"width": 0},
        "showlegend": False,
        "hoverinfo": "skip",
        "legendgroup": group,
    }
    return [
        go.Scatter(x=profile.steps, y=profile.low, **bare),
        go.Scatter(x=profile.steps, y=profile.high, fill="tonexty", fillcolor=translucent(words.colour, 0.18), **bare),
        go.Scatter(
            x=profile.steps,
            y=profile.mean,
            customdata=np.stack([profile.low, profile.high], axis=-1),
            mode="lines+markers" if len(profile.steps) <= 50 else "lines",
            name=f"{words.words} ({count} layers)",
            legendgroup=group,
            line={"color": words.colour, "width": 2.5},
            marker={"symbol": words.symbol, "size": 6},
            hovertemplate="%{x}: %{y:.3g} [%{customdata[0]:.3g}, %{customdata[1]:.3g}]",
        ),
    ]
