"""Runs through training as lines and tables of a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from layerlore.cli.notices import printable
from layerlore.cli.tables import number
from layerlore.dynamics.history import History
from layerlore.dynamics.trends import Trends
from layerlore.figures.depth import steps_in_words, thirds
from layerlore.report.trends_summary import group_facts

if TYPE_CHECKING:
    from rich.table import Table

ALONE = ("outlier", "frozen")
NARROWEST_WORDS = 12
"""Letters in a line of a column of words, at least."""
MOST_LAYERS = 40
"""Layers that a table of the terminal shows at most; the report has them all."""


def significant(value: float) -> str:
    """Three significant digits, or a dash where nothing is defined.

    >>> significant(0.012345), significant(math.nan)
    ('0.0123', '-')
    """
    return f"{value:.3g}" if math.isfinite(value) else "-"


def plain_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1, words: Sequence[int] | None = None
) -> Table:
    """A table with columns of words, which fold where they are too long, and of numbers, which do not.

    Args:
        title: above it.
        columns: their names.
        rows: their cells; hostile text.
        left: how many columns, from the left, are words.
        words: positions of the columns that are words, instead of ``left``.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    cells = [[printable(cell) for cell in row] for row in rows]
    table = Table(title=Text(printable(title)), box=box.SIMPLE_HEAD, title_justify="left", collapse_padding=True)
    for place, name in enumerate(columns):
        told = place < left if words is None else place in words
        longest = max(len(name), *(len(row[place]) for row in cells), 0)
        table.add_column(
            name,
            justify="left" if told else "right",
            overflow="fold",
            no_wrap=not told,
            # A table may be wider than the terminal, whose own wrapping loses nothing; cut numbers would be wrong ones.
            min_width=min(longest, NARROWEST_WORDS) if told else longest,
        )
    for row in cells:
        table.add_row(*map(Text, row))
    return table


def trends_table(trends: Trends, history: History, title: str) -> Table:
    """A row for each trend, for outliers and for frozen layers.

    Layers, change of the median member in the first and the last third, stability, kinds, and what is over-represented.
    """
    found = thirds(history, trends.measure)
    early, late = steps_in_words(found.first_steps), steps_in_words(found.last_steps)
    columns = ("group", "layers", f"change {early}", late, "stability")
    rows = (
        (
            group.name,
            str(len(group.members)),
            significant(group.first),
            significant(group.last),
            number(group.stability),
            ", ".join(f"{count} {kind}" for kind, count in group.kinds),
            "; ".join(group.common) or "nothing",
        )
        for group in group_facts(trends, history)
    )
    return plain_table(title, (*columns, "kinds", "over-represented"), rows, words=(0, 5, 6))


def evidence_table(trends: Trends) -> Table:
    """A row for each number of trends that was tried; the chosen one is marked."""
    rows = (
        (
            f"{line['n_clusters']}{' *' if line['chosen'] else ''}",
            *(number(math.nan if line[name] is None else line[name]) for name in ("silhouette", "gap", "gap_error")),
            number(math.nan if line["stability"] is None else line["stability"]),
            line["why_not"],
        )
        for line in trends.evidence
    )
    columns = ("trends", "silhouette", "gap", "error", "stability", "why not")
    return plain_table("evidence for the number of trends (* taken)", columns, rows, words=(5,))


def trends_lines(trends: Trends) -> list[str]:
    """How certain the trends are, what was done to the numbers, and what a reader has to know."""
    lines = []
    if math.isfinite(trends.stability):
        low, high = trends.stability_interval
        lines.append(
            f"stability: {number(trends.stability)} [{number(low)}, {number(high)}] (1 the same every time, 0 chance)"
        )
    done = [f"{line['step']} ({line['count']})" for line in trends.cleaning if line["count"]]
    lines.append(f"cleaning: {', '.join(done) or 'nothing'}")
    if trends.dropped:
        lines.append(f"left out by the recipe: {', '.join(map(printable, trends.dropped))}")
    lines.extend(f"{name}: {', '.join(map(printable, trends.groups[name]))}" for name in ALONE if trends.groups[name])
    return lines + [f"note: {printable(note)}" for note in trends.notes]
