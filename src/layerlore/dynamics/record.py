"""One record: the change of every weight up to a step, and what happened to the weights on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import prod
from typing import Any, Protocol, runtime_checkable

from layerlore.errors import RunError
from layerlore.storage import as_number


@dataclass(frozen=True)
class WeightInfo:
    """What is known of a weight beside its values.

    Attributes:
        layer: its first qualified name, such as ``layer1.0.conv1.weight``.
        kind: of the layer it belongs to (DESIGN's words; ``norm`` and ``bias`` for parameters that are off by default).
        shape: of the whole weight.
        depth: its place among the weights in order of definition, from 0.
        dtype: such as ``float32``; empty where it is not known.
        aliases: further names of the same weight.
    """

    layer: str
    kind: str
    shape: tuple[int, ...]
    depth: int
    dtype: str = ""
    aliases: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    def to_json(self) -> dict[str, Any]:
        """In types that JSON knows."""
        return asdict(self)

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> WeightInfo:
        """What `to_json` gave.

        Raises:
            RunError: it is something else.
        """
        try:
            return cls(
                layer=str(found["layer"]),
                kind=str(found["kind"]),
                shape=tuple(_whole(size) for size in found["shape"]),
                depth=_whole(found["depth"]),
                dtype=str(found["dtype"]),
                aliases=tuple(str(name) for name in found["aliases"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(f"{found!r} does not describe a weight ({error!r}): the run is damaged") from error


@dataclass(frozen=True)
class Event:
    """Something that happened to a weight between two records.

    Attributes:
        step: at which it was noticed.
        layer: the weight's name.
        what: ``added``, ``removed``, ``frozen`` or ``unfrozen``.
    """

    step: int
    layer: str
    what: str

    def to_json(self) -> dict[str, Any]:
        """In types that JSON knows."""
        return asdict(self)


EVENTS = ("added", "removed", "frozen", "unfrozen")


@dataclass(frozen=True)
class Record:
    """The changes between one recorded step and the one before it.

    Attributes:
        step: the later step, under which the change is filed.
        columns: names of the numbers: measures first, then counts.
        values: for each weight its numbers, in the order of ``columns``; NaN where undefined.
        events: noticed at this step.
    """

    step: int
    columns: tuple[str, ...]
    values: Mapping[str, Sequence[float]]
    events: tuple[Event, ...] = ()

    def value(self, layer: str, column: str) -> float:
        """One number."""
        return float(self.values[layer][self.columns.index(column)])

    def to_json(self) -> dict[str, Any]:
        """One line of a run; NaN and infinity stay floats, which `layerlore.storage.LineFile` writes."""
        values = {layer: [float(number) for number in numbers] for layer, numbers in self.values.items()}
        return {
            "step": int(self.step),
            "columns": list(self.columns),
            "values": values,
            "events": [event.to_json() for event in self.events],
        }

    @classmethod
    def from_json(cls, line: Mapping[str, Any]) -> Record:
        """What `to_json` gave, also after a journey through a file.

        Raises:
            RunError: it is something else.
        """
        try:
            columns = tuple(str(name) for name in line["columns"])
            values = {
                str(layer): [number if type(number) is float else as_number(number) for number in row]
                for layer, row in line["values"].items()
            }
            if any(len(row) != len(columns) for row in values.values()):
                raise ValueError("a row has another length than the columns")
            events = tuple(
                Event(_whole(event["step"]), str(event["layer"]), str(event["what"])) for event in line["events"]
            )
            return cls(_whole(line["step"]), columns, values, events)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise RunError(f"a record is damaged ({error!r}): restore the run or record again") from error


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{value!r} is no whole number")
    return value


@runtime_checkable
class Sink(Protocol):
    """Where records go as they are made: a log, a table, a tracking service.

    `WeightTracker` calls ``open`` once before the first record, ``write`` after each, and ``close`` when it is
    finished, also after an error in the training loop. A sink that raises does not stop a training run: the error
    becomes a warning, once, and the sink is not called again.
    """

    def open(self, weights: Sequence[WeightInfo], measures: Sequence[str]) -> None:
        """What will be recorded."""
        ...

    def write(self, record: Record) -> None:
        """Take one record."""
        ...

    def close(self) -> None:
        """No more records will come."""
        ...
