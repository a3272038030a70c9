"""Report pages on demand, kept until a file of the run changes."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from pathlib import Path
from threading import Lock

from layerlore.app.explaining import Explaining
from layerlore.app.folders import check_own
from layerlore.app.listing import signature
from layerlore.dynamics.history import History
from layerlore.errors import RunError
from layerlore.interactions.knowledge import KIND as KNOWLEDGE
from layerlore.interactions.stages import STAGES
from layerlore.report.frame import PAGE
from layerlore.report.page import render
from layerlore.report.study_file import KIND as STUDY
from layerlore.storage import read_manifest

MOST_KEPT = 4
"""Pages in memory, of some megabytes each."""


class Reports:
    """Makes pages, one at a time, and keeps the last few.

    Args:
        root: the served folder, resolved; nothing outside of it is read.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._pages: OrderedDict[tuple[object, ...], str] = OrderedDict()
        self._lock = Lock()

    def page(self, run: Path) -> tuple[str, str]:
        """The page of a run as text, and a short name that changes with it.

        Raises:
            RunError: the run is missing, damaged or unfinished.
            MissingExtraError: jinja2 is not installed.
        """
        key = (run, signature(run))
        with self._lock:
            if key not in self._pages:
                self._pages[key] = made(run, self._root)
            self._pages.move_to_end(key)
            while len(self._pages) > MOST_KEPT:
                self._pages.popitem(last=False)
            return self._pages[key], hashlib.sha256(repr(key).encode("utf-8", "surrogateescape")).hexdigest()[:20]


def made(run: Path, root: Path) -> str:
    """The page that `layerlore report` writes, as text; nothing is written.

    Args:
        run: its folder.
        root: the served folder, resolved; nothing outside of it is read.

    Raises:
        RunError: the run is missing, damaged or unfinished.
        MissingExtraError: jinja2 is not installed.
    """
    check_own(run)
    kind = read_manifest(run)["kind"]
    if kind == STUDY:
        from layerlore.report.study import study_page

        return study_page(run, run / PAGE)
    if kind != KNOWLEDGE:
        return render(History.load(run))
    explaining = Explaining(run)
    explaining.look(seconds=0)
    if explaining.trouble:
        raise RunError(explaining.trouble)
    if not explaining.finished:
        done = ", ".join(f"{explaining.done(stage)} have their {stage}" for stage in STAGES)
        raise RunError(
            f"the run is not finished: of {explaining.n_samples} samples {done}. Its report comes after that"
        )
    return render(explaining.knowledge(), root)
