"""Progress as an output of a notebook cell that is replaced again and again; nothing has to be installed for it."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

PAUSE = 0.25
"""Seconds between two updates, at least: a notebook keeps up with no more."""
BAR = 20
"""Letters of a full bar."""


def kernel_shell() -> Any | None:
    """IPython's shell where this process is the kernel of a notebook; None anywhere else, and in a terminal's IPython.

    IPython is never imported: in a kernel it is there already.
    """
    find = getattr(sys.modules.get("IPython"), "get_ipython", None)
    shell = find() if find is not None else None
    return shell if any(kind.__name__ == "ZMQInteractiveShell" for kind in type(shell).__mro__) else None


@dataclass(frozen=True)
class Work:
    """How far one piece of work is.

    Attributes:
        what: is being done.
        done: so much of it.
        total: of how much; None where unknown.
        seconds: from the first report to the last: what takes its turn afterwards does not slow it down.
        first: what was done at the first report; how long that took is not known.
    """

    what: str
    done: int
    total: int | None
    seconds: float = 0.0
    first: int = 0

    @property
    def rate(self) -> float:
        """How much is done in a second; 0 where it is not known."""
        return (self.done - self.first) / self.seconds if self.seconds > 0 else 0.0


class CellProgress:
    """A line for each piece of work, in one output of the current cell.

    Args:
        shell: from `kernel_shell`.
    """

    def __init__(self, shell: Any) -> None:
        self._publish = shell.display_pub.publish
        self._id = uuid4().hex
        self._work: dict[str, tuple[float, Work]] = {}
        self._shown = -PAUSE
        self._started = False

    def __call__(self, what: str, done: int, total: int | None) -> None:
        """Keep how far a piece of work is, and show it unless something was shown just now."""
        now = time.monotonic()
        began, work = self._work.get(what, (now, Work(what, done, total, first=done)))
        self._work[what] = began, Work(what, done, total, now - began, work.first)
        if now - self._shown >= PAUSE:
            self._shown = now
            self.show()

    def show(self) -> None:
        """Replace the output by how far everything is now."""
        if not self._work:
            return
        self._publish(
            data={"text/plain": "\n".join(line(work) for _, work in self._work.values())},
            metadata={},
            transient={"display_id": self._id},
            update=self._started,
        )
        self._started = True


def line(work: Work) -> str:
    """A piece of work in one line: a bar, how much of how much, how fast, how long still.

    >>> line(Work("scores", 1500, 6000, 10.0))
    'scores                       █████                1,500/6,000  150/s  0:30 left'
    >>> line(Work("read data", 7, None))
    'read data                    7'
    """
    rate, total = work.rate, work.total
    speed = f"  {rate:,.0f}/s" if rate >= 10 else f"  {rate:.2g}/s" if rate else ""
    if not total:
        return f"{work.what:<28} {work.done:,}{speed}"
    left = f"  {_clock((total - work.done) / rate)} left" if rate and work.done < total else ""
    bar = "█" * (BAR * min(work.done, total) // total)
    return f"{work.what:<28} {bar:<{BAR}} {work.done:,}/{total:,}{speed}{left}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
