"""Tables that a narrow terminal never cuts: columns are left out and named, or rows are stacked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.table import Table
    from rich.text import Text

NARROWEST_WORDS = 28
"""Letters in a line of a column of words, at least: names of layers are seldom longer."""
PLENTY = 100_000
"""Columns that no table needs."""


@dataclass(frozen=True)
class FittedTable:
    """A table that rich prints as wide as there is room; its texts are printable.

    A pipe has no width: there all columns stand, in as many letters as they need.

    Attributes:
        title: above it.
        columns: their names.
        rows: their cells.
        words: positions of the columns of words, which fold where they are too long; those of numbers do not.
        drop: names of columns that go together, in the order in which they are left out for want of room.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: frozenset[int]
    drop: tuple[tuple[str, ...], ...] = ()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """What is printed, from a table with all columns to rows stacked."""
        every = tuple(range(len(self.columns)))
        for left_out in self._choices():
            kept = tuple(place for place in every if self.columns[place] not in left_out)
            table = self._table(kept)
            # Rich measures no wider than there is room, so it is asked as if there were plenty.
            least = console.measure(table, options=options.update(width=PLENTY)).minimum
            if not console.is_terminal and least > options.max_width:
                table.width = least
            if not console.is_terminal or least <= options.max_width:
                yield table
                if left_out:
                    yield _text(f"left out for want of room: {', '.join(left_out)}")
                return
        yield from self._stacked()

    def _choices(self) -> Iterator[tuple[str, ...]]:
        """Names to leave out: none, then more and more."""
        gone: tuple[str, ...] = ()
        yield gone
        for names in self.drop:
            gone += tuple(name for name in names if name in self.columns)
            yield gone

    def _table(self, kept: Sequence[int]) -> Table:
        from rich import box
        from rich.table import Table

        table = Table(title=_text(self.title), box=box.SIMPLE_HEAD, title_justify="left", collapse_padding=True)
        for place in kept:
            told = place in self.words
            longest = max(len(self.columns[place]), *(len(row[place]) for row in self.rows), 0)
            table.add_column(
                _text(self.columns[place]),
                justify="left" if told else "right",
                overflow="fold",
                no_wrap=not told,
                # A table may be wider than what it is printed on: cut numbers would be wrong ones.
                min_width=min(longest, NARROWEST_WORDS) if told else longest,
            )
        for row in self.rows:
            table.add_row(*(_text(row[place]) for place in kept))
        return table

    def _stacked(self) -> Iterator[Text]:
        """A line for each cell; lines that are too long wrap, and lose nothing."""
        yield _text(self.title)
        for row in self.rows:
            yield _text("")
            yield _text(f"{self.columns[0]}: {row[0]}")
            yield from (_text(f"  {name}: {cell}") for name, cell in zip(self.columns[1:], row[1:], strict=True))


def names_of(drop: Iterable[str | tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
    """Groups of names, where a name alone is a group of its own.

    >>> names_of(["kind", ("change", "range")])
    (('kind',), ('change', 'range'))
    """
    return tuple((group,) if isinstance(group, str) else group for group in drop)


def _text(words: str) -> Text:
    from rich.text import Text

    return Text(words)
