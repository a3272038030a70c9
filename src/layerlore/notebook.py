"""Results as small HTML tables, which notebooks show at the end of a cell.

A result's ``_repr_html_`` gives texts to `card` and nothing else: words come from models and data and are hostile, so
one function escapes them all. There is no script, no address and no colour of text or ground, so that a card takes on
the colours of the notebook around it, light or dark.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import Literal

MOST_ROWS, MOST_NOTES = 12, 5
NOTHING = "-"
"""Stands where a number is not defined."""

_CARD = "overflow-x: auto; line-height: 1.4"
_LINE = "margin: 0 0 0.4em 0"
_NOTE = f"{_LINE}; border-left: 4px solid #d55e00; padding-left: 0.6em"
_SMALL = "margin: 0.4em 0 0 0; opacity: 0.8; font-size: 0.9em"
_TABLE = "border-collapse: collapse; margin: 0; font-variant-numeric: tabular-nums"
_HEAD = "border-bottom: 1px solid currentColor"
_CELL = "padding: 0.15em 1em 0.15em 0; vertical-align: top"


def counted(count: int, noun: str) -> str:
    """So many of something.

    >>> counted(1, "layer"), counted(1500, "layer")
    ('1 layer', '1,500 layers')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def card(
    title: str,
    columns: Sequence[str] = (),
    rows: Iterable[Sequence[str]] = (),
    *,
    notes: Sequence[str] = (),
    words: Iterable[int] = (0,),
    keep: Literal["spread", "first"] = "spread",
    hint: str = "",
) -> str:
    """A headline, warnings and a small table as HTML.

    Args:
        title: in words; what stands before the first colon is set in bold.
        columns: names of the columns.
        rows: their cells; at most `MOST_ROWS` are shown, and how many are left out is said.
        notes: warnings, shown before the table; at most `MOST_NOTES`, likewise.
        words: positions of the columns of words; those of numbers are flush right.
        keep: of many rows, some evenly spread (the first and the last among them), or the first.
        hint: how to read the table, or what to call next.

    Returns:
        HTML with every text escaped, control characters as question marks.

    >>> card("Result: <1 layer>")
    '<div style="overflow-x: auto; line-height: 1.4"><p style="margin: 0 0 0.4em 0"><b>Result</b>: &lt;1 layer&gt;</p></div>'
    """  # noqa: E501 (the HTML is one line)
    name, colon, rest = title.partition(":")
    parts = [_paragraph(_LINE, f"<b>{_safe(name)}</b>{colon}{_safe(rest, lead=' ')}")]
    parts += [_paragraph(_NOTE, _safe(f"Note: {note}")) for note in notes[:MOST_NOTES]]
    if len(notes) > MOST_NOTES:
        parts.append(_paragraph(_NOTE, f"and {len(notes) - MOST_NOTES} more notes"))
    cells = list(rows)
    if cells:
        shown = [cells[place] for place in places(len(cells), keep)]
        parts.append(_table(columns, shown, frozenset(words)))
        if len(shown) < len(cells):
            which = "evenly spread" if keep == "spread" else "the first ones"
            parts.append(_paragraph(_SMALL, f"{len(shown)} of {len(cells)} rows, {which}"))
    if hint:
        parts.append(_paragraph(_SMALL, _safe(hint)))
    return f'<div style="{_CARD}">{"".join(parts)}</div>'


def places(count: int, keep: Literal["spread", "first"] = "spread", most: int = MOST_ROWS) -> list[int]:
    """Which of ``count`` rows are shown.

    >>> places(3), places(5, "first", 2), places(5, "spread", 3)
    ([0, 1, 2], [0, 1], [0, 2, 4])
    """
    if count <= most or keep == "first":
        return list(range(min(count, most)))
    return [round(place * (count - 1) / (most - 1)) for place in range(most)]


def number(value: float, digits: int = 3) -> str:
    """A number with some significant digits.

    >>> number(0.01234567), number(1234.5, 2), number(math.nan)
    ('0.0123', '1.2e+03', '-')
    """
    return f"{value:.{digits}g}" if math.isfinite(value) else NOTHING


def decimal(value: float, digits: int = 2) -> str:
    """A number with some decimals.

    >>> decimal(0.999, 3), decimal(math.nan)
    ('0.999', '-')
    """
    return f"{value:.{digits}f}" if math.isfinite(value) else NOTHING


def between(value: float, low: float, high: float) -> str:
    """A number with two decimals and the ends of its interval, where they are known.

    >>> between(0.5, 0.4, 0.6), between(0.5, math.nan, math.nan), between(math.nan, 0.1, 0.2)
    ('0.50 [0.40, 0.60]', '0.50', '-')
    """
    ends = f" [{low:.2f}, {high:.2f}]" if all(map(math.isfinite, (value, low, high))) else ""
    return decimal(value) + ends


def listed(names: Sequence[str], most: int = 3) -> str:
    """Some names, and how many more there are.

    >>> listed(["a", "b"]), listed(["a", "b", "c", "d", "e"])
    ('a, b', 'a, b, c and 2 more')
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], words: frozenset[int]) -> str:
    # Numbers do not wrap: a card that is too wide scrolls.
    sides = ["left" if place in words else "right; white-space: nowrap" for place in range(len(columns))]
    head = "".join(
        f'<th scope="col" style="text-align: {side}; {_CELL}">{_safe(name)}</th>'
        for name, side in zip(columns, sides, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f'<td style="text-align: {side}; {_CELL}">{_safe(cell)}</td>' for cell, side in zip(row, sides, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    return f'<table style="{_TABLE}"><thead><tr style="{_HEAD}">{head}</tr></thead><tbody>{body}</tbody></table>'


def _paragraph(style: str, html: str) -> str:
    return f'<p style="{style}">{html}</p>'


def _safe(text: str, lead: str = "") -> str:
    line = " ".join(text.split())
    return lead * bool(line) + escape("".join(letter if letter.isprintable() else "?" for letter in line))
