"""Folders of `torch.distributed.checkpoint`, read tensor by tensor without a process group."""

from __future__ import annotations

from math import prod
from pathlib import Path

from torch import Tensor

from layerlore.errors import InputError, closest
from layerlore.networks.checkpoints.checkpoint import Checkpoint, TensorInfo
from layerlore.networks.checkpoints.dcp_metadata import METADATA, Chunk, Entry, read_metadata
from layerlore.networks.checkpoints.names import plain_names
from layerlore.networks.checkpoints.picking import choose_key
from layerlore.networks.checkpoints.raw import FilePart, opened
from layerlore.networks.checkpoints.torch_files import load_safely


class DistributedCheckpoint(Checkpoint):
    """One folder with ``.metadata`` and ``.distcp`` files; the parts of a tensor are put together."""

    def __init__(self, path: Path, key: str | None = None) -> None:
        picked, notes = _picked(read_metadata(path), path, key)
        raw = plain_names(picked, path)
        self._entries = {name: picked[saved] for name, saved in raw.items()}
        for name, entry in self._entries.items():
            _check_whole(name, entry, path)
        # A tensor in one part comes with memory of its own, which need not be copied.
        tensors = {
            name: TensorInfo(entry.shape, entry.dtype, plain=len(entry.chunks) != 1)
            for name, entry in self._entries.items()
        }
        super().__init__(path, tensors, notes)

    @property
    def files(self) -> list[Path]:
        """The metadata and all files that hold parts of the weights."""
        parts = {chunk.file for entry in self._entries.values() for chunk in entry.chunks}
        return [self.path / METADATA, *(self.path / part for part in sorted(parts))]

    def _fill(self, name: str, out: Tensor) -> None:
        for chunk in self._entries[name].chunks:
            part = self._part(name, chunk)
            place = tuple(slice(start, start + size) for start, size in zip(chunk.offsets, chunk.sizes, strict=True))
            out[place].copy_(part)

    def _special(self, name: str) -> Tensor:
        return self._part(name, self._entries[name].chunks[0])

    def _part(self, name: str, chunk: Chunk) -> Tensor:
        dtype = self._entries[name].dtype
        file = self.path / chunk.file
        with opened(file) as descriptor:
            part = load_safely(FilePart(descriptor, chunk.start, chunk.length, file), file)
        if not isinstance(part, Tensor) or (tuple(part.shape), part.dtype) != (chunk.sizes, dtype):
            raise InputError(f"{file} is damaged: a part of {name!r} is not the tensor that the metadata describe")
        return part


def _picked(entries: dict[str, Entry], path: Path, key: str | None) -> tuple[dict[str, Entry], tuple[str, ...]]:
    nested: dict[str, int] = {}
    for entry in entries.values():
        if len(entry.keys) > 1 and entry.shape:
            nested[entry.keys[0]] = nested.get(entry.keys[0], 0) + (len(entry.keys) == 2)
    nested = {name: count for name, count in nested.items() if count}
    if key is None:
        n_here = sum(len(entry.keys) == 1 and bool(entry.shape) for entry in entries.values())
        chosen = choose_key(nested, n_here, path)
        wanted: tuple[str, ...] = () if chosen is None else (chosen,)
        notes = () if chosen is None else (f"weights were taken from the key {chosen!r}",)
    else:
        wanted, notes = tuple(key.split(".")), ()
    picked = {
        ".".join(entry.keys[len(wanted) :]): entry
        for entry in entries.values()
        if entry.keys[: len(wanted)] == wanted and len(entry.keys) == len(wanted) + 1
    }
    if not picked:
        raise InputError(f"{path} has no key {key!r} with tensors; {closest(str(key), nested)}")
    return picked, notes


def _check_whole(name: str, entry: Entry, path: Path) -> None:
    # Parts never overlap: torch writes each element once.
    if sum(prod(chunk.sizes) for chunk in entry.chunks) != prod(entry.shape):
        raise InputError(f"{path} is damaged: parts of {name!r} are missing")
