"""The frozen result through training: layer x step x measure."""

from __future__ import annotations

import operator
import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float64, Int64, Integer

from layerlore.dynamics.measures import COUNTS, DEFAULT, MEASURES, ROBUST
from layerlore.dynamics.record import Event, Record, WeightInfo
from layerlore.errors import InputError, RunError, closest
from layerlore.storage import FORMAT, MANIFEST, LineFile, manifest_of, publish_folder, read_lines, write_json
from layerlore.version import __version__

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

KIND = "history"
RECORDS = "records.jsonl"
GRADIENTS = "gradient_norm"
BOUNDS = ("_low", "_high")
TAKEN = ("layer", "step", "kind", "depth", "size", "shape", "dtype")

Table = Float64[np.ndarray, "n_layers n_steps"]


@dataclass(frozen=True, eq=False)
class History:
    """How much every weight of a network changed, step by step.

    Made by `WeightTracker.history`, `read_series`, `History.from_table`, `merge_histories` or `load`.

    Attributes:
        data: xarray dataset with the dimensions ``layer`` and ``step``: one float64 variable for each measure and each
            count, NaN where a measure is undefined or a weight was not there. A change is filed under the later of its
            two steps. Coordinates of ``layer``: ``kind``, ``depth`` (place in order of definition), ``size``
            (elements), ``shape`` (as text, such as ``64x3x7x7``), ``dtype``.
        manifest: identity (what decides the numbers), settings, weights, events, notes (warnings), versions.
    """

    data: xr.Dataset
    manifest: dict[str, Any] = field(repr=False)
    path: Path | None = None

    @classmethod
    def from_records(
        cls,
        weights: Sequence[WeightInfo],
        records: Sequence[Record],
        manifest: Mapping[str, object] | None = None,
        path: Path | None = None,
    ) -> History:
        """Put records together.

        Args:
            weights: all that ever were recorded, in order of depth.
            records: in order of their steps; all with the same columns.
            manifest: what `new_manifest` gave; None makes one that says nothing of where the records are from.
            path: the run folder they were read from.

        Raises:
            InputError: no record, steps that do not increase, different columns, a layer that is not among the
                weights, or a weight with more or fewer numbers than columns.
        """
        found = _collect(weights, records)
        if found is None:
            raise InputError("there is no record yet: a change needs two snapshots; record at least one more step")
        return cls._from_collected(weights, found, manifest or new_manifest({}), path)

    @classmethod
    def _from_collected(
        cls, weights: Sequence[WeightInfo], found: _Collected, manifest: Mapping[str, object], path: Path | None
    ) -> History:
        described = dict(manifest) | {
            "weights": [weight.to_json() for weight in weights],
            "events": [event.to_json() for event in found.events],
        }
        return cls(_labelled(weights, found.steps, found.tables), described, path)

    @classmethod
    def from_table(
        cls,
        layer_names: Sequence[str],
        values: Float64[np.ndarray, "n_layers n_steps"],
        steps: Sequence[int] | Integer[np.ndarray, "n_steps"] | None = None,
        measure: str = "rwc_elementwise",
        *,
        kinds: Sequence[str] | None = None,
        shapes: Sequence[Sequence[int]] | None = None,
    ) -> History:
        """A history from a table of numbers that others made.

        Args:
            layer_names: in order of depth, each once.
            values: layer x step; NaN and infinite entries are kept as they are.
            steps: increasing whole numbers; None counts from 1.
            measure: what the numbers are, a name of METHODS B1 or a word of your own.
            kinds: of the layers; None says ``other`` for all.
            shapes: of the weights; None where they are not known (sizes are 0 then).

        Raises:
            InputError: values that are no numbers, lengths that do not fit, a name twice, or steps that are not whole
                or do not increase.
        """
        table = _as_table(values)
        names = [str(name) for name in layer_names]
        if table.ndim != 2 or len(table) != len(names):
            raise InputError(f"values has shape {table.shape}; expected (layer, step) with {len(names)} layers")
        if not names or not table.shape[1]:
            raise InputError(f"values has shape {table.shape}: there is nothing in it")
        if len(set(names)) != len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise InputError(f"layer_names holds {twice!r} twice: each layer needs a name of its own")
        taken = range(1, table.shape[1] + 1) if steps is None else steps
        found = [_whole_step(step) for step in taken]
        if len(found) != table.shape[1]:
            raise InputError(f"steps has {len(found)} entries for {table.shape[1]} columns of values")
        _check_increasing(found)
        for what, given in (("kinds", kinds), ("shapes", shapes)):
            if given is not None and len(given) != len(names):
                raise InputError(f"{what} has {len(given)} entries for {len(names)} layers")
        if measure in (*COUNTS, *TAKEN) or not measure.isidentifier():
            raise InputError(
                f"measure={measure!r} must be a word like 'rwc_l1' that does not name a count or a property of layers"
            )
        weights = [
            WeightInfo(
                name,
                "other" if kinds is None else str(kinds[depth]),
                () if shapes is None else tuple(int(size) for size in shapes[depth]),
                depth,
            )
            for depth, name in enumerate(names)
        ]
        manifest = new_manifest({"source": "table", "measure": measure, "shapes_known": shapes is not None})
        manifest |= {"weights": [weight.to_json() for weight in weights], "events": []}
        return cls(_labelled(weights, found, {measure: table}), manifest)

    @classmethod
    def load(cls, path: Path | str) -> History:
        """Read a run folder that `save`, a tracker or `read_series` wrote, also one that is still being written.

        Raises:
            RunError: missing, foreign, damaged, or without a finished record.
        """
        path = Path(path)
        manifest = manifest_of(path, KIND)
        try:
            weights = [WeightInfo.from_json(found) for found in manifest["weights"]]
            manifest["identity"]
        except KeyError as error:
            raise RunError(f"{path} is damaged (its manifest has no {error}): restore it or record again") from error
        except (TypeError, RunError) as error:
            raise RunError(f"{path} is damaged ({error}): restore it or record again") from error
        try:
            found = _collect(weights, _read_records(path / RECORDS))
        except InputError as error:
            raise RunError(f"{path / RECORDS} is damaged ({error}): restore it or record again") from error
        if found is None:
            raise RunError(f"{path} holds no finished record yet: a change needs two snapshots")
        return cls._from_collected(weights, found, manifest, path)

    @property
    def layers(self) -> list[str]:
        """Names of the weights in order of depth."""
        return [str(name) for name in self.data["layer"].values]

    @property
    def steps(self) -> Int64[np.ndarray, "n_steps"]:
        """Steps under which changes are filed."""
        return self.data["step"].values.astype(np.int64)

    @property
    def measures(self) -> list[str]:
        """Names of the measures, without counts and without bounds of intervals."""
        names = [str(name) for name in self.data.data_vars]
        bounds = {name + end for name in names for end in BOUNDS}
        return [name for name in names if name not in COUNTS and name not in bounds]

    @property
    def weights(self) -> list[WeightInfo]:
        """What is known of each weight."""
        return [WeightInfo.from_json(found) for found in self.manifest["weights"]]

    @property
    def events(self) -> list[Event]:
        """What happened to weights on the way."""
        return [Event(**found) for found in self.manifest["events"]]

    @property
    def notes(self) -> list[str]:
        """Warnings that belong to these numbers."""
        return list(self.manifest.get("notes", []))

    def values(self, measure: str | None = None) -> Table:
        """One measure as a table, layer x step.

        Args:
            measure: its name; None takes `default_measure`.

        Raises:
            InputError: there is no such measure.
        """
        name = self.default_measure if measure is None else measure
        if name not in self.data.data_vars:
            raise InputError(f"measure={name!r} was not recorded; {closest(name, map(str, self.data.data_vars))}")
        return self.data[name].values.astype(np.float64)

    @property
    def default_measure(self) -> str:
        """``rwc_l1`` where it was recorded, otherwise the first measure."""
        return DEFAULT if DEFAULT in self.measures else self.measures[0]

    def to_dataframe(self) -> pd.DataFrame:
        """One row for each layer and step: layer, step, kind, depth, size, then a column for each measure and count."""
        named = self.data.reset_coords(["kind", "depth", "size"])[["kind", "depth", "size", *self.data.data_vars]]
        return named.to_dataframe(dim_order=["layer", "step"]).drop(columns=["shape", "dtype"]).reset_index()

    def to_json(self) -> dict[str, Any]:
        """All of it, in types that JSON knows: NaN and infinity are None."""
        values = {
            str(name): [[float(x) if np.isfinite(x) else None for x in row] for row in self.data[name].values]
            for name in self.data.data_vars
        }
        return {
            "layers": self.layers,
            "steps": self.steps.tolist(),
            "weights": self.manifest["weights"],
            "events": self.manifest["events"],
            "notes": self.notes,
            "values": values,
        }

    def save(self, path: Path | str) -> None:
        """Write a run folder that `load` reads; whole or not at all.

        Raises:
            RunError: the folder exists, or it could not be written.
        """
        columns = tuple(str(name) for name in self.data.data_vars)
        cube = np.stack([self.data[name].values for name in columns])
        with publish_folder(Path(path)) as part:
            lines = LineFile(part / RECORDS)
            layers = self.layers
            for position, step in enumerate(self.steps.tolist()):
                rows = dict(zip(layers, cube[:, :, position].T.tolist(), strict=True))
                here = tuple(event for event in self.events if event.step == step)
                lines.append(Record(step, columns, rows, here).to_json())
            lines.close()
            write_json(part / MANIFEST, self.manifest)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from layerlore.dynamics.cards import history_card

        return history_card(self)

    def __repr__(self) -> str:
        steps = self.steps
        return (
            f"History({len(self.layers)} layers, {len(steps)} steps from {steps[0]} to {steps[-1]}; "
            f"{', '.join(self.measures)})"
        )


