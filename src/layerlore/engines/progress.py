"""Progress of long work: what is being done, how far, how fast, how long still."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = Callable[[str, int, int | None], None]
"""Takes what is being done, how much is done, and of how much (None where unknown)."""


def silent(what: str, done: int, total: int | None) -> None:
    """No progress shown."""


@contextmanager
def progress_bars(show: Progress | bool | None = None) -> Iterator[Progress]:
    """One line on stderr for each piece of work, with rate and time left.

    Args:
        show: None shows them where stderr is a terminal; a function is told the progress instead.
    """
    if callable(show):
        yield show
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
