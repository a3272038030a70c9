"""The page of a study: its verdicts in short, its runs, and the way to its report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dash import html

from layerlore.app import parts, runs_page
from layerlore.app.listing import Listing
from layerlore.report.study import TITLES
from layerlore.report.study_file import FAILS, HOLDS, OPEN, read_study


def layout(place: str, path: Path) -> list[Any]:
    """The page, which does not change: a study is written when it is finished.

    Raises:
        RunError: the study is damaged.
    """
    study = read_study(path)
    holding, failing, open_ = (study.count(verdict) for verdict in (HOLDS, FAILS, OPEN))
    entries, complete = Listing(path).entries()
    return [
        *parts.heading([TITLES.get(study.study, study.study)], place),
        parts.listed("Read this first", study.notes),
        html.P(
            f"Of {len(study.claims)} claims {holding} hold, {failing} do not, {open_} are not decidable at this size."
        ),
        parts.report_link(place),
        html.H2("Its runs"),
        *runs_page.shown([entry for entry in entries if entry.place], complete, place),
    ]
