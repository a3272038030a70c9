"""One look for all figures: colours that colour-blind readers can tell apart, quiet axes, inert names.

Backgrounds are transparent and words mid-grey, so that a figure reads on a white page and on a dark one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from layerlore.errors import missing_extra

if TYPE_CHECKING:
    import plotly.graph_objects as go

# Okabe and Ito 2008, "Color Universal Design".
BLUE, ORANGE, GREEN, VERMILLION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
GREY = "#808080"
GRID = "rgba(128,128,128,0.25)"

LONGEST_NAME, LONGEST_TICK = 22, 16
MOST_TICKS = 16


def graph_objects() -> Any:
    """The module ``plotly.graph_objects``, imported on first use.

    Raises:
        MissingExtraError: plotly is not installed.
    """
    try:
        import plotly.graph_objects as go  # optional
    except ImportError:
        raise missing_extra("plotly", "report", "drawing figures") from None
    return go


def styled(figure: go.Figure, height: int) -> go.Figure:
    """The same figure in the common look, ``height`` pixels high; it fills the width it is given."""
    go = graph_objects()
    figure.update_layout(
        template=go.layout.Template(),
        height=height,
        margin={"l": 56, "r": 12, "t": 28, "b": 44},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, sans-serif", "size": 12, "color": GREY},
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": 1, "yanchor": "bottom", "traceorder": "normal"},
        # Dragging would catch the finger that scrolls the page.
        dragmode=False,
        hoverlabel={"align": "left"},
    )
    axes = {"gridcolor": GRID, "linecolor": GRID, "zerolinecolor": GRID, "automargin": True, "fixedrange": True}
    figure.update_xaxes(**axes, title_standoff=8)
    figure.update_yaxes(**axes, title_standoff=8)
    return figure


def inert(name: str) -> str:
    """A name as plotly shows it letter by letter; plotly reads some tags and entities in its texts.

    >>> inert("<b>A&B</b>")
    '&lt;b&gt;A&amp;B&lt;/b&gt;'
    """
    # Plotly decodes these three entities and leaves &quot; as it is.
    return name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def shortened(name: str, longest: int = LONGEST_NAME) -> str:
    """A name that fits an axis: its middle is left out, since names differ at their ends.

    >>> shortened("encoder.layers.11.attention.output", 17)
    'encoder.…n.output'
    """
    if len(name) <= longest:
        return name
    head = (longest - 1) // 2
    return f"{name[:head]}…{name[head + 1 - longest :]}"


def layer_axis(layers: Sequence[str]) -> dict[str, Any]:
    """Options of an axis on which layer ``i`` stands at ``i``; at most `MOST_TICKS` of them are named."""
    ticks = spread(len(layers), MOST_TICKS)
    return {
        "tickvals": ticks,
        "ticktext": [inert(shortened(layers[tick], LONGEST_TICK)) for tick in ticks],
        "range": [-0.5, len(layers) - 0.5],
        # Slanted names would reach beyond the figure and be left out.
        "autotickangles": [0, 90],
        "showgrid": False,
        "zeroline": False,
    }


def error_bars(values: np.ndarray, low: np.ndarray, high: np.ndarray) -> dict[str, Any]:
    """Intervals as plotly draws them beside points."""
    # Percentiles of resamples need not hold the value itself.
    above, below = np.maximum(high - values, 0), np.maximum(values - low, 0)
    return {"type": "data", "symmetric": False, "array": above, "arrayminus": below, "thickness": 1, "width": 2}


def spread(count: int, most: int) -> list[int]:
    """At most ``most`` positions out of ``count``, evenly spread, the first and the last among them.

    >>> spread(3, 12), spread(9, 3)
    ([0, 1, 2], [0, 4, 8])
    """
    if count <= most:
        return list(range(count))
    return [int(position) for position in np.linspace(0, count - 1, most).round()]


def depth_colour(depth: int, n_layers: int) -> str:
    """A colour for layer ``depth``: from blue over grey to orange, in the order of depth; the last one vermillion."""
    if depth == n_layers - 1:
        return VERMILLION
    share = depth / max(n_layers - 2, 1)
    red, green, blue = (
        round(float(np.interp(share, (0, 0.5, 1), stops)))
        for stops in zip((0, 114, 178), (140, 140, 140), (230, 159, 0), strict=True)
    )
    return f"#{red:02X}{green:02X}{blue:02X}"


def translucent(colour: str, opacity: float) -> str:
    """A colour ``#rrggbb`` with an opacity.

    >>> translucent("#0072B2", 0.2)
    'rgba(0,114,178,0.2)'
    """
    red, green, blue = bytes.fromhex(colour[1:])
    return f"rgba({red},{green},{blue},{opacity})"


def diverging(share: float) -> str:
    """A colour between vermillion (-1), white (0) and blue (1); grey where there is no number.

    >>> diverging(-1), diverging(0.0), diverging(2), diverging(float("nan"))
    ('#D55E00', '#FFFFFF', '#0072B2', '#808080')
    """
    if np.isnan(share):
        return GREY
    end = bytes.fromhex((BLUE if share > 0 else VERMILLION)[1:])
    weight = min(abs(float(share)), 1.0)
    red, green, blue = (round(255 + weight * (part - 255)) for part in end)
    return f"#{red:02X}{green:02X}{blue:02X}"


def ink_on(colour: str) -> str:
    """Black or white, whichever is read better on a colour ``#rrggbb``.

    Source: relative luminance and contrast, WCAG 2.1.

    >>> ink_on("#0072B2"), ink_on("#FFFFFF")
    ('#FFFFFF', '#000000')
    """
    parts = np.frombuffer(bytes.fromhex(colour[1:]), np.uint8) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    luminance = float(linear @ (0.2126, 0.7152, 0.0722))
    return "#000000" if (luminance + 0.05) ** 2 > 0.05 * 1.05 else "#FFFFFF"
