"""Results through depth as lines and tables of a terminal."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from layerlore.cli.fitting import FittedTable, names_of
from layerlore.cli.notices import printable
from layerlore.cli.sparklines import Sparkline, marks_for, per_letter, sparkline
from layerlore.interactions.knowledge import Knowledge
from layerlore.interactions.ledger import RATIOS, Ledger

WIDTH_OF_A_PIPE = 100
"""Columns to print with where stdout is no terminal."""
SHARES = (0.0, 1.0)


def number(value: float) -> str:
    """Two decimals, or a dash where nothing is defined.

    >>> number(0.666), number(math.nan)
    ('0.67', '-')
    """
    return f"{value:.2f}" if math.isfinite(value) else "-"


def significant(value: float) -> str:
    """Three significant digits, or a dash where nothing is defined.

    >>> significant(0.012345), significant(math.nan)
    ('0.0123', '-')
    """
    return f"{value:.3g}" if math.isfinite(value) else "-"


def bracketed(row: Any, name: str) -> str:
    """A number of a table's row with its interval, from ``<name>_low`` to ``<name>_high``.

    >>> bracketed({"mean": 0.5, "mean_low": 0.25, "mean_high": math.nan}, "mean")
    '0.50 [0.25, -]'
    """
    return f"{number(row[name])} [{number(row[f'{name}_low'])}, {number(row[f'{name}_high'])}]"


def ledger_of(knowledge: Knowledge) -> Ledger:
    """The ledger against the reference that the run was explained with, so that nothing is solved again."""
    return knowledge.ledger(knowledge.manifest["settings"]["reference"])


def ledger_rows(knowledge: Knowledge, ledger: Ledger | None = None) -> Iterator[tuple[str, ...]]:
    """Cells of the ledger, layer by layer and the output last.

    Target, layer, completeness and redundancy with their intervals, ceiling and floor of the completeness, and the
    accuracy of the probe (of the network, for its output) on validation data.
    """
    total = (ledger or ledger_of(knowledge)).total
    accuracy = {row["layer"]: row["validation_accuracy"] for row in knowledge.manifest["quality"]}
    rows = total.to_dataframe()
    for target in knowledge.manifest["coords"]["target"]:
        for layer in knowledge.layers:
            compared = layer in total["layer"].values
            cells = _cells(rows.loc[(target, layer)]) if compared else ("-",) * 4
            yield (target, printable(layer), *cells, number(accuracy[layer]))


def ledger_table(knowledge: Knowledge, title: str, ledger: Ledger | None = None) -> FittedTable:
    """The rows of `ledger_rows` as a table."""
    several = len(knowledge.manifest["coords"]["target"]) > 1
    columns = ("target", "layer", "completeness", "redundancy", "ceiling", "floor", "probe accuracy")
    rows = (row[not several :] for row in ledger_rows(knowledge, ledger))
    drop = (("ceiling", "floor"), "probe accuracy")
    return plain_table(title, columns[not several :], rows, left=1 + several, drop=drop)


def depth_table(ledger: Ledger) -> FittedTable:
    """The ledger as lines through the layers: its two shares, and for each order how strong its interactions are.

    Strengths are those of the layer that computes first, AND and OR together, in units of the layer; all orders of a
    target have one scale, so that they can be compared.
    """
    targets = ledger.total.target.values.tolist()
    layers = [str(layer) for layer in ledger.total.layer.values]
    several = len(targets) > 1
    rows = (row[not several :] for target in targets for row in _depth_rows(ledger, target))
    each = per_letter(len(layers))
    shared = f"; a letter is the median of up to {each} layers" if each > 1 else ""
    title = f"through depth, from {layers[0]} to {layers[-1]}{shared}"
    return plain_table(title, ("target", "what", "line", "scale")[not several :], rows, words=range(1 + several))


def plain_table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    left: int = 1,
    words: Iterable[int] | None = None,
    drop: Iterable[str | tuple[str, ...]] = (),
) -> FittedTable:
    """A table with columns of words, which fold where they are too long, and of numbers, which do not.

    Args:
        title: above it.
        columns: their names.
        rows: their cells; hostile text.
        left: how many columns, from the left, are words.
        words: positions of the columns that are words, instead of ``left``.
        drop: columns that a narrow terminal goes without, the first to go first; a tuple goes together.
    """
    return FittedTable(
        title=printable(title),
        columns=tuple(columns),
        rows=tuple(tuple(printable(cell) for cell in row) for row in rows),
        words=frozenset(range(left) if words is None else words),
        drop=names_of(drop),
    )


def certified(knowledge: Knowledge) -> dict[str, float | int | str]:
    """How far the splits can be from the best ones, in numbers.

    ``worst_gap``: with the pull toward the reference; ``worst_gap_without_pull``: against the sparsest splits; NaN
    where nothing was certified. ``met``: how many of the ``splits`` are within ``tolerance``.
    """
    settings, games = knowledge.split_settings, knowledge.data["converged"]
    return {
        "solver": settings.solver,
        "kappa": settings.kappa,
        "tolerance": settings.tolerance,
        "worst_gap": float(knowledge.data["aligned_gap"].max()),
        "worst_gap_without_pull": float(knowledge.data["gap"].max()),
        "met": int(games.sum()),
        "splits": int(games.size),
    }


def certificate(knowledge: Knowledge) -> str:
    """How far the splits can be from the best ones, and that no coalition was left out, in words."""
    found: dict[str, Any] = certified(knowledge)
    n_coalitions = 1 << knowledge.n_players
    lines = [
        f"all 2**{knowledge.n_players} = {n_coalitions:,} coalitions of every sample were scored, none was sampled",
        f"tolerance on the scores: {found['kappa']:g} of |v(N) - v(empty)|",
    ]
    if found["solver"] == "certified":
        lines.append(
            f"worst certified gap: {100 * found['worst_gap']:.2f} % (tolerance {100 * found['tolerance']:g} %, met by "
            f"{found['met']} of {found['splits']} splits); against the sparsest splits without a pull: "
            f"{100 * found['worst_gap_without_pull']:.2f} %"
        )
    return "\n".join(lines)


def drawn(values: np.ndarray, **options: Any) -> Sparkline:
    """A sparkline of letters that stdout can take; options as of `sparkline`."""
    return sparkline(values, marks=marks_for(sys.stdout.encoding), **options)


def scale(line: Sparkline, written: Any = significant) -> str:
    """What the lowest and the highest letter of a line stand for.

    >>> scale(sparkline(np.array([0.5, 2.0]))), scale(sparkline(np.array([np.nan])))
    ('0.5 to 2', '-')
    """
    return f"{written(line.low)} to {written(line.high)}" if math.isfinite(line.low) else "-"


def show(*parts: Any) -> None:
    """Print tables and lines to stdout; file names and the like are taken literally."""
    from rich.console import Console

    _never_fail(sys.stdout)
    console = Console(markup=False, highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = WIDTH_OF_A_PIPE
    for part in parts:
        console.print(part)


def _never_fail(stream: Any) -> None:
    # A name that the encoding of a terminal has no letters for is shown with question marks.
    if hasattr(stream, "reconfigure") and "utf" not in (stream.encoding or "").lower():
        stream.reconfigure(errors="replace")


def _cells(row: Any) -> tuple[str, ...]:
    return (
        *(bracketed(row, name) for name in RATIOS),
        number(row["ceiling_completeness"]),
        number(row["floor_completeness"]),
    )


def _depth_rows(ledger: Ledger, target: str) -> Iterator[tuple[str, ...]]:
    for name in RATIOS:
        line = drawn(ledger.total[name].sel(target=target).values, ends=SHARES)
        yield (target, name, line.text, scale(line))
    strengths = ledger.by_order["all_earlier"].sel(target=target).sum("op").transpose("order", "layer")
    ends = 0.0, float(strengths.max())
    whose = "" if ledger.reference == "final" else ", the earlier layer"
    for order, values in zip(strengths.order.values.tolist(), strengths.values, strict=True):
        line = drawn(values, ends=ends)
        yield (target, f"strength of order {order}{whose}", line.text, scale(line))
