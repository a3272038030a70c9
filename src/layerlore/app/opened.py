"""The runs that someone looks at: few, each read once for all who look."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

MOST_OPEN = 8
LONGEST_IDLE = 600.0
"""Seconds after which a run that nobody looks at is forgotten."""


@dataclass
class Opened:
    """Something that is read by one thread at a time.

    Attributes:
        content: what it is.
        lock: held by who reads it.
        used: when it was asked for last, in seconds of `time.monotonic`.
    """

    content: Any
    lock: Lock = field(default_factory=Lock)
    used: float = 0.0


class OpenRuns:
    """At most so many open runs; those that were not asked for longest are forgotten first.

    Args:
        most: to keep.
        idle: seconds after which one is forgotten.
    """

    def __init__(self, most: int = MOST_OPEN, idle: float = LONGEST_IDLE) -> None:
        self._most, self._idle = most, idle
        self._runs: OrderedDict[tuple[str, Path], Opened] = OrderedDict()
        self._lock = Lock()

    @contextmanager
    def use(self, kind: str, path: Path, make: Callable[[Path], Any]) -> Iterator[Any]:
        """An open run for one reader at a time.

        Args:
            kind: what is made of it.
            path: of its folder.
            make: opens it, where it is not open yet.
        """
        opened = self._opened(kind, path, make)
        with opened.lock:
            yield opened.content

    def __len__(self) -> int:
        return len(self._runs)

    def _opened(self, kind: str, path: Path, make: Callable[[Path], Any]) -> Opened:
        now = time.monotonic()
        with self._lock:
            for key in [key for key, one in self._runs.items() if now - one.used > self._idle]:
                del self._runs[key]
            opened = self._runs.setdefault((kind, path), Opened(None))
            if opened.content is None:
                opened.content = make(path)
            opened.used = now
            self._runs.move_to_end((kind, path))
            while len(self._runs) > self._most:
                self._runs.popitem(last=False)
            return opened
