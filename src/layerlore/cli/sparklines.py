"""Numbers as one short line of blocks, with the ends of its scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from layerlore.errors import InputError

WIDTH = 16
"""Letters of a line, at most."""

Numbers = Float[np.ndarray, "n_values"]


@dataclass(frozen=True)
class Marks:
    """Letters that lines are made of.

    Attributes:
        levels: from the lowest number to the highest.
        gap: where there is no finite number.
        zero: 0 on a logarithmic scale, which has no place for it.
    """

    levels: str
    gap: str
    zero: str


BLOCKS = Marks("▁▂▃▄▅▆▇█", gap="·", zero="_")
ASCII = Marks(".:-=+*#@", gap="?", zero="_")


@dataclass(frozen=True)
class Sparkline:
    """A line of blocks and what its lowest and its highest letter stand for.

    Attributes:
        text: one letter for each number, or for each bin of neighbouring numbers.
        low: the number at the lowest level; NaN where no number has a place.
        high: the number at the highest level.
        per_letter: numbers that a letter stands for, at most; it shows their median.
    """

    text: str
    low: float
    high: float
    per_letter: int


def marks_for(encoding: str | None) -> Marks:
    """Blocks, or letters of ASCII where an encoding has no blocks.

    >>> marks_for("utf-8").levels, marks_for("latin-1").levels
    ('▁▂▃▄▅▆▇█', '.:-=+*#@')
    """
    try:
        (BLOCKS.levels + BLOCKS.gap).encode(encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return BLOCKS


def sparkline(
    values: Numbers,
    *,
    logarithmic: bool = False,
    ends: tuple[float, float] | None = None,
    width: int = WIDTH,
    marks: Marks = BLOCKS,
) -> Sparkline:
    """Numbers as a line of blocks.

    Args:
        values: in order; where there are more than ``width``, neighbours share a letter, which shows their median.
        logarithmic: whether heights go with the logarithm. Numbers below 0 then have no place and are gaps.
        ends: numbers at the lowest and the highest level; None takes those of the line itself, on a logarithmic scale
            the least one above 0. Numbers beyond the ends are drawn at the ends.
        width: letters, at most.
        marks: the letters.

    Returns:
        The line. Gaps are where at least half of a bin is not finite. A line whose ends are the same at three digits is
        flat, at half height: what varies there would be noise made large.

    Raises:
        InputError: ends that a logarithmic scale cannot have.

    >>> sparkline(np.array([1.0, 10.0, np.nan, 0.0, 100.0]), logarithmic=True)
    Sparkline(text='▁▅·_█', low=1.0, high=100.0, per_letter=1)
    >>> sparkline(np.array([0.2, 0.2])).text
    '▄▄'
    """
    if logarithmic and ends is not None and ends[0] <= 0:
        raise InputError(f"ends={ends} of a logarithmic scale: both must lie above 0")
    shown = thinned(values, width)
    if logarithmic:
        shown = np.where(shown >= 0, shown, np.nan)
    placed = shown[np.isfinite(shown) & ((shown > 0) | (not logarithmic))]
    low, high = ends or ((float(placed.min()), float(placed.max())) if placed.size else (math.nan, math.nan))
    text = "".join(_letter(value, low, high, logarithmic, marks) for value in shown.tolist())
    return Sparkline(text, low, high, per_letter(len(values), width))


def per_letter(count: int, width: int = WIDTH) -> int:
    """How many of ``count`` numbers a letter stands for, at most.

    >>> per_letter(16), per_letter(17)
    (1, 2)
    """
    return max(1, math.ceil(count / width))


def thinned(values: Numbers, width: int) -> Float[np.ndarray, "n_bins"]:
    """Medians of at most ``width`` bins of neighbours; NaN where at least half of a bin is not finite."""
    bins = np.array_split(values.astype(np.float64), min(width, len(values)) or 1)
    return np.array([_median(part) for part in bins if len(part)], dtype=np.float64)


def _median(part: Numbers) -> float:
    finite = part[np.isfinite(part)]
    if len(part) > 1 and 2 * len(finite) <= len(part):
        return math.nan
    return _middle(np.sort(finite)) if len(finite) else math.nan


def _middle(ordered: Sequence[float] | Numbers) -> float:
    # The sum of two of the largest numbers would be infinite, half of each is not.
    low, high = float(ordered[(len(ordered) - 1) // 2]), float(ordered[len(ordered) // 2])
    return low if low == high else low / 2 + high / 2


def _letter(value: float, low: float, high: float, logarithmic: bool, marks: Marks) -> str:
    if not math.isfinite(value):
        return marks.gap
    if logarithmic and value == 0:
        return marks.zero
    top = len(marks.levels) - 1
    place = math.log if logarithmic else _halved
    span = place(high) - place(low)
    if f"{low:.3g}" == f"{high:.3g}" or not span:
        return marks.levels[top // 2]
    share = (place(value) - place(low)) / span
    return marks.levels[round(min(max(share, 0.0), 1.0) * top)]


def _halved(value: float) -> float:
    # The difference of two numbers can be twice the largest one there is.
    return value / 2
