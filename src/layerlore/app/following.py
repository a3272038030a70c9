"""A run through training that is being written: only what was added since the last look is read."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float64

from layerlore.app.folders import check_own
from layerlore.dynamics.history import KIND, RECORDS, History
from layerlore.dynamics.record import Event, Record, WeightInfo
from layerlore.errors import LayerLoreError, RunError
from layerlore.figures.axes import MOST_STEPS
from layerlore.storage import MANIFEST, manifest_of

MOST_BYTES = 1 << 23
"""Bytes of records read in one look, so that a page of a long run shows something soon."""
MOST_NUMBERS = 1 << 19
"""Numbers of a run that are kept (4 MiB); of a longer one, every second record, then every fourth, and so on."""
OVERHEAD = 50
"""Numbers that weigh as much as what every record brings beside its own: an array's head, a tuple, a whole number."""
LEAST_KEPT = 2 * MOST_STEPS
"""Records that are kept in any case: more than any figure draws."""
MOST_EVENTS = 1000
TAIL = 4096
"""Bytes before the place reached that are compared, to notice a file that was written anew."""


State = tuple[int, int, int] | None
"""Inode, size and time of a file; None where there is none."""


class Kept(NamedTuple):
    """One record as numbers, a row for each weight in the order in which weights were first met."""

    step: int
    numbers: Float64[np.ndarray, "n_weights n_columns"]


