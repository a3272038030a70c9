"""Results as lines and tables of a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from layerlore.cli.notices import printable
from layerlore.interactions.knowledge import Knowledge

if TYPE_CHECKING:
    from rich.table import Table

NARROWEST = 100
"""Columns to print with where stdout is no terminal."""
NARROWEST_WORDS = 12
"""Letters in a line of a column of words, at least."""


def number(value: float) -> str:
    """Two decimals, or a dash where nothing is defined.

    >>> number(0.666), number(math.nan)
    ('0.67', '-')
    """
    return f"{value:.2f}" if math.isfinite(value) else "-"


def ledger_rows(knowledge: Knowledge) -> Iterator[tuple[str, ...]]:
    """Cells of the ledger, layer by layer and the output last.

    Target, layer, completeness and redundancy with their intervals, ceiling and floor of the completeness, and the
    accuracy of the probe (of the network, for its output) on validation data.
    """
    total = knowledge.ledger(knowledge.manifest["settings"]["reference"]).total
    accuracy = {row["layer"]: row["validation_accuracy"] for row in knowledge.manifest["quality"]}
    rows = total.to_dataframe()
    for target in knowledge.manifest["coords"]["target"]:
        for layer in knowledge.layers:
            compared = layer in total["layer"].values
            cells = _cells(rows.loc[(target, layer)]) if compared else ("-",) * 4
            yield (target, printable(layer), *cells, number(accuracy[layer]))


def ledger_table(knowledge: Knowledge, title: str) -> Table:
    """The rows of `ledger_rows` as a table."""
    several = len(knowledge.manifest["coords"]["target"]) > 1
    columns = ("target", "layer", "completeness", "redundancy", "ceiling", "floor", "probe accuracy")
    rows = (row[not several :] for row in ledger_rows(knowledge))
    return plain_table(title, columns[not several :], rows, left=1 + several)


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


def certificate(knowledge: Knowledge) -> str:
    """How far the splits can be from the best ones, and that no coalition was left out."""
    settings = knowledge.split_settings
    n_coalitions = 1 << knowledge.n_players
    games = knowledge.data["converged"]
    lines = [
        f"all 2**{knowledge.n_players} = {n_coalitions:,} coalitions of every sample were scored, none was sampled",
        f"tolerance on the scores: {settings.kappa:g} of |v(N) - v(empty)|",
    ]
    if settings.solver == "certified":
        lines.append(
            f"worst certified gap: {100 * float(knowledge.data['aligned_gap'].max()):.2f} % (tolerance "
            f"{100 * settings.tolerance:g} %, met by {int(games.sum())} of {games.size} splits); "
            f"against the sparsest splits without a pull: {100 * float(knowledge.data['gap'].max()):.2f} %"
        )
    return "\n".join(lines)


def show(*parts: Any) -> None:
    """Print tables and lines to stdout; file names and the like are taken literally."""
    from rich.console import Console

    console = Console(markup=False, highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = max(console.width, NARROWEST)
    for part in parts:
        console.print(part)


def _cells(row: Any) -> tuple[str, ...]:
    ratios = tuple(
        f"{number(row[name])} [{number(row[f'{name}_low'])}, {number(row[f'{name}_high'])}]"
        for name in ("completeness", "redundancy")
    )
    return (*ratios, number(row["ceiling_completeness"]), number(row["floor_completeness"]))
