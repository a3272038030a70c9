"""Append-only files of JSON lines: what a killed process was writing is at most the last line, and is left out.

NaN is written as null and infinity as a word, since JSON has neither.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from layerlore.errors import RunError

INFINITIES = {"inf": math.inf, "-inf": -math.inf}


class LineFile:
    """A file that lines are added to, each in one write that is on its way to the disk when `append` returns.

    Args:
        path: of the file; made where it is missing. A last line that was not finished is removed.

    Raises:
        RunError: the file cannot be opened for writing.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._drop_unfinished()
            self._file = self.path.open("ab", buffering=0)
        except OSError as error:
            raise RunError(f"{self.path} cannot be opened for writing ({error.strerror or error})") from error

    def append(self, line: Mapping[str, object]) -> None:
        """Add one line.

        Raises:
            RunError: the disk is full or the file is gone; the lines before are unharmed.
        """
        try:
            self._file.write(json.dumps(_encoded(line), ensure_ascii=False, allow_nan=False).encode("utf-8") + b"\n")
        except OSError as error:
            raise RunError(
                f"could not write to {self.path} ({error.strerror or error}): free space; what was recorded before is "
                "unharmed"
            ) from error

    def close(self) -> None:
        """Close the file; closing twice is harmless."""
        self._file.close()

    def _drop_unfinished(self) -> None:
        if not self.path.exists():
            return
        content = self.path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            with self.path.open("r+b") as file:
                file.truncate(whole)


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The finished lines of a file, in order; none where there is no file.

    Numbers that were NaN come back as None: the reader knows which fields hold numbers.

    Raises:
        RunError: a finished line is no JSON object, or the file cannot be read.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return
    except OSError as error:
        raise RunError(f"{path} cannot be read ({error.strerror or error})") from error
    lines = content.split(b"\n")
    # What follows the last line feed was not finished.
    for number, line in enumerate(lines[:-1], start=1):
        try:
            found = json.loads(line)
        except ValueError as error:
            raise RunError(f"{path}, line {number}, is damaged ({error}): restore the file or record again") from error
        if not isinstance(found, dict):
            raise RunError(f"{path}, line {number}, is damaged (no JSON object): restore the file or record again")
        yield found


def as_number(value: object) -> float:
    """A number as `LineFile` wrote it.

    Raises:
        ValueError: it is none.

    >>> as_number(None), as_number("-inf"), as_number(2)
    (nan, -inf, 2.0)
    """
    if value is None:
        return math.nan
    if isinstance(value, str):
        if value not in INFINITIES:
            raise ValueError(f"{value!r} is no number")
        return INFINITIES[value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{value!r} is no number")
    return float(value)


def _encoded(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else ("inf" if value > 0 else "-inf")
    if isinstance(value, Mapping):
        return {str(key): _encoded(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_encoded(entry) for entry in value]
    return value
