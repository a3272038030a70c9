"""Progress as an output of a notebook cell that is replaced again and again; nothing has to be installed for it."""

from __future__ import annotations

import sys
import time
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


class CellProgress:
    """A line for each piece of work, in one output of the current cell.

    Args:
        shell: from `kernel_shell`.
    """

    def __init__(self, shell: Any) -> None:
        self._publish = shell.display_pub.publish
        self._id = uuid4().hex
        self._work: dict[str, tuple[float, int, int | None]] = {}
        self._shown = -PAUSE
        self._started = False

    def __call__(self, what: str, done: int, total: int | None) -> None:
        """Keep how far a piece of work is, and show it unless something was shown just now."""
        now = time.monotonic()
        began = self._work[what][0] if what in self._work else now
        self._work[what] = (began, done, total)
        if now - self._shown >= PAUSE:
            self._shown = now
            self.show()

    def show(self) -> None:
        """Replace the output by how far everything is now."""
        if not self._work:
            return
        now = time.monotonic()
        lines = [line(what, done, total, now - began) for what, (began, done, total) in self._work.items()]
        self._publish(
            data={"text/plain": "\n".join(lines)},
            metadata={},
            transient={"display_id": self._id},
            update=self._started,
        )
        self._started = True


def line(what: str, done: int, total: int | None, seconds: float) -> str:
    """How far one piece of work is.

    >>> line("score", 5, 20, 10.0)
    'score                        █████               5/20  0.5/s  0:30 left'
    >>> line("look", 7, None, 0.0)
    'look                         7'
    """
    rate = done / seconds if seconds > 0 and done else 0.0
    speed = f"  {rate:,.0f}/s" if rate >= 10 else f"  {rate:.2g}/s" if rate else ""
    if not total:
        return f"{what:<28} {done}{speed}"
    left = f"  {_clock((total - done) / rate)} left" if rate and done < total else ""
    return f"{what:<28} {'█' * (BAR * min(done, total) // total):<{BAR}}{done}/{total}{speed}{left}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
