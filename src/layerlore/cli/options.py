"""Options that several subcommands share."""

from pathlib import Path
from typing import Annotated

import typer

Changes = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY.SUB=VALUE", help="Change a key; may be repeated.", show_default=False),
]
RunFolder = Annotated[Path | None, typer.Option(help="Run folder, instead of the file's.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON, and nothing else.")]
