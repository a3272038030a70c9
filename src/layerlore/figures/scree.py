"""The scree curve: what share of the variance each principal component of the trends holds (METHODS B2).

It tells whether the two dimensions of the trend map show the layers well. Source: Agrawal et al. 2021; Cattell 1966.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64

from layerlore.figures.style import BLUE, GREY, ORANGE, graph_objects, styled, translucent

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from layerlore.dynamics.history import History
    from layerlore.dynamics.trends import Trends

MOST_COMPONENTS = 20
USED = 2
"""Components that the trend map shows."""
EACH, TOGETHER = "each component", "cumulative"
NOTHING = "no layer changed: there is no variance"


@dataclass(frozen=True, eq=False)
class Scree:
    """The first principal components.

    Attributes:
        share: of the variance, of each component, largest first, at most `MOST_COMPONENTS`.
        cumulative: of it and those before it.
        n_components: of all.
    """

    share: Float64[np.ndarray, "n_shown"]
    cumulative: Float64[np.ndarray, "n_shown"]
    n_components: int


def scree(trends: Trends, history: History) -> Scree:
    """Shares of variance that the figure draws.

    Args:
        trends: from `find_trends`, reduced by PCA.
        history: what they were found in.

    Raises:
        InputError: see `layerlore.dynamics.trends.explained_variance`.
    """
    from layerlore.dynamics.trends import explained_variance

    share = explained_variance(trends, history)
    return Scree(share[:MOST_COMPONENTS], np.cumsum(share)[:MOST_COMPONENTS], len(share))


def scree_figure(trends: Trends, history: History) -> go.Figure:
    """A bar for each component, the two of the trend map filled, and the cumulative share as a line.

    Args:
        trends: see `scree`, as is the other.
        history: of the trends.

    Raises:
        InputError: see `scree`.
        MissingExtraError: plotly is not installed.
    """
    found = scree(trends, history)
    go = graph_objects()
    numbers = np.arange(1, len(found.share) + 1)
    figure = go.Figure()
    figure.add_trace(
        go.Bar(
            x=numbers,
            y=found.share,
            name=EACH,
            marker={"color": [BLUE if number <= USED else translucent(BLUE, 0.35) for number in numbers]},
            hovertemplate="component %{x}: %{y:.1%}<extra></extra>",
        )
    )
    figure.add_trace(
        go.Scatter(
            x=numbers,
            y=found.cumulative,
            name=TOGETHER,
            mode="lines+markers",
            line={"color": ORANGE, "width": 2},
            marker={"size": 6, "symbol": "diamond"},
            hovertemplate="up to component %{x}: %{y:.1%}<extra></extra>",
        )
    )
    styled(figure, 340)
    if not len(numbers):
        figure.add_annotation(
            text=NOTHING, x=0.5, y=0.5, xref="paper", yref="paper", showarrow=False, font={"color": GREY}
        )
    figure.update_xaxes(
        title_text="principal component",
        dtick=1 if len(numbers) <= 12 else 2,
        range=[0.4, max(len(numbers), 1) + 0.6],
        showgrid=False,
    )
    figure.update_yaxes(title_text="share of variance", tickformat=".0%", range=[0, 1.04])
    return figure
