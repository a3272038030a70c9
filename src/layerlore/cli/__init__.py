"""The command line: `layerlore COMMAND`; the commands are in `layerlore.cli.app`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from layerlore.errors import missing_extra

PACKAGES = {"typer": "typer", "pydantic": "pydantic", "yaml": "pyyaml"}
"""What the extra ``cli`` installs: name to import, name to install."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and end the process with its exit code.

    An error that LayerLore raises on purpose is one paragraph on stderr and the error's ``exit_code``; anything else
    is a bug, and keeps its traceback.

    Args:
        arguments: words after the command's name; None takes those of the process.

    Raises:
        SystemExit: always.
    """
    try:
        from layerlore.cli.app import app
    except ModuleNotFoundError as error:
        if error.name not in PACKAGES:
            raise
        missing = missing_extra(PACKAGES[error.name], "cli", "the command line")
        sys.stderr.write(f"layerlore: error: {missing}\n")
        raise SystemExit(missing.exit_code) from None
    app(args=arguments, prog_name="layerlore")
