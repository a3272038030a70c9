"""A series that is being read, in a run folder: what is finished of it, so that a killed reading goes on.

The records need all weights, and weights are read one after the other: what is kept until then is one line for each
weight in ``series.jsonl``. The records come last, whole or not at all, and the lines go.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from layerlore.dynamics.history import KIND, RECORDS, new_manifest
from layerlore.dynamics.record import Record
from layerlore.dynamics.sums import SUMS
from layerlore.errors import RunError
from layerlore.storage import MANIFEST, LineFile, as_number, differences, read_lines, read_manifest, write_json

LINES = "series.jsonl"

Found = dict[str, tuple[np.ndarray, np.ndarray]]
"""For each weight its sums (pair of steps x column) and its robust measures (pair of steps x measure)."""


class SeriesRun:
    """A run folder that a series is read into.

    Args:
        path: of the folder.
        identity: JSON values that decide every number.

    Raises:
        RunError: the folder holds something else, or the run of another series or with other options.
    """

    def __init__(self, path: Path | str, identity: Mapping[str, object]) -> None:
        self.path = Path(path)
        self._identity = json.loads(json.dumps(dict(identity), allow_nan=False))
        if self.path.exists() and not self.path.is_dir():
            raise RunError(f"{self.path} is a file: a run needs a folder of its own")
        if self.path.is_dir() and any(self.path.iterdir()):
            self._compare()
        else:
            write_json(self.path / MANIFEST, new_manifest(self._identity, finished=False, weights=[], events=[]))
        self.is_finished = (self.path / RECORDS).exists()

    def finished_weights(self, n_pairs: int) -> Found:
        """What a reading that was stopped has left."""
        found = {}
        for line in read_lines(self.path / LINES):
            try:
                sums = np.array([[as_number(one) for one in row] for row in line["sums"]])
                robust = np.array([[as_number(one) for one in row] for row in line["robust"]])
                if sums.shape != (n_pairs, len(SUMS)) or len(robust) != n_pairs:
                    raise ValueError(f"shapes {sums.shape} and {robust.shape}")
                found[str(line["layer"])] = (sums, robust.reshape(n_pairs, -1))
            except (KeyError, TypeError, ValueError) as error:
                raise RunError(
                    f"{self.path / LINES} is damaged ({error!r}): remove {self.path} to start over"
                ) from error
        return found

    def lines(self) -> LineFile:
        """The file that finished weights are added to, with `line_of`."""
        return LineFile(self.path / LINES)

    def finish(self, records: Sequence[Record], **fields: object) -> None:
        """Write the manifest and the records, and drop the lines of weights."""
        manifest = new_manifest(self._identity, finished=True) | fields
        write_json(self.path / MANIFEST, manifest)
        part = self.path / f".{RECORDS}.part"
        part.unlink(missing_ok=True)
        file = LineFile(part)
        for record in records:
            file.append(record.to_json())
        file.close()
        try:
            part.replace(self.path / RECORDS)
            (self.path / LINES).unlink(missing_ok=True)
        except OSError as error:
            raise RunError(f"could not write {self.path / RECORDS} ({error.strerror or error})") from error

    def _compare(self) -> None:
        manifest = read_manifest(self.path)
        if manifest["kind"] != KIND:
            raise RunError(f"{self.path} holds a {manifest['kind']!r} run, not a {KIND!r} run: choose another folder")
        different = differences(self._identity, manifest.get("identity"))
        if different:
            raise RunError(
                f"{self.path} belongs to another series, or was read with other options ({different}): choose another "
                "folder, or remove this one to start over"
            )


def line_of(layer: str, sums: np.ndarray, robust: np.ndarray) -> dict[str, Any]:
    """One finished weight as `SeriesRun.lines` keeps it."""
    return {"layer": layer, "sums": sums.tolist(), "robust": robust.tolist()}
