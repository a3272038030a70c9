"""The step of each checkpoint, from its name, and the order that follows."""

from __future__ import annotations

import filecmp
import os
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

from layerlore.errors import InputError
from layerlore.networks.checkpoints.opening import INDEX, find_checkpoints

_LABELS = (
    re.compile(r"(?<![a-z])(?:global[_-]?)?(?:steps?|iterations?|iters?)[\s_\-=.]*(\d+)(?![\d.]*\.\d)", re.IGNORECASE),
    re.compile(r"(?<![a-z])(?:epochs?|ep)[\s_\-=.]*(\d+)(?![\d.]*\.\d)", re.IGNORECASE),
    re.compile(r"(?<![a-z])(?:checkpoints?|ckpt|chkpt)[\s_\-=.]*(\d+)(?![\d.]*\.\d)", re.IGNORECASE),
)
"""Words that say that the number after them is a step, the finest first."""
_NUMBER = re.compile(r"\d+(?:\.\d+)*(?:[eE][-+]?\d+)?")
_ENDINGS = (INDEX, ".safetensors", ".pt", ".pth", ".bin", ".ckpt")

Steps = Sequence[int] | str


def sort_checkpoints(paths: Iterable[Path | str], steps: Steps | None = None) -> list[tuple[int, Path]]:
    """Checkpoints in the order of their steps.

    Args:
        paths: files and folders; a folder that is no checkpoint itself stands for those directly inside.
        steps: a number for each of ``paths`` (then none may stand for several), or a regular expression whose one group
            is the number in a path; None finds the number in the names: what follows ``step``, else ``epoch``, else
            ``checkpoint``, or the only whole number that differs between them.

    Returns:
        Step and path, by rising step.

    Raises:
        InputError: no path, a name without a step, a step twice, or names whose order cannot be told.
    """
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    found = find_checkpoints(given)
    if not found:
        raise InputError("no checkpoints are given")
    numbers = _numbers(found, steps)
    ordered = sorted(zip(numbers, found, strict=True), key=lambda pair: pair[0])
    for (step, path), (following, other) in pairwise(ordered):
        if step == following:
            same = path.is_file() and other.is_file() and filecmp.cmp(path, other, shallow=False)
            raise InputError(
                f"step {step} is there twice, as {path} and {other}{', with the same bytes' if same else ''}: leave "
                "one out, or say the steps with steps="
            )
    return ordered


def unit_of(paths: Iterable[Path | str]) -> str:
    """What the steps of checkpoints count, as their names say: ``epoch`` or ``step``.

    >>> unit_of(["lenet_epoch_0.pth", "lenet_epoch_1.pth"]), unit_of(["epoch=1-step=40.ckpt", "epoch=2-step=80.ckpt"])
    ('epoch', 'step')
    """
    names = _short_names([Path(path) for path in paths])
    steps, epochs = (all(label.search(name) for name in names) for label in _LABELS[:2])
    return "epoch" if epochs and not steps else "step"


def _numbers(paths: Sequence[Path], steps: Steps | None) -> list[int]:
    if steps is None:
        return _from_names(paths)
    if isinstance(steps, str):
        return _from_pattern(paths, steps)
    numbers = list(steps)
    if len(numbers) != len(paths):
        raise InputError(f"steps has {len(numbers)} entries for {len(paths)} checkpoints ({_shown(paths)})")
    for number in numbers:
        if isinstance(number, bool) or not hasattr(number, "__index__") or number < 0:
            raise InputError(f"steps holds {number!r}: steps are whole numbers from 0")
    return [int(number) for number in numbers]


def _from_pattern(paths: Sequence[Path], pattern: str) -> list[int]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise InputError(f"steps={pattern!r} is no regular expression ({error})") from error
    if compiled.groups != 1:
        raise InputError(
            f"steps={pattern!r} has {compiled.groups} groups: put the step in one, such as r'epoch=(\\d+)'"
        )
    numbers = []
    for path in paths:
        match = compiled.search(str(path))
        if match is None or match[1] is None or not match[1].isdecimal():
            raise InputError(f"steps={pattern!r} finds no whole number in {str(path)!r}")
        numbers.append(int(match[1]))
    return numbers


def _from_names(paths: Sequence[Path]) -> list[int]:
    names = _short_names(paths)
    if len(names) == 1:
        return [_one(names[0])]
    for label in _LABELS:
        found = [label.findall(name) for name in names]
        if all(found):
            numbers = [int(each[-1]) for each in found]
            if len(set(numbers)) == len(numbers):
                return numbers
    columns = _differing_columns(names)
    if columns is None or len(columns) != 1:
        why = (
            "their names are built differently"
            if columns is None
            else f"{len(columns)} numbers differ between them"
            if columns
            else "no whole number differs between them"
        )
        raise InputError(
            f"the order of these checkpoints cannot be told, {why}: {_shown(paths)}. Say the steps with steps=, as a "
            "list of numbers or as a regular expression with one group"
        )
    return columns[0]


def _one(name: str) -> int:
    labelled = [label.findall(name) for label in _LABELS]
    numbers = next((each for each in labelled if each), re.findall(r"\d+", name))
    return int(numbers[-1]) if numbers else 0


def _differing_columns(names: Sequence[str]) -> list[list[int]] | None:
    """Whole numbers at the same place in all names, where they differ; None if the rest of the names differs."""
    if len({_NUMBER.sub("#", name) for name in names}) > 1:
        return None
    columns = zip(*(_NUMBER.findall(name) for name in names), strict=True)
    return [[int(entry) for entry in column] for column in columns if _are_steps(column)]


def _are_steps(column: Sequence[str]) -> bool:
    return len(set(column)) > 1 and all(entry.isdecimal() for entry in column)


def _short_names(paths: Sequence[Path]) -> list[str]:
    """Paths below their common folder, without endings that say the format."""
    whole = [path.absolute() for path in paths]
    above = Path(os.path.commonpath([path.parent for path in whole]))
    names = []
    for path in whole:
        name = path.relative_to(above).as_posix()
        ending = next((end for end in _ENDINGS if name.endswith(end)), "")
        names.append(name.removesuffix(ending).removesuffix(".safetensors"))
    return names


def _shown(paths: Sequence[Path]) -> str:
    names = [str(path) for path in paths[:6]]
    return ", ".join(names) + (f" and {len(paths) - 6} more" if len(paths) > 6 else "")
