"""How trends, outliers and frozen layers look, in every figure alike: a colour and a shape for each."""

from __future__ import annotations

from dataclasses import dataclass

from layerlore.figures.style import BLUE, GREEN, GREY, ORANGE, VERMILLION

OUTLIER, FROZEN = -1, -2
SKY, PURPLE, YELLOW = "#56B4E9", "#CC79A7", "#B8A800"
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, VERMILLION, SKY, YELLOW)
SYMBOLS = (
    "circle",
    "square",
    "diamond",
    "triangle-up",
    "triangle-down",
    "pentagon",
    "star",
    "hexagon",
    "cross",
    "hourglass",
)


@dataclass(frozen=True)
class GroupStyle:
    """How one group is drawn.

    Attributes:
        words: its name.
        colour: ``#rrggbb``.
        symbol: a marker that plotly knows.
    """

    words: str
    colour: str
    symbol: str


def group_style(label: int) -> GroupStyle:
    """The style of a trend (from 0), of outliers (-1) and of frozen layers (-2).

    >>> group_style(0).words, group_style(-1).words
    ('trend 0', 'outlier')
    """
    if label == OUTLIER:
        return GroupStyle("outlier", GREY, "x-thin-open")
    if label == FROZEN:
        return GroupStyle("frozen", GREY, "line-ew-open")
    return GroupStyle(f"trend {label}", COLOURS[label % len(COLOURS)], SYMBOLS[label % len(SYMBOLS)])
