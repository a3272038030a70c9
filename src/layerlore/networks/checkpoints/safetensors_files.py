"""Safetensors: a header of JSON, then the bytes of all tensors; read straight into buffers.

The ``safetensors`` package maps a file, and mapped pages count as memory of the process as long as the file is open. A
stream of whole tensors has to stay below three of them, so the few lines of the format are read here instead. Format:
https://huggingface.co/docs/safetensors, whose rules on offsets are checked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from layerlore.errors import InputError
from layerlore.networks.checkpoints.checkpoint import Checkpoint, TensorInfo
from layerlore.networks.checkpoints.names import plain_names
from layerlore.networks.checkpoints.raw import bytes_of, opened, read_exactly, unreadable

_LONGEST_HEADER = 100_000_000
_DTYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2, "C64": torch.complex64,
    "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8,
    "U64": torch.uint64, "U32": torch.uint32, "U16": torch.uint16, "U8": torch.uint8, "BOOL": torch.bool,
}  # fmt: skip


class SafetensorsFile(Checkpoint):
    """One ``.safetensors`` file."""

    def __init__(self, path: Path) -> None:
        header, start = _header(path)
        described = {name: entry for name, entry in header.items() if name != "__metadata__"}
        entries = {name: _entry(name, entry, path) for name, entry in described.items()}
        _check_offsets([offsets for _, offsets in entries.values()], path.stat().st_size - start, path)
        known = {name: info for name, (info, _) in entries.items() if info is not None}
        raw = plain_names(known, path)
        self._places = {name: start + entries[saved][1][0] for name, saved in raw.items()}
        notes = ()
        if len(known) < len(entries):
            left = sorted(set(entries) - set(known))
            notes = (f"{len(left)} tensors of a dtype that PyTorch has not were left out, such as {left[0]!r}",)
        super().__init__(path, {name: known[saved] for name, saved in raw.items()}, notes, in_order=False)

    def _fill(self, name: str, out: Tensor) -> None:
        with opened(self.path) as descriptor:
            read_exactly(descriptor, self._places[name], bytes_of(out), self.path)


def _header(path: Path) -> tuple[dict[str, Any], int]:
    try:
        return _read_header(path)
    except OSError as error:
        raise unreadable(path, error) from error


def _read_header(path: Path) -> tuple[dict[str, Any], int]:
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(size - 8, _LONGEST_HEADER):
            raise InputError(
                f"{path} is no safetensors file, or was cut off: it has {size:,} bytes and names a header of "
                f"{length:,}; copy it again or leave it out"
            )
        text = file.read(length)
    try:
        header = json.loads(text)
    except ValueError as error:
        raise InputError(f"{path} is no safetensors file, or damaged: its header is no JSON ({error})") from error
    if not isinstance(header, dict):
        raise InputError(f"{path} is no safetensors file: its header is no JSON object")
    return header, 8 + length


def _entry(name: str, entry: Mapping[str, Any], path: Path) -> tuple[TensorInfo | None, tuple[int, int]]:
    try:
        dtype, shape, (begin, end) = str(entry["dtype"]), tuple(map(int, entry["shape"])), entry["data_offsets"]
        if min((*shape, 0)) < 0 or not 0 <= begin <= end:
            raise ValueError("negative sizes")
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is damaged: its header describes {name!r} as {entry!r}") from error
    if dtype not in _DTYPES:
        return None, (begin, end)
    found = TensorInfo(shape, _DTYPES[dtype])
    if found.n_bytes != end - begin:
        raise InputError(
            f"{path} is damaged: {name!r} is {found}, {prod(shape) * found.dtype.itemsize:,} bytes, and has a place of "
            f"{end - begin:,}"
        )
    return found, (begin, end)


def _check_offsets(places: list[tuple[int, int]], size: int, path: Path) -> None:
    position = 0
    for begin, end in sorted(places):
        if begin != position:
            raise InputError(f"{path} is damaged: its tensors overlap or leave holes at byte {min(begin, position):,}")
        position = end
    if position != size:
        what = "was cut off" if position > size else "is damaged"
        raise InputError(
            f"{path} {what}: its header names {position:,} bytes of tensors, it has {size:,}; copy it again or leave "
            "it out"
        )
