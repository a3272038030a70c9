"""`layerlore report`: run folders in, HTML pages out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from layerlore.errors import InputError


def report(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs.", show_default=False)],
    out: Annotated[
        Path | None,
        typer.Option(
            help="File to write; left out, report.html in the run folder, and comparison.html beside several runs (in "
            "the current folder, where the runs lie in different ones).",
            show_default=False,
        ),
    ] = None,
    each: Annotated[
        bool, typer.Option("--each", help="One page for each of several runs, instead of one that compares them.")
    ] = False,
) -> None:
    """Write one self-contained HTML page about a run, or one that sets several runs side by side.

    What a run holds decides what its page shows: what the layers know (runs of explain), or how they change through
    training (runs of series and of a WeightTracker). One page may compare runs of both kinds, each with its like.

    \b
    Examples:
      layerlore report runs/mnist_lenet5 --out mnist.html
      layerlore report runs/demo/mlp7 runs/demo/small_resnet
      layerlore report runs/demo/mlp7 runs/demo/mlp7_training --each
    """  # noqa: D301 (see app.py)
    if len(runs) > 1 and not each:
        from layerlore.report import report as render

        print(f"comparison: {render(runs, out)}")
        return
    if out is not None and len(runs) > 1:
        raise InputError(
            f"--out names one file, and --each writes {len(runs)}: leave --out out, or leave --each out for one page "
            "that compares the runs"
        )
    for run in runs:
        print(f"report: {write_report(run, out)}")


def write_report(run: Path, out: Path | None = None) -> Path:
    """Write the page of a run and return its path.

    Raises:
        RunError: no finished run is there, or the page cannot be written.
        MissingExtraError: the extra ``report`` is not installed.
    """
    from layerlore.report import report as render

    return render(run, out)
