"""What goes to stderr: errors as one paragraph, warnings as one line each, never a traceback."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from layerlore.errors import LayerLoreWarning


def printable(text: str) -> str:
    r"""One line that a terminal shows as it is: names from models and files may hold control sequences.

    >>> printable("layer\x1b[2J\n  1")
    'layer?[2J 1'
    """
    return "".join(letter if letter.isprintable() else "?" for letter in " ".join(text.split()))


def complain(error: Exception) -> None:
    """Write an error as one paragraph."""
    sys.stderr.write(f"layerlore: error: {printable(str(error))}\n")


@contextmanager
def notes_on_stderr() -> Iterator[None]:
    """Within the block, LayerLore's own warnings become lines that begin with ``note:``, each said once."""
    said: set[str] = set()

    with warnings.catch_warnings():
        ordinary = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
            if not issubclass(category, LayerLoreWarning):
                ordinary(message, category, *place, **more)
            elif str(message) not in said:
                said.add(str(message))
                sys.stderr.write(f"note: {printable(str(message))}\n")

        warnings.simplefilter("always", LayerLoreWarning)
        warnings.showwarning = show
        yield
