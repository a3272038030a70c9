"""Checkpoints in several files: shards with an index, or shards whose names count them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from layerlore.errors import InputError
from layerlore.networks.checkpoints.checkpoint import Checkpoint

SHARD = re.compile(r"^(?P<stem>.*?)[-_.]?(?P<number>\d+)-of-(?P<count>\d+)(?P<end>.*)$")


class Shards(Checkpoint):
    """The tensors of several files as one checkpoint."""

    def __init__(self, path: Path, parts: Sequence[Checkpoint]) -> None:
        self._part: dict[str, Checkpoint] = {}
        self._files = [part.path for part in parts]
        for part in parts:
            for name in part.names():
                if name in self._part:
                    raise InputError(f"{path}: {name!r} is in {self._part[name].path.name} and in {part.path.name}")
                self._part[name] = part
        notes = tuple(dict.fromkeys(note for part in parts for note in part.notes))
        super().__init__(path, {name: part.tensors[name] for name, part in self._part.items()}, notes, in_order=False)
        for part in parts:
            self.same |= part.same

    @property
    def files(self) -> list[Path]:
        """All shards."""
        return self._files

    def _fill(self, name: str, out: Tensor) -> None:
        self._part[name]._fill(name, out)

    def _special(self, name: str) -> Tensor:
        return self._part[name]._special(name)


def indexed_files(index: Path) -> list[Path]:
    """The files that an index of shards (``*.index.json``) names.

    Raises:
        InputError: no index, a file outside its folder, or one that is missing.
    """
    try:
        found = json.loads(index.read_text("utf-8"))["weight_map"]
        names = list(dict.fromkeys(str(name) for name in found.values()))
    except OSError as error:
        raise InputError(f"{index} cannot be read ({error.strerror or error})") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{index} is no index of shards: it has no 'weight_map' of names to files") from error
    if not names:
        raise InputError(f"{index} names no shards")
    outside = [name for name in names if Path(name).name != name or name in (".", "..")]
    if outside:
        raise InputError(f"{index} names {outside[0]!r}, which is not in its own folder: that is not read")
    missing = [name for name in names if not (index.parent / name).is_file()]
    if missing:
        raise InputError(f"{index} names {len(missing)} shards that are missing, such as {missing[0]!r}")
    return [index.parent / name for name in names]


def counted_files(files: Sequence[Path]) -> list[Path]:
    """Shards that have no index, such as ``model-00001-of-00002.safetensors``, if all are there.

    Raises:
        InputError: some of them are missing.
    """
    matches = [SHARD.match(file.name) for file in files]
    numbers = {int(match["number"]) for match in matches if match}
    counts = {int(match["count"]) for match in matches if match}
    first = 0 if 0 in numbers else 1
    missing = sorted(set(range(first, first + max(counts))) - numbers)
    if len(counts) != 1 or missing:
        raise InputError(
            f"{files[0].parent} holds {len(files)} of {max(counts)} shards "
            f"(number {missing[0] if missing else '?'} is missing): copy the others, or leave it out"
        )
    return list(files)
