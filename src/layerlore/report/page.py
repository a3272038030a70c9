"""The report of a run: what it holds decides which page is made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from layerlore.dynamics.history import History
from layerlore.errors import InputError
from layerlore.interactions.knowledge import Knowledge
from layerlore.report.depth import depth_page
from layerlore.report.frame import PAGE
from layerlore.report.study_file import KIND as STUDY
from layerlore.results import load
from layerlore.storage import read_manifest, write_text

Reported = Path | str | Knowledge | History
"""What a page can be about."""


def report(run_folder: Reported | Sequence[Reported], path: Path | str | None = None) -> Path:
    """Write the report of a finished run: one HTML file with everything in it.

    A run through depth gets the page of what its layers know, compared with the reference that it was explained with,
    so that nothing is solved again. A run through training gets the page of how its layers change; trends and findings
    that stand in the folder are taken from there. A study folder gets the page of its claims. Several runs get one page
    that sets them side by side.

    Args:
        run_folder: folder of a run or of a study, a `Knowledge` or a `History`; or several runs in a list.
        path: file to write; None takes ``report.html`` in the run folder, and ``comparison.html`` beside several runs.

    Returns:
        The path of the file.

    Raises:
        RunError: the run is missing, damaged or unfinished, or the file cannot be written (an older one is unchanged).
        InputError: a result that lives in memory, and no path; too many runs, or a study among several.
        MissingExtraError: plotly or jinja2 is not installed.
    """
    if isinstance(run_folder, Sequence) and not isinstance(run_folder, str):
        from layerlore.report.comparison import report_comparison

        if len(run_folder) == 1:
            return report(run_folder[0], path)
        return report_comparison(run_folder, path)
    if not isinstance(run_folder, Knowledge | History) and read_manifest(run_folder)["kind"] == STUDY:
        return _report_study(Path(run_folder), Path(run_folder) / PAGE if path is None else Path(path))
    result = run_folder if isinstance(run_folder, Knowledge | History) else load(run_folder)
    if path is None:
        if result.path is None:
            what = "knowledge" if isinstance(result, Knowledge) else "history"
            raise InputError(f"this {what} lives in memory and has no folder: pass path= to say where its report goes")
        path = result.path / PAGE
    path = Path(path)
    write_text(path, render(result))
    return path


def render(result: Knowledge | History, within: Path | None = None) -> str:
    """The page of a result as text.

    Args:
        result: what it is about.
        within: a folder, resolved, outside of which nothing is read that belongs to the run; None has no such limit.

    Raises:
        MissingExtraError: plotly or jinja2 is not installed.
    """
    if isinstance(result, Knowledge):
        return depth_page(result, within)
    from layerlore.report.training import training_page

    return training_page(result)


def _report_study(folder: Path, path: Path) -> Path:
    from layerlore.report.study import study_page

    write_text(path, study_page(folder, path))
    return path
