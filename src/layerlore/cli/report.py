"""`layerlore report`: a run folder in, one HTML page out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

PAGE = "report.html"


def report(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option(help="File to write; report.html in the run folder if left out.", show_default=False)
    ] = None,
) -> None:
    """Write one self-contained HTML page about a finished run.

    \b
    Example:
      layerlore report runs/mnist_lenet5 --out mnist.html
    """  # noqa: D301 (see app.py)
    print(f"report: {write_report(run, out)}")


def write_report(run: Path, out: Path | None = None) -> Path:
    """Write the page of a run and return its path.

    Raises:
        RunError: no finished run is there, or the page cannot be written.
        MissingExtraError: the extra ``report`` is not installed.
    """
    from layerlore.report import report as render

    return render(run, run / PAGE if out is None else out)
