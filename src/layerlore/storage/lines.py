"""Append-only files: what a killed process was writing is at most the last line, and is left out.

In JSON lines NaN is written as null and infinity as a word, since JSON has neither.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Any

from layerlore.errors import RunError

INFINITIES = {"inf": math.inf, "-inf": -math.inf}
BLOCK = 1 << 16


class AppendFile:
    """A file to which pieces of text are added, each in one write that is on its way to the disk when `append` returns.

    Args:
        path: of the file; made where it is missing. A last line that was not finished is removed.

    Raises:
        RunError: the file cannot be opened for writing.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = _opened(self.path)
        except OSError as error:
            raise RunError(f"{self.path} cannot be opened for writing ({error.strerror or error})") from error

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return self._file.seek(0, 2)

    def append(self, content: bytes) -> None:
        """Add lines, the last one with its line feed; all of them or none.

        Raises:
            RunError: the disk is full, or the file was closed; what was there before is unharmed.
        """
        if self._file.closed:
            raise RunError(f"could not write to {self.path}: it was closed before; open it anew")
        start, written = self.size, 0
        try:
            # A disk that is nearly full takes a part, and refuses only the rest.
            while written < len(content):
                written += self._file.write(content[written:])
        except BaseException as error:
            with suppress(OSError):
                self._file.truncate(start)
            if isinstance(error, OSError):
                raise RunError(
                    f"could not write to {self.path} ({error.strerror or error}): free space; what was recorded before "
                    "is unharmed"
                ) from error
            raise

    def close(self) -> None:
        """Close the file; closing twice is harmless."""
        self._file.close()


class LineFile:
    """A file of JSON lines, each added in one write that is on its way to the disk when `append` returns.

    Args:
        path: of the file; made where it is missing. A last line that was not finished is removed.

    Raises:
        RunError: the file cannot be opened for writing.
    """

    def __init__(self, path: Path) -> None:
        self._file = AppendFile(path)
        self.path = self._file.path

    def append(self, *lines: Mapping[str, object]) -> None:
        """Add a line, or several of which all are written or none.

        Raises:
            RunError: the disk is full, or the file was closed; the lines before are unharmed.
        """
        self._file.append(b"".join(_as_line(line) for line in lines))

    def close(self) -> None:
        """Close the file; closing twice is harmless."""
        self._file.close()


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The finished lines of a file, in order and one at a time; none where there is no file.

    Numbers that were NaN come back as None: the reader knows which fields hold numbers.

    Raises:
        RunError: a finished line is no JSON object, or the file cannot be read.
    """
    path = Path(path)
    for number, line in enumerate(_finished_lines(path), start=1):
        try:
            found = json.loads(line)
        except (ValueError, RecursionError) as error:
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
    try:
        return float(value)
    except OverflowError:
        raise ValueError("a whole number is too large") from None


def _opened(path: Path) -> FileIO:
    file = path.open("a+b", buffering=0)
    try:
        file.truncate(_finished_length(file))
    except OSError:
        file.close()
        raise
    return file


def _finished_length(file: FileIO) -> int:
    """Bytes up to and with the last line feed, read from the end: files of records grow long."""
    end = file.seek(0, 2)
    while end:
        start = max(0, end - BLOCK)
        file.seek(start)
        found = file.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def _finished_lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            # What follows the last line feed was not finished.
            yield from (line for line in file if line.endswith(b"\n"))
    except FileNotFoundError:
        return
    except OSError as error:
        raise RunError(f"{path} cannot be read ({error.strerror or error})") from error


def _as_line(line: Mapping[str, object]) -> bytes:
    # ASCII with escapes: layer names may hold halves of surrogate pairs, which UTF-8 cannot write.
    try:
        text = json.dumps(line, allow_nan=False)
    except ValueError:
        text = json.dumps(_encoded(line), allow_nan=False)
    return text.encode("ascii") + b"\n"


def _encoded(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else ("inf" if value > 0 else "-inf")
    if isinstance(value, Mapping):
        return {str(key): _encoded(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_encoded(entry) for entry in value]
    return value