class Following:
    """Follows a run folder; made once for each run that someone looks at, and not to be shared by threads.

    Args:
        path: of the folder.
        most_numbers: to keep.

    Attributes:
        version: goes up whenever there is something new to show.
        n_records: read so far.
        stride: every so many of them are kept, and the newest.
        unread: bytes that are left for the next look.
        trouble: why nothing more can be read; empty where all is well.
        manifest: as it was read last.
    """

    def __init__(self, path: Path, most_numbers: int = MOST_NUMBERS) -> None:
        self.path = path
        self.version = 0
        self.trouble = ""
        self.manifest: dict[str, Any] = {}
        self._most_numbers = most_numbers
        self._weights: list[WeightInfo] = []
        self._names: set[str] = set()
        self._seen: tuple[State, State] | None = None
        self._start_over()

    def look(self, most_bytes: int = MOST_BYTES) -> None:
        """Read what is new: at most so many bytes of records, though always a whole line."""
        try:
            if self._take(most_bytes):
                self.version += 1
        except (LayerLoreError, OSError) as error:
            trouble = str(error) if isinstance(error, LayerLoreError) else f"it cannot be read ({error})"
            self.version += trouble != self.trouble
            self.trouble = trouble

    def history(self) -> History | None:
        """What was kept of it; None before the first record."""
        if self._newest is None:
            return None
        if self._history is None:
            self._history = self._assembled(self._newest)
        return self._history

    @property
    def newest(self) -> int | None:
        """The last step that was read."""
        return None if self._newest is None else self._newest.step

    @property
    def finished(self) -> bool:
        """Whether its writer said that nothing more will come."""
        return bool(self.manifest) and self.manifest.get("finished") is not False

    def _start_over(self) -> None:
        self.n_records, self.stride, self.unread = 0, 1, 0
        self._offset, self._tail = 0, b""
        self._columns: tuple[str, ...] = ()
        self._place: dict[str, int] = {}
        self._kept: list[Kept] = []
        self._newest: Kept | None = None
        self._events: deque[Event] = deque(maxlen=MOST_EVENTS)
        self._history: History | None = None

    def _take(self, most_bytes: int) -> bool:
        """Read what is new; whether there was anything."""
        # A manifest is written before the records that need it, so it is looked at after them.
        records, written = _state(self.path / RECORDS), _state(self.path / MANIFEST)
        known, self._seen = self._seen, (records, written)
        if (records, written) == known and not self.unread:
            return False
        self.unread = 0
        check_own(self.path)
        news = self._described() if known is None or written != known[1] or self.trouble else False
        if records is None or self._written_anew():
            news |= bool(self.n_records)
            self._start_over()
        if records is not None:
            news |= self._read(records[1], most_bytes)
        recovered, self.trouble = bool(self.trouble), ""
        return news or recovered

    def _described(self) -> bool:
        """Read the manifest; whether it has changed."""
        found = manifest_of(self.path, KIND)
        if found == self.manifest:
            return False
        try:
            # What figures and findings take for granted.
            _ = found["identity"].get, found["settings"].get, found["versions"].items, found["created"][:0]
            weights = [WeightInfo.from_json(weight) for weight in found["weights"]]
        except (KeyError, TypeError, AttributeError) as error:
            raise RunError(f"its {MANIFEST} is damaged ({error!r}): restore it or record again") from error
        self.manifest, self._weights, self._history = found, weights, None
        self._names = {weight.layer for weight in weights}
        return True

    def _written_anew(self) -> bool:
        """Whether the file is another one than that which was read, or lacks some of it."""
        if not self._offset:
            return False
        with (self.path / RECORDS).open("rb") as file:
            file.seek(self._offset - len(self._tail))
            return file.read(len(self._tail)) != self._tail

    def _read(self, size: int, most_bytes: int) -> bool:
        """Take finished lines up to a size of the file; whether there were any."""
        with (self.path / RECORDS).open("rb") as file:
            file.seek(self._offset)
            found = file.read(min(most_bytes, size - self._offset))
            while b"\n" not in found and self._offset + len(found) < size:
                # A line longer than a block is read to its end.
                more = file.read(min(most_bytes, size - self._offset - len(found)))
                if not more:
                    break
                found += more
        # What follows the last line feed was not finished.
        lines = found.split(b"\n")[:-1]
        left = size - self._offset - len(found)
        for line in lines:
            self._add(self._parsed(line))
            self._offset += len(line) + 1
            self._tail = (self._tail + line + b"\n")[-TAIL:]
        self.unread = left
        return bool(lines)

    def _parsed(self, line: bytes) -> Record:
        where = f"{RECORDS}, line {self.n_records + 1},"
        try:
            record = Record.from_json(json.loads(line))
        except (ValueError, RecursionError, RunError) as error:
            raise RunError(f"{where} is damaged ({error}): restore the file or record again") from error
        if record.columns != (self._columns or record.columns) or not record.columns:
            raise RunError(f"{where} has other measures than the lines before it")
        if self.newest is not None and record.step <= self.newest:
            raise RunError(f"{where} is of step {record.step} and follows step {self.newest}")
        stranger = next((layer for layer in record.values if layer not in self._names), None)
        if stranger is not None:
            raise RunError(f"{where} records {stranger!r}, which is not among the weights of its {MANIFEST}")
        return record

    def _add(self, record: Record) -> None:
        self._columns = record.columns
        for layer in record.values:
            self._place.setdefault(layer, len(self._place))
        numbers = np.full((len(self._place), len(self._columns)), np.nan)
        if record.values:
            numbers[[self._place[layer] for layer in record.values]] = list(record.values.values())
        self._newest, self._history = Kept(record.step, numbers), None
        if self.n_records % self.stride == 0:
            self._kept.append(self._newest)
        self.n_records += 1
        self._events.extend(record.events)
        if len(self._kept) > max(LEAST_KEPT, self._most_numbers // (OVERHEAD + numbers.size)):
            self._kept, self.stride = self._kept[::2], 2 * self.stride

    def _assembled(self, newest: Kept) -> History:
        import xarray as xr

        kept = self._kept if self._kept[-1] is newest else [*self._kept, newest]
        tables = _stacked(kept, len(self._place))
        rows = [self._place.get(weight.layer, -1) for weight in self._weights]
        first = History.from_records(self._weights, [Record(kept[0].step, self._columns, {})], self.manifest, self.path)
        coords: dict[Any, Any] = {name: first.data.coords[name] for name in first.data.coords if name != "step"}
        coords["step"] = np.array([one.step for one in kept], dtype=np.int64)
        data = xr.Dataset(
            {name: (("layer", "step"), tables[rows, :, column]) for column, name in enumerate(self._columns)}, coords
        )
        return History(data, first.manifest | {"events": [event.to_json() for event in self._events]}, self.path)


def _stacked(kept: Sequence[Kept], n_weights: int) -> Float64[np.ndarray, "n_rows n_steps n_columns"]:
    """Records as one table; weights met later have NaN before, and so has the last row, of those never met."""
    n_columns = kept[0].numbers.shape[1]
    tables = np.full((n_weights + 1, len(kept), n_columns), np.nan)
    for position, one in enumerate(kept):
        tables[: len(one.numbers), position] = one.numbers
    return tables


def _state(file: Path) -> State:
    """What changes whenever a file does."""
    try:
        found = os.lstat(file)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
