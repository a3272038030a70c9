"""Records as rows of a table in a file, one for each weight and step: CSV, and JSON lines.

The columns are those of `History.to_dataframe`: layer, step, kind, depth, size, then the measures. Rows are added
record by record, and each record in one write: what a killed process was writing is at most the last one, of which the
finished rows stay. A file that exists is gone on with; after a resume that makes steps again, the later row counts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from layerlore.dynamics import Record, WeightInfo
from layerlore.dynamics.measures import COUNTS
from layerlore.errors import InputError, RunError
from layerlore.storage.lines import AppendFile, LineFile

DESCRIBED = ("layer", "step", "kind", "depth", "size")

Row = dict[str, str | int | float | None]


class _Rows:
    """Records as rows."""

    def __init__(self, weights: Sequence[WeightInfo], measures: Sequence[str], counts: bool) -> None:
        self._weights = {weight.layer: weight for weight in weights}
        self.numbers = (*measures, *(COUNTS if counts else ()))

    def of(self, record: Record) -> Iterator[Row]:
        """One for each weight. Weights that were added to the network later have neither kind nor depth nor size."""
        missing = [name for name in self.numbers if name not in record.columns]
        if missing:
            raise InputError(f"step {record.step} has no {missing[0]!r}, which the first record had")
        places = [record.columns.index(name) for name in self.numbers]
        for layer, found in record.values.items():
            weight = self._weights.get(layer)
            row: Row = {"layer": layer, "step": int(record.step), "kind": None, "depth": None, "size": None}
            if weight is not None:
                row |= {"kind": weight.kind, "depth": weight.depth, "size": weight.size}
            yield row | {name: float(found[place]) for name, place in zip(self.numbers, places, strict=True)}


class CsvSink:
    r"""Writes records into a CSV file.

    Text stands in quotes. Backslashes and line ends in names are written as ``\\``, ``\n`` and ``\r``, so that a row is
    a line. Numbers have all the digits that bring them back exactly; NaN is an empty field, infinity ``inf``.

    Args:
        path: of the file; it is gone on with where it exists.
        counts: write `COUNTS` too.

    Raises:
        RunError: the file cannot be written, or holds something else; when the first record comes.
    """

    def __init__(self, path: Path | str, *, counts: bool = False) -> None:
        self.path = Path(path)
        self._counts = counts

    def open(self, weights: Sequence[WeightInfo], measures: Sequence[str]) -> None:
        """Write the header, or check the one that is there."""
        self._rows = _Rows(weights, measures, self._counts)
        header = _line((*DESCRIBED, *self._rows.numbers))
        self._file = AppendFile(self.path)
        if not self._file.size:
            self._file.append(header)
            return
        with self.path.open("rb") as file:
            found = file.readline(len(header) + 1000)
        if found != header:
            self._file.close()
            raise RunError(
                f"{self.path} begins with {found.decode('utf-8', 'replace').strip()!r}, expected "
                f"{header.decode().strip()!r}: it holds other columns; choose another file"
            )

    def write(self, record: Record) -> None:
        """Add the rows of one record."""
        self._file.append(b"".join(_line(tuple(row.values())) for row in self._rows.of(record)))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class JsonLinesSink:
    """Writes records into a file of JSON lines, one object for each weight and step.

    Numbers come back exactly; NaN is null, infinity the word ``"inf"``.

    Args:
        path: of the file; it is gone on with where it exists.
        counts: write `COUNTS` too.

    Raises:
        RunError: the file cannot be written; when the first record comes.
    """

    def __init__(self, path: Path | str, *, counts: bool = False) -> None:
        self.path = Path(path)
        self._counts = counts

    def open(self, weights: Sequence[WeightInfo], measures: Sequence[str]) -> None:
        """Open the file."""
        self._rows = _Rows(weights, measures, self._counts)
        self._file = LineFile(self.path)

    def write(self, record: Record) -> None:
        """Add the rows of one record."""
        self._file.append(*self._rows.of(record))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _line(fields: Sequence[str | int | float | None]) -> bytes:
    # Half a surrogate pair in a name has no UTF-8.
    return (",".join(map(_field, fields)) + "\n").encode("utf-8", "backslashreplace")


def _field(value: str | int | float | None) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if not isinstance(value, str):
        return repr(value)
    plain = value.replace("\\", r"\\").replace("\n", r"\n").replace("\r", r"\r").replace('"', '""')
    return f'"{plain}"'
