"""Where a tracker's records go: into memory or a run folder, and to sinks."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float64

from layerlore.dynamics.history import KIND, RECORDS, new_manifest
from layerlore.dynamics.measures import COUNTS
from layerlore.dynamics.record import Event, Record, Sink, WeightInfo
from layerlore.errors import InputError, RunError, first_line
from layerlore.storage import MANIFEST, LineFile, differences, read_lines, read_manifest, write_bytes, write_json

Numbers = Float64[np.ndarray, "n_weights n_columns"]


@dataclass(frozen=True, eq=False)
class Row:
    """One record as numbers: what a long run keeps, a `Record` being many times larger.

    Attributes:
        step: under which it is filed.
        layers: names of the weights.
        numbers: one line for each of them.
        events: noticed at this step.
    """

    step: int
    layers: tuple[str, ...]
    numbers: Numbers
    events: tuple[Event, ...]

    @classmethod
    def of(cls, record: Record) -> Row:
        """What `record` gave."""
        numbers = np.array(list(record.values.values()), dtype=np.float64).reshape(-1, len(record.columns))
        return cls(record.step, tuple(record.values), numbers, record.events)

    def record(self, columns: tuple[str, ...]) -> Record:
        """As other code sees it."""
        return Record(self.step, columns, dict(zip(self.layers, self.numbers.tolist(), strict=True)), self.events)


class Memory:
    """Records in memory."""

    def __init__(self, columns: tuple[str, ...], rows: Sequence[Row] = ()) -> None:
        self._columns = columns
        self._rows = list(rows)

    def __len__(self) -> int:
        """Number of records."""
        return len(self._rows)

    def append(self, row: Row) -> None:
        """Keep one record."""
        self._rows.append(row)

    def records(self) -> list[Record]:
        """All of them."""
        return [row.record(self._columns) for row in self._rows]

    def state(self) -> list[dict[str, Any]]:
        """All of them for a checkpoint; neighbours with the same weights make one block."""
        blocks: list[list[Row]] = []
        for row in self._rows:
            if blocks and blocks[-1][0].layers == row.layers:
                blocks[-1].append(row)
            else:
                blocks.append([row])
        return [
            {
                "steps": [row.step for row in block],
                "layers": list(block[0].layers),
                "numbers": torch.from_numpy(np.stack([row.numbers for row in block])),
                "events": [[event.to_json() for event in row.events] for row in block],
            }
            for block in blocks
        ]

    @classmethod
    def from_state(cls, columns: tuple[str, ...], blocks: Sequence[Mapping[str, Any]]) -> Memory:
        """What `state` gave.

        Raises:
            InputError: it is something else.
        """
        found = cls(columns)
        for block in blocks:
            layers, numbers = tuple(block["layers"]), block["numbers"].numpy()
            if numbers.shape != (len(block["steps"]), len(layers), len(columns)):
                raise InputError(
                    f"the state is damaged: records of shape {numbers.shape} for {len(block['steps'])} steps, "
                    f"{len(layers)} weights and {len(columns)} columns"
                )
            for step, table, events in zip(block["steps"], numbers, block["events"], strict=True):
                found.append(Row(int(step), layers, table.copy(), tuple(Event(**event) for event in events)))
        return found


class RunFolder:
    """Records as lines of a run folder, which can be read while it is written.

    Args:
        path: of the folder.
        identity: JSON values that decide the numbers.

    Raises:
        RunError: ``path`` is a file, or a folder that holds something else or a run with another identity. A run that
            has records is left as it is until `resume`.
    """

    def __init__(self, path: Path | str, identity: Mapping[str, object]) -> None:
        self.path = Path(path)
        self.identity = json.loads(json.dumps(dict(identity), allow_nan=False))
        self.run_id = uuid.uuid4().hex
        self._manifest: dict[str, Any] = {}
        self._lines: LineFile | None = None
        self._last = -1
        self.finished = False
        self.holds_records = self._look()

    def begin(self, settings: Mapping[str, object], **fields: object) -> None:
        """Write a manifest and no records."""
        self._manifest = new_manifest(self.identity, settings=dict(settings), run_id=self.run_id, finished=False)
        self.update(**fields)
        write_bytes(self.path / RECORDS, b"")

    def resume(self, run_id: str, step: int, count: int) -> None:
        """Go on after a step: later records, which will be made again, are dropped.

        Args:
            run_id: of the run that the checkpoint belongs to.
            step: last one recorded when the checkpoint was written.
            count: number of records up to then.

        Raises:
            RunError: the folder holds another run, or fewer records.
        """
        self.close()
        if not (self.path / MANIFEST).is_file():
            raise RunError(
                f"the checkpoint belongs to a run of {count} records, which {self.path} does not hold: pass the run "
                "folder that it was made with"
            )
        manifest = read_manifest(self.path)
        if manifest.get("run_id") != run_id:
            raise RunError(
                f"{self.path} holds another run ({manifest.get('run_id')!r}) than the one that the checkpoint belongs "
                f"to ({run_id!r}): pass the run folder that it was made with"
            )
        records_until(self.path, step, count)
        self.run_id, self._manifest, self._last = run_id, manifest | {"finished": False}, step
        self._drop_after(step)
        self.holds_records = False

    def append(self, row: Row, columns: tuple[str, ...]) -> None:
        """Write one record."""
        if self._lines is None:
            # After a journey through pickle another copy may have gone on.
            self._drop_after(self._last)
            self._lines = LineFile(self.path / RECORDS)
        self._lines.append(row.record(columns).to_json())
        self._last = row.step

    def update(self, **fields: object) -> None:
        """Replace entries of the manifest, on disk at once."""
        self._manifest.update(json.loads(json.dumps(fields, allow_nan=False)))
        write_json(self.path / MANIFEST, self._manifest)

    def close(self) -> None:
        """Close the file; `append` opens it again."""
        if self._lines is not None:
            self._lines.close()
            self._lines = None

    def records(self) -> list[Record]:
        """All records in the folder."""
        return [Record.from_json(line) for line in read_lines(self.path / RECORDS)]

    def _look(self) -> bool:
        """Whether there is a run to go on with."""
        path = self.path
        if path.exists() and not path.is_dir():
            raise RunError(f"{path} is a file: a run needs a folder of its own")
        if not path.is_dir() or not any(path.iterdir()):
            return False
        manifest = read_manifest(path)
        if manifest["kind"] != KIND:
            raise RunError(f"{path} holds a {manifest['kind']!r} run, not a {KIND!r} run: choose another folder")
        different = differences(self.identity, manifest.get("identity"))
        if different:
            raise RunError(
                f"{path} belongs to another run ({different}): choose another folder, or remove this one to start over"
            )
        self.finished = bool(manifest.get("finished"))
        # A checkpoint may have been written before the first record.
        self.run_id = str(manifest.get("run_id", self.run_id))
        return any(True for _ in read_lines(path / RECORDS))

    def _drop_after(self, step: int) -> None:
        lines = (self.path / RECORDS).read_bytes().split(b"\n") if (self.path / RECORDS).exists() else []
        whole = [line for line in lines[:-1] if json.loads(line)["step"] <= step]
        if len(whole) < len(lines) - 1 or (lines and lines[-1]):
            write_bytes(self.path / RECORDS, b"".join(line + b"\n" for line in whole))

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_lines": None}

    def __del__(self) -> None:
        # A tracker that is dropped without `finish` leaves no open file.
        if getattr(self, "_lines", None) is not None:
            self.close()


def records_until(path: Path | str, step: int, count: int) -> list[Record]:
    """The records of a run folder up to a step.

    Raises:
        RunError: there are not as many as there should be.
    """
    found = [Record.from_json(line) for line in read_lines(Path(path) / RECORDS)]
    kept = [record for record in found if record.step <= step]
    if len(kept) != count:
        raise RunError(
            f"{path} holds {len(kept)} records up to step {step}, the checkpoint was written after {count}: restore "
            "the folder, or start a new run in another one"
        )
    return kept


class Sinks:
    """Sinks that are told of records; one that raises is dropped with a warning, and training goes on."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        for sink in sinks:
            if not isinstance(sink, Sink):
                raise InputError(f"sinks holds {sink!r}: a sink has the methods open, write and close")
        self._waiting = list(sinks)
        self._open: list[Sink] = []

    def write(self, record: Record, weights: Sequence[WeightInfo]) -> list[str]:
        """Tell all of a record, after opening those that are not yet open; complaints about those that raised."""
        complaints = []
        for sink in self._waiting:
            measures = record.columns[: -len(COUNTS)]
            complaints += self._call(sink, "open", weights, measures) or self._opened(sink)
        self._waiting = []
        for sink in list(self._open):
            complaint = self._call(sink, "write", record)
            if complaint:
                self._open.remove(sink)
            complaints += complaint
        return complaints

    def close(self) -> list[str]:
        """Close those that were opened and never raised."""
        complaints = [complaint for sink in self._open for complaint in self._call(sink, "close")]
        self._open, self._waiting = [], []
        return complaints

    def _opened(self, sink: Sink) -> list[str]:
        self._open.append(sink)
        return []

    @staticmethod
    def _call(sink: Sink, method: str, *arguments: object) -> list[str]:
        try:
            getattr(sink, method)(*arguments)
        except Exception as error:  # whatever a sink does, training goes on
            what = f"{type(sink).__name__} raised {type(error).__name__} in {method} ({first_line(error)})"
            return [f"the sink {what}: it is not called again"]
        return []
