"""Runs through training as lines and tables of a terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from layerlore.cli.notices import printable
from layerlore.cli.tables import number, plain_table
from layerlore.dynamics.history import History
from layerlore.dynamics.trends import Trends
from layerlore.figures.depth import steps_in_words, thirds
from layerlore.report.trends_summary import group_facts

if TYPE_CHECKING:
    from rich.table import Table

ALONE = ("outlier", "frozen")
MOST_LAYERS = 40
"""Layers that a table of the terminal shows at most; the report has them all."""


def significant(value: float) -> str:
    """Three significant digits, or a dash where nothing is defined.

    >>> significant(0.012345), significant(math.nan)
    ('0.0123', '-')
    """
    return f"{value:.3g}" if math.isfinite(value) else "-"


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
