"""Progress of long work: what is being done, how far, how fast, how long still."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from layerlore.engines.cells import CellProgress, kernel_shell

Progress = Callable[[str, int, int | None], None]
"""Takes what is being done, how much is done, and of how much (None where unknown)."""


@dataclass
class Counter:
    """Adds up what is done of one piece of work, and reports it.

    Attributes:
        report: takes the progress.
        what: is being done.
        total: of how much; None where unknown.
        done: so far.
    """

    report: Progress
    what: str
    total: int | None
    done: int = 0

    def __call__(self, count: int) -> None:
        """So much more is done."""
        self.done += count
        self.report(self.what, self.done, self.total)

    def finish(self) -> None:
        """There was no more to do than is done, where the total was only the most that there could be."""
        self.total = self.done
        self.report(self.what, self.done, self.total)


def silent(what: str, done: int, total: int | None) -> None:
    """No progress shown."""


@contextmanager
def progress_bars(show: Progress | bool | None = None) -> Iterator[Progress]:
    """One line for each piece of work, with rate and time left: on stderr, or below the cell of a notebook.

    Args:
        show: None shows them in a notebook and where stderr is a terminal, and is silent anywhere else; a function is
            told the progress instead.
    """
    if callable(show):
        yield show
        return
    shell = None if show is False else kernel_shell()
    if shell is not None:
        cell = CellProgress(shell)
        try:
            yield cell
        finally:
            cell.show()
        return
    if not (sys.stderr.isatty() if show is None else show):
        yield silent
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TaskID,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description:<28}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, TaskID] = {}

        def report(what: str, done: int, total: int | None) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total, rate="")
            task = tasks[what]
            speed = bars.tasks[task].speed
            bars.update(task, completed=done, total=total, rate="" if speed is None else f"{speed:,.0f}/s")

        yield report
