"""`layerlore serve`: a folder of runs in, a live page out."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from layerlore.app import serve as serve_folder
from layerlore.app.server import HOST, PORT
from layerlore.cli.notices import printable


def serve(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of runs, at any depth.", show_default=False)],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen at; 0 takes any free one.")] = PORT,
    host: Annotated[str, typer.Option(help="Address to listen at; other than loopback only with --expose.")] = HOST,
    expose: Annotated[
        bool, typer.Option("--expose", help="Answer other machines too, to who knows the token.")
    ] = False,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="LAYERLORE_TOKEN",
            help="What a browser has to know, 16 characters or more; with --expose made if left out.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Show the runs under a folder in a browser, and follow those that are being written.

    A training or an explanation shows what it records within two seconds, without a reload. Nothing is written to the
    folder, and links in it are not followed. Stop with Ctrl+C.

    \b
    Examples:
      layerlore serve runs
      layerlore serve runs --port 0           any free port, which is printed
      ssh -L 8050:localhost:8050 trainer layerlore serve runs
                                              runs of another machine, over an encrypted line
      layerlore serve runs --host 0.0.0.0 --expose
                                              for a network that you trust: the line is not encrypted
    """  # noqa: D301 (see app.py)

    def announce(address: str) -> None:
        print(f"serving {printable(str(folder))} at {address}")
        print("stop with Ctrl+C", flush=True)

    # Ctrl+C is how it ends, and the server hears of it first.
    with suppress(KeyboardInterrupt):
        serve_folder(folder, port=port, host=host, expose=expose, token=token, announce=announce)
    sys.stderr.write("\nlayerlore: stopped\n")
