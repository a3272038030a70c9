"""A reading that is killed after its second weight: ``python -m reference.killed_series CHECKPOINTS RUN``."""

from __future__ import annotations

import os
import signal
import sys

from layerlore.dynamics.series import read_series
from layerlore.storage import LineFile


def main(checkpoints: str, run: str) -> None:
    """Read, and die in the middle of the third line."""
    append = LineFile.append
    lines = 0

    def append_or_die(file: LineFile, line: dict) -> None:
        nonlocal lines
        lines += 1
        if lines == 3:
            with file.path.open("ab", buffering=0) as half:
                half.write(b'{"layer": "7.we')
            os.kill(os.getpid(), signal.SIGKILL)
        append(file, line)

    LineFile.append = append_or_die  # type: ignore[method-assign,assignment]
    read_series(checkpoints, run=run)


if __name__ == "__main__":
    main(*sys.argv[1:])
