"""What the layers of each trend are: a stacked bar of kinds for each group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layerlore.figures.groups import SKY, YELLOW, group_style
from layerlore.figures.style import BLUE, GREEN, GREY, ORANGE, VERMILLION, graph_objects, inert, styled, translucent
from layerlore.figures.trend_map import shown_labels

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from layerlore.dynamics.trends import Trends

PATTERNS = ("", "/", "x", ".")
COLOURS = (BLUE, ORANGE, GREEN, VERMILLION, SKY, YELLOW, GREY)
BAR, FRAME = 44, 110


def kind_counts(trends: Trends, kinds: dict[str, str]) -> dict[str, dict[int, int]]:
    """For each kind, the commonest first, its number of layers in each group (by label).

    Args:
        trends: from `find_trends`.
        kinds: of the layers, by name; ``other`` where there is none.
    """
    counts: dict[str, dict[int, int]] = {}
    for layer, label in zip(trends.layers, trends.labels, strict=True):
        row = counts.setdefault(kinds.get(layer, "other"), dict.fromkeys(shown_labels(trends), 0))
        row[int(label)] += 1
    return dict(sorted(counts.items(), key=lambda entry: (-sum(entry[1].values()), entry[0])))


def trend_kinds_figure(trends: Trends, kinds: dict[str, str]) -> go.Figure:
    """A bar for each trend, for outliers and for frozen layers; its parts are the kinds of its layers.

    Args:
        trends: see `kind_counts`, as is the other.
        kinds: of the layers.

    Raises:
        MissingExtraError: plotly is not installed.
    """
    go = graph_objects()
    counts = kind_counts(trends, kinds)
    labels = shown_labels(trends)
    figure = go.Figure()
    for number, (kind, row) in enumerate(counts.items()):
        colour = COLOURS[number % len(COLOURS)]
        figure.add_trace(
            go.Bar(
                y=[group_style(label).words for label in labels],
                x=[row[label] for label in labels],
                orientation="h",
                name=inert(kind),
                marker={
                    "color": colour,
                    # More kinds than colours: the rest have a pattern too.
                    "pattern": {"shape": PATTERNS[number // len(COLOURS) % len(PATTERNS)], "fgcolor": "#fff"},
                    "line": {"width": 1, "color": translucent(GREY, 0.5)},
                },
                hovertemplate="%{y}: %{x} layers<extra>" + inert(kind) + "</extra>",
            )
        )
    styled(figure, BAR * len(labels) + FRAME)
    figure.update_layout(barmode="stack", bargap=0.3)
    figure.update_xaxes(title_text="layers", tickformat="d", rangemode="tozero")
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return figure
