"""Marks of trends in print: those of the pages, by matplotlib's names."""

from __future__ import annotations

from typing import Any

from layerlore.figures.groups import group_style

MARKS: dict[str, Any] = {
    "circle": "o",
    "square": "s",
    "diamond": "D",
    "triangle-up": "^",
    "triangle-down": "v",
    "pentagon": "p",
    "star": "*",
    "hexagon": "h",
    "cross": "P",
    # An hourglass does not exist there.
    "hourglass": "X",
    "x-thin-open": "x",
    "line-ew-open": "_",
}


def mark(label: int) -> Any:
    """The marker of a trend (from 0), of outliers (-1) and of frozen layers (-2).

    >>> mark(0), mark(-1)
    ('o', 'x')
    """
    return MARKS[group_style(label).symbol]
