"""The application: its subcommands, and what happens to errors."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import layerlore
from layerlore.cli.compare import compare
from layerlore.cli.demo import demo
from layerlore.cli.explain import HELP, explain
from layerlore.cli.notices import complain, notes_on_stderr
from layerlore.cli.report import report
from layerlore.cli.series import series
from layerlore.cli.serve import serve
from layerlore.cli.show import show
from layerlore.cli.stability import stability
from layerlore.cli.study import study
from layerlore.cli.trends import trends
from layerlore.errors import LayerLoreError

INTERRUPTED = 130
"""Exit code of a process that was told to stop, as shells count it."""


class Commands(TyperGroup):
    """Turns errors into messages and exit codes, for every subcommand alike."""

    def invoke(self, ctx: Any) -> Any:
        """Run the subcommand that was asked for."""
        with notes_on_stderr():
            try:
                return super().invoke(ctx)
            except LayerLoreError as error:
                if ctx.params.get("debug"):
                    raise
                complain(error)
                raise typer.Exit(error.exit_code) from None
            except KeyboardInterrupt:
                sys.stderr.write(
                    "\nlayerlore: stopped; the same command goes on from the last finished sample or step\n"
                )
                raise typer.Exit(INTERRUPTED) from None


app = typer.Typer(
    cls=Commands, no_args_is_help=True, rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False
)


def _version(asked: bool) -> bool:
    if asked:
        print(f"layerlore {layerlore.__version__}")
        raise typer.Exit
    return asked


@app.callback()
def top(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error. Goes before the subcommand.")
    ] = False,
) -> None:
    """What every layer of a neural network knows, when it learned it, and what it forgets.

    \b
    First steps:
      layerlore demo                          watch two small networks learn, and explain them
      layerlore explain explain.yaml          explain your own, as a file describes it
      layerlore series ckpt/*.safetensors --out runs/name
                                              how weights changed from checkpoint to checkpoint
      layerlore trends runs/name              which layers of such a run change alike
      layerlore show runs/name                what a run holds, here in the terminal
      layerlore report runs/name              one HTML page of a finished run
      layerlore serve runs                    the runs of a folder in the browser, live
      layerlore study layerwise --data digits --quick
                                              a paper's study, run again

    Each subcommand has its own --help with an example. Exit codes: 0 done, 2 wrong input or configuration, 3 not
    enough memory, 4 a run folder that cannot be used, 5 a package is missing.
    """  # noqa: D301 (a lone \b keeps the lines of the next paragraph as they are)


app.command(short_help="Train two small networks, watched, and explain them.")(demo)
app.command(help=HELP, short_help="Explain a network that a file describes.")(explain)
app.command(short_help="Measure how steady interactions are under noise.")(stability)
app.command(short_help="Measure the change of weights over checkpoint files.")(series)
app.command(short_help="Group the layers of a run that change alike.")(trends)
app.command(short_help="Print what a run holds, as tables, JSON or CSV.")(show)
app.command(short_help="Set several runs side by side, as tables or JSON.")(compare)
app.command(short_help="Write the HTML page of a finished run.")(report)
app.command(short_help="Show a folder of runs in a browser, live.")(serve)
app.add_typer(study, name="study", short_help="Run a paper's study again, with a verdict on each claim.")
