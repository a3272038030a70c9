"""Evidence for the number of trends: each criterion over the numbers that were tried."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from layerlore.figures.style import BLUE, GREY, graph_objects, styled

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from layerlore.dynamics.trends import Trends

CRITERIA = ("silhouette", "gap", "stability")
ERRORS = {"gap": "gap_error"}
PANEL, FRAME = 130, 90


def evidence(trends: Trends) -> dict[str, list[float | None]]:
    """The criteria for each number of trends that was tried.

    Args:
        trends: from `find_trends`.

    Returns:
        ``n_clusters``, then each of `CRITERIA` that has a value, with the standard error of the gap as ``gap_error``;
        None where a criterion says nothing.
    """
    names = ("n_clusters", *CRITERIA, *ERRORS.values())
    columns = {name: [_number(row.get(name)) for row in trends.evidence] for name in names}
    return {name: values for name, values in columns.items() if any(value is not None for value in values)}


def chosen(trends: Trends) -> int | None:
    """The number of trends that the evidence spoke for; None where it was given."""
    return next((int(row["n_clusters"]) for row in trends.evidence if row.get("chosen")), None)


def evidence_figure(trends: Trends) -> go.Figure:
    """One panel for each criterion; the dashed line marks the number of trends that was taken.

    Raises:
        MissingExtraError: plotly is not installed.
    """
    go = graph_objects()
    from plotly.subplots import make_subplots  # optional

    found = evidence(trends)
    shown = [name for name in CRITERIA if name in found]
    figure = make_subplots(rows=len(shown), cols=1, shared_xaxes=True, vertical_spacing=0.08)
    for row, name in enumerate(shown, start=1):
        errors = found.get(ERRORS.get(name, ""))
        figure.add_trace(
            go.Scatter(
                x=found["n_clusters"],
                y=found[name],
                error_y={"array": errors, "thickness": 1, "width": 3} if errors else None,
                mode="lines+markers",
                showlegend=False,
                line={"color": BLUE, "width": 2},
                marker={"size": 7},
                hovertemplate=f"%{{x}} trends: {name} %{{y:.3f}}<extra></extra>",
            ),
            row,
            1,
        )
        figure.update_yaxes(title_text=name, nticks=4, row=row, col=1)
    styled(figure, len(shown) * PANEL + FRAME)
    taken = chosen(trends) or trends.n_trends
    figure.add_vline(x=taken, line={"color": GREY, "dash": "dash", "width": 1.5})
    figure.update_xaxes(dtick=1, showgrid=False)
    figure.update_xaxes(title_text="number of trends", row=len(shown))
    return figure


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
