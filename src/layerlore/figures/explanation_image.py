"""An image explained: the input with its players, what each method says of them, and the strongest interactions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from layerlore.figures.explanation import Explanation, short_label
from layerlore.figures.pictures import Outline, Owner, outline, png_address
from layerlore.figures.style import GREY, graph_objects, inert, styled
from layerlore.figures.tinting import Pixels, marked, tinted

if TYPE_CHECKING:
    import plotly.graph_objects as go

COLUMNS = 3
PANEL, HEADING, FRAME = 170, 44, 30
INPUT = "input"


@dataclass(frozen=True, eq=False)
class Panel:
    """One picture.

    Attributes:
        lines: of its heading.
        image: red, green and blue.
        notes: what to say of each player; none for interactions.
    """

    lines: tuple[str, str]
    image: Pixels
    notes: tuple[str, ...] = ()


def image_panels(found: Explanation, image: Pixels, owner: Owner) -> list[list[Panel]]:
    """Rows of panels: the input and the methods; then the interactions, as many in a row."""
    first = [Panel((INPUT, f"sample {found.sample}"), image, found.names)]
    for method in found.methods:
        notes = tuple(f"{name}: {value:.3g}" for name, value in zip(found.names, method.values, strict=True))
        first.append(Panel(method.words, tinted(image, owner, method.colours), notes))
    rest = [Panel(short_label(shown), marked(image, owner, shown)) for shown in found.interactions]
    return [first, *(rest[start : start + COLUMNS] for start in range(0, len(rest), COLUMNS))]


def outlines_of(found: Explanation, owner: Owner) -> list[Outline]:
    """Borders and middles of all players."""
    return [outline(owner, player) for player in range(len(found.names))]


def explained_image(found: Explanation, image: Pixels, owner: Owner) -> go.Figure:
    """Panels as plotly draws them.

    Raises:
        MissingExtraError: plotly is not installed.
    """
    go = graph_objects()
    from plotly.subplots import make_subplots  # optional

    rows = image_panels(found, image, owner)
    borders = outlines_of(found, owner)
    height = len(rows) * (PANEL + HEADING)
    figure = make_subplots(
        rows=len(rows), cols=COLUMNS, horizontal_spacing=0.03, vertical_spacing=HEADING / height if len(rows) > 1 else 0
    )
    for row, panels in enumerate(rows, start=1):
        for column, panel in enumerate(panels, start=1):
            for trace in _traces(go, panel, borders, numbered=(row, column) == (1, 1)):
                figure.add_trace(trace, row, column)
            number = (row - 1) * COLUMNS + column
            axis = "" if number == 1 else str(number)
            figure.add_annotation(
                text="<br>".join(inert(line) for line in panel.lines),
                xref=f"x{axis} domain",
                yref=f"y{axis} domain",
                x=0.5,
                y=1,
                yshift=4,
                yanchor="bottom",
                showarrow=False,
                font={"size": 11, "color": GREY},
            )
            for border in borders:
                line = {"width": 1, "color": GREY}
                figure.add_shape(type="path", path=border.path, line=line, xref=f"x{axis}", yref=f"y{axis}")
    styled(figure, height + FRAME)
    figure.update_layout(margin={"l": 4, "r": 4, "t": HEADING, "b": 4}, showlegend=False)
    tall, wide = owner.shape
    figure.update_xaxes(visible=False, range=[0, wide], constrain="domain")
    figure.update_yaxes(visible=False, range=[tall, 0], constrain="domain", scaleanchor=None)
    for number in range(1, len(rows) * COLUMNS + 1):
        axis = "" if number == 1 else str(number)
        figure.layout[f"yaxis{axis}"].scaleanchor = f"x{axis}"
    return figure


def _traces(go: Any, panel: Panel, borders: list[Outline], *, numbered: bool) -> list[Any]:
    # Pixels from 0 to the width, as outlines count them.
    traces = [go.Image(source=png_address(panel.image), x0=0.5, y0=0.5, hoverinfo="skip")]
    if panel.notes:
        traces.append(
            go.Scatter(
                x=[border.x for border in borders],
                y=[border.y for border in borders],
                mode="markers+text" if numbered else "markers",
                text=[str(player) for player in range(len(borders))],
                textfont={"size": 10, "color": "#FFFFFF"},
                marker={"size": 14, "opacity": 0.75 if numbered else 0, "color": "#000000"},
                hovertext=[inert(note) for note in panel.notes],
                hoverinfo="text",
            )
        )
    return traces
