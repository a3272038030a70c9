"""What of a series is measured: which weights, in which order, of what kind; and that all checkpoints have them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from layerlore.dynamics.record import WeightInfo
from layerlore.errors import InputError, closest
from layerlore.networks.checkpoints import Checkpoint, Steps, TensorInfo, open_checkpoint, sort_checkpoints
from layerlore.networks.kinds_by_name import definition_order, is_buffer, kind_of_weight

Patterns = str | Sequence[str] | None


@dataclass(frozen=True, eq=False)
class Series:
    """Checkpoints by rising step, opened; each holds names, shapes and dtypes, and no values yet."""

    steps: list[int]
    checkpoints: list[Checkpoint]

    @property
    def notes(self) -> list[str]:
        """What a reader should know of how the files were read, each thing once."""
        return list(dict.fromkeys(note for checkpoint in self.checkpoints for note in checkpoint.notes))

    def where(self, position: int) -> str:
        """A checkpoint for an error: its step and path."""
        return f"step {self.steps[position]} ({self.checkpoints[position].path})"


@dataclass(frozen=True, eq=False)
class Plan:
    """A series and the weights that are measured in it."""

    series: Series
    weights: list[WeightInfo]
    notes: list[str]


def open_series(paths: Iterable[Path | str], steps: Steps | None, key: str | None) -> Series:
    """Find, order and open checkpoints.

    Raises:
        InputError: see `sort_checkpoints` and `open_checkpoint`; fewer than two checkpoints.
    """
    ordered = sort_checkpoints(paths, steps)
    if len(ordered) < 2:
        raise InputError(
            f"{ordered[0][1]} is the only checkpoint: a change needs two or more; give a folder of checkpoints, or "
            "several files"
        )
    return Series([step for step, _ in ordered], [open_checkpoint(path, key) for _, path in ordered])


def plan_series(series: Series, *, biases: bool, norms: bool, include: Patterns, exclude: Patterns) -> Plan:
    """Choose the weights of a series, and compare what its checkpoints say of them.

    Raises:
        InputError: no weights, or weights that differ between checkpoints in shape or dtype, or are in some only.
    """
    first = series.checkpoints[0]
    every = dict(first.tensors)
    for other in series.checkpoints[1:]:
        every = every | {name: info for name, info in other.tensors.items() if name not in every}
    named = chosen_names(every, include, exclude)
    kinds = kinds_of(named, in_order=first.in_order)
    taken = [
        name
        for name, kind in kinds.items()
        if is_taken(named[name], kind, biases=biases or bool(include), norms=norms or bool(include))
    ]
    if not taken:
        raise InputError(
            f"{first.path} holds no weight to measure among its {len(first.tensors)} tensors: none that is chosen has "
            "two or more dimensions. Pass biases=True or norms=True to measure the others"
        )
    _check_same(series, taken)
    same = _shared_memory(series, taken)
    kept = [name for name in taken if name not in same]
    weights = [
        WeightInfo(
            layer=name,
            kind=kinds[name],
            shape=named[name].shape,
            depth=depth,
            dtype=named[name].dtype_name,
            aliases=tuple(alias for alias, known in same.items() if known == name),
        )
        for depth, name in enumerate(kept)
    ]
    return Plan(series, weights, [*series.notes, *_notes(first, named)])


def kinds_of(tensors: Mapping[str, TensorInfo], *, in_order: bool) -> dict[str, str]:
    """The kinds of tensors that hold numbers and are no buffers, in order of definition as far as it is known."""
    names = [name for name, info in tensors.items() if has_numbers(info) and not is_buffer(name, info.shape)]
    ordered = names if in_order else definition_order(names)
    weights = [name for name in ordered if len(tensors[name].shape) > 1]
    return {name: kind_of_weight(name, tensors[name].shape, weights) for name in ordered}


def is_taken(info: TensorInfo, kind: str, *, biases: bool, norms: bool) -> bool:
    """Whether a tensor is measured: those that `tracked_weights` takes of a network."""
    if kind == "bias":
        return biases
    return norms or (kind != "norm" and len(info.shape) > 1)


def has_numbers(info: TensorInfo) -> bool:
    """Whether a tensor holds floating-point or complex numbers, or quantised ones."""
    return (
        info.dtype.is_floating_point or info.dtype.is_complex or str(info.dtype).startswith(("torch.q", "torch.quint"))
    )


def relative_names(series: Series) -> list[str]:
    """Paths of the checkpoints below the folder that they have in common."""
    whole = [checkpoint.path.absolute() for checkpoint in series.checkpoints]
    above = os.path.commonpath([path.parent for path in whole])
    return [path.relative_to(above).as_posix() for path in whole]


def chosen_names(every: Mapping[str, TensorInfo], include: Patterns, exclude: Patterns) -> dict[str, TensorInfo]:
    """The tensors that patterns choose; ``*`` crosses dots.

    Raises:
        InputError: a pattern is no text, or matches nothing.
    """
    wanted, unwanted = _patterns(include, "include"), _patterns(exclude, "exclude")
    for what, patterns in (("include", wanted), ("exclude", unwanted)):
        for pattern in patterns:
            if not any(fnmatchcase(name, pattern) for name in every):
                raise InputError(
                    f"{what}={pattern!r} matches no tensor; {closest(re.sub(r'[*?]', '', pattern), every)}"
                )
    return {
        name: info
        for name, info in every.items()
        if (not wanted or _matches(name, wanted)) and not _matches(name, unwanted)
    }


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _patterns(given: Patterns, what: str) -> list[str]:
    found = [given] if isinstance(given, str) else list(given or ())
    for pattern in found:
        if not isinstance(pattern, str):
            raise InputError(f"{what} holds {pattern!r}: it takes names, in which * stands for anything")
    return found


def _check_same(series: Series, names: Sequence[str]) -> None:
    first = series.checkpoints[0]
    wrong = []
    for position, other in enumerate(series.checkpoints):
        missing = [name for name in names if name not in other.tensors]
        if len(missing) > len(names) / 2:
            raise InputError(
                f"the checkpoints are of different networks: {series.where(position)} has only "
                f"{len(names) - len(missing)} of the {len(names)} weights that the series has ({missing[0]!r} is "
                "missing): give the checkpoints of one network, or look at them with check_series"
            )
        wrong += [f"{name!r} is missing at {series.where(position)}" for name in missing]
    for name in names:
        holders = [position for position, one in enumerate(series.checkpoints) if name in one.tensors]
        expected = series.checkpoints[holders[0]].tensors[name]
        for position in holders:
            found = series.checkpoints[position].tensors[name]
            if (found.shape, found.dtype) != (expected.shape, expected.dtype):
                wrong.append(
                    f"{name!r} is {expected} at step {series.steps[holders[0]]} and {found} at {series.where(position)}"
                )
                break
    if wrong:
        more = f"; and {len(wrong) - 4} more" if len(wrong) > 4 else ""
        raise InputError(
            f"the checkpoints do not hold the same weights: {'; '.join(wrong[:4])}{more}. Leave these weights out with "
            "exclude=, leave checkpoints out, or look at all differences with check_series"
        )
    empty = [name for name in names if 0 in first.tensors[name].shape]
    if empty:
        raise InputError(
            f"{empty[0]!r} has no elements ({first.tensors[empty[0]]}) in {first.path}: weights that were partitioned "
            "have to be gathered before they are saved; or leave it out with exclude="
        )


def _shared_memory(series: Series, names: Sequence[str]) -> dict[str, str]:
    """Names that are the same memory as another one, which comes first, in every checkpoint."""
    place = {name: position for position, name in enumerate(names)}
    shared = {
        name: known
        for name, known in series.checkpoints[0].same.items()
        if name in place and known in place and all(one.same.get(name) == known for one in series.checkpoints)
    }
    return {name: known for name, known in shared.items() if place[known] < place[name]}


def _notes(first: Checkpoint, named: Mapping[str, TensorInfo]) -> list[str]:
    notes = []
    whole = [name for name, info in named.items() if len(info.shape) > 1 and not has_numbers(info)]
    whole = [name for name in whole if not is_buffer(name, named[name].shape)]
    if whole:
        notes.append(
            f"{len(whole)} tensors of whole numbers were left out, such as {whole[0]!r} ({named[whole[0]]}): buffers, "
            "or weights packed by a quantiser"
        )
    if not first.in_order:
        notes.append("the files sort their tensors by name: the order of the layers is a guess from their names")
    return notes
