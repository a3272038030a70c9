"""`layerlore report`: run folders in, an HTML page for each out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from layerlore.errors import InputError

PAGE = "report.html"


def report(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option(help="File to write; report.html in the run folder if left out.", show_default=False)
    ] = None,
) -> None:
    """Write one self-contained HTML page about each run.

    What a run holds decides what its page shows: what the layers know (runs of explain), or how they change through
    training (runs of series and of a WeightTracker).

    \b
    Examples:
      layerlore report runs/mnist_lenet5 --out mnist.html
      layerlore report runs/demo/mlp7 runs/demo/mlp7_training
    """  # noqa: D301 (see app.py)
    if out is not None and len(runs) > 1:
        raise InputError(f"--out names one file, and {len(runs)} runs were given: leave it out, or give one run")
    for run in runs:
        print(f"report: {write_report(run, out)}")


def write_report(run: Path, out: Path | None = None) -> Path:
    """Write the page of a run and return its path.

    Raises:
        RunError: no finished run is there, or the page cannot be written.
        MissingExtraError: the extra ``report`` is not installed.
    """
    from layerlore.report import report as render

    return render(run, run / PAGE if out is None else out)
