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
class Look:
    """Of one group.

    Attributes:
        words: its name.
        colour: ``#rrggbb``.
        symbol: a marker that plotly knows.
    """

    words: str
    colour: str
    symbol: str


def look(label: int) -> Look:
    """The look of a trend (from 0), of outliers (-1) and of frozen layers (-2).

    >>> look(0).words, look(-1).words
    ('trend 0', 'outlier')
    """
    if label == OUTLIER:
        return Look("outlier", GREY, "x-thin-open")
    if label == FROZEN:
        return Look("frozen", GREY, "line-ew-open")
    return Look(f"trend {label}", COLOURS[label % len(COLOURS)], SYMBOLS[label % len(SYMBOLS)])