def new_manifest(identity: Mapping[str, object], **fields: object) -> dict[str, Any]:
    """The manifest of a history that is begun.

    Args:
        identity: JSON values that decide every number: where the weights are from, which measures.
        fields: further entries, such as ``settings`` or ``notes``.
    """
    return {
        "format": FORMAT,
        "kind": KIND,
        "created": datetime.now(UTC).isoformat(),
        "identity": dict(identity),
        "settings": {},
        "notes": [],
        "versions": {
            "layerlore": __version__,
            "torch": torch.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
    } | dict(fields)


def title_of(measure: str) -> str:
    """A measure in words, with its unit.

    >>> title_of("rwc_l1")
    'relative weight change, L1'
    """
    if measure == GRADIENTS:
        return "norm of the gradient, L2"
    known = MEASURES | ROBUST
    return known[measure].title if measure in known else measure


@dataclass(frozen=True)
class _Collected:
    steps: list[int]
    tables: dict[str, np.ndarray]
    events: list[Event]


def _collect(weights: Sequence[WeightInfo], records: Iterable[Record]) -> _Collected | None:
    """Records as tables, one record in memory at a time; None where there is no record."""
    place = {weight.layer: position for position, weight in enumerate(weights)}
    if len(place) != len(weights):
        raise InputError("two weights have the same name")
    steps: list[int] = []
    events: list[Event] = []
    columns: tuple[str, ...] = ()
    rows = []
    for record in records:
        columns = columns or _check_columns(record)
        if record.columns != columns:
            raise InputError(
                f"step {record.step} records {record.columns}, the first record {columns}: one history has one set of "
                "measures"
            )
        _check_values(record, place)
        row = np.full((len(weights), len(columns)), np.nan)
        if record.values:
            row[[place[layer] for layer in record.values]] = list(record.values.values())
        rows.append(row)
        steps.append(record.step)
        events.extend(record.events)
    if not rows:
        return None
    _check_increasing(steps)
    tables = {name: np.stack([row[:, position] for row in rows], 1) for position, name in enumerate(columns)}
    return _Collected(steps, tables, events)


def _check_columns(record: Record) -> tuple[str, ...]:
    if not record.columns or len(set(record.columns)) < len(record.columns) or set(record.columns) & set(TAKEN):
        raise InputError(
            f"step {record.step} records {record.columns}: columns need names, each once, other than {', '.join(TAKEN)}"
        )
    return record.columns


def _check_values(record: Record, place: Mapping[str, int]) -> None:
    for layer, numbers in record.values.items():
        if layer not in place:
            raise InputError(f"step {record.step} records {layer!r}, which is not among the weights")
        if len(numbers) != len(record.columns):
            raise InputError(
                f"step {record.step} records {len(numbers)} numbers for {layer!r}; expected {len(record.columns)}, one "
                "for each column"
            )


def _read_records(file: Path) -> Iterator[Record]:
    for number, line in enumerate(read_lines(file), start=1):
        try:
            yield Record.from_json(line)
        except RunError as error:
            raise RunError(f"{file}, line {number}: {error}") from error


def _as_table(values: object) -> np.ndarray:
    try:
        found = np.asarray(values)
        if found.dtype.kind not in "biufO":
            raise TypeError(f"its dtype is {found.dtype}")
        return np.array(found, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"values is no table of numbers ({error})") from error


def _whole_step(step: object) -> int:
    if isinstance(step, float) and step.is_integer():
        return int(step)
    try:
        return operator.index(step)  # type: ignore[arg-type]
    except TypeError:
        raise InputError(f"steps holds {step!r}: steps are whole numbers") from None


def _check_increasing(steps: Sequence[int]) -> None:
    for earlier, later in pairwise(steps):
        if later <= earlier:
            raise InputError(f"steps must increase, and {later} follows {earlier}")


def _labelled(weights: Sequence[WeightInfo], steps: Sequence[int], tables: Mapping[str, np.ndarray]) -> xr.Dataset:
    import xarray as xr

    coords = {
        "layer": np.array([weight.layer for weight in weights], dtype=object),
        "step": np.array(steps, dtype=np.int64),
        "kind": ("layer", np.array([weight.kind for weight in weights], dtype=object)),
        "depth": ("layer", np.array([weight.depth for weight in weights], dtype=np.int64)),
        # A table of numbers knows neither shapes nor dtypes; a weight without a shape is a scalar.
        "size": ("layer", np.array([w.size if w.shape or w.dtype else 0 for w in weights], dtype=np.int64)),
        "shape": ("layer", np.array(["x".join(map(str, weight.shape)) for weight in weights], dtype=object)),
        "dtype": ("layer", np.array([weight.dtype for weight in weights], dtype=object)),
    }
    return xr.Dataset({name: (("layer", "step"), table) for name, table in tables.items()}, coords)
