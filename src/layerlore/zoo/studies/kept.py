"""What a study's folder holds already is taken up only where it was made of the same things."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from layerlore.errors import RunError
from layerlore.storage import differences


def check_kept(path: Path, asked: Mapping[str, object], found: object) -> None:
    """Raise `RunError` unless a file was made of what is asked for now; the message says what differs."""
    different = differences(asked, found)
    if different:
        raise RunError(f"{path} was made otherwise ({different}): choose another --out, or remove it")
