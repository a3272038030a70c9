"""What every format of saved weights offers: names, shapes and dtypes without reading, and one tensor at a time."""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path

import torch
from torch import Tensor

from layerlore.errors import InputError, closest
from layerlore.networks.checkpoints.raw import unreadable

_END = 2**16


@dataclass(frozen=True)
class TensorInfo:
    """What is known of a saved tensor without reading it.

    Attributes:
        shape: of the tensor.
        dtype: of its elements.
        plain: whether it can be read into memory that exists already; if not (sparse or quantised tensors, and some in
            distributed checkpoints), each reading takes new memory.
    """

    shape: tuple[int, ...]
    dtype: torch.dtype
    plain: bool = True

    @property
    def n_bytes(self) -> int:
        """Bytes of a dense tensor of this shape."""
        return prod(self.shape) * self.dtype.itemsize

    def __str__(self) -> str:
        return f"{self.dtype_name} {list(self.shape)}"

    @property
    def dtype_name(self) -> str:
        """Such as ``float32``."""
        return str(self.dtype).removeprefix("torch.")


class Checkpoint(ABC):
    """The weights of one moment, in a file or in a folder. Made by `open_checkpoint`.

    Attributes:
        path: of the file or folder.
        tensors: what is known of each tensor, by its name without the prefixes of wrappers.
        notes: what a reader should know of how it was read.
        in_order: whether the names come in the network's order of definition; safetensors files sort them.
        same: names whose tensor is the same memory as one that came before, with the name of that one.
    """

    def __init__(
        self, path: Path, tensors: Mapping[str, TensorInfo], notes: tuple[str, ...] = (), *, in_order: bool = True
    ) -> None:
        self.path, self.tensors, self.notes, self.in_order = path, dict(tensors), notes, in_order
        self.same: dict[str, str] = {}

    def names(self) -> list[str]:
        """Names of all tensors, in the order of the file."""
        return list(self.tensors)

    def tensor(self, name: str) -> Tensor:
        """Read one tensor into memory of its own, on the CPU.

        Raises:
            InputError: there is no such tensor, or its bytes cannot be read.
        """
        found = self.info(name)
        if not found.plain:
            return self._special(name)
        out = torch.empty(found.shape, dtype=found.dtype)
        self.read_into(name, out)
        return out

    def read_into(self, name: str, out: Tensor) -> None:
        """Read one plain tensor into ``out``, which has its shape and dtype and is contiguous on the CPU.

        Raises:
            InputError: there is no such tensor, or its bytes cannot be read.
        """
        found = self.info(name)
        if tuple(out.shape) != found.shape or out.dtype != found.dtype or not out.is_contiguous():
            raise InputError(
                f"{name!r} of {self.path} is {found}; it cannot be read into {out.dtype} {list(out.shape)}"
            )
        if out.numel():
            self._fill(name, out)

    def info(self, name: str) -> TensorInfo:
        """Shape and dtype of one tensor.

        Raises:
            InputError: there is no such tensor.
        """
        if name not in self.tensors:
            raise InputError(f"{self.path} holds no tensor {name!r}; {closest(name, self.tensors)}")
        return self.tensors[name]

    @property
    def files(self) -> list[Path]:
        """All files that it is in."""
        return [self.path]

    def stamp(self) -> list[list[int]]:
        """Size, time, and checksum of both ends of each file: another stamp means that something else is there.

        Raises:
            InputError: a file is gone.
        """
        try:
            return [_stamp(file) for file in self.files]
        except OSError as error:
            raise unreadable(self.path, error) from error

    @abstractmethod
    def _fill(self, name: str, out: Tensor) -> None:
        """Read a plain tensor that exists and has elements."""

    def _special(self, name: str) -> Tensor:
        raise NotImplementedError(name)


def _stamp(path: Path) -> list[int]:
    about = path.stat()
    with path.open("rb") as file:
        checksum = zlib.crc32(file.read(_END))
        file.seek(max(0, about.st_size - _END))
        checksum = zlib.crc32(file.read(_END), checksum)
    return [about.st_size, about.st_mtime_ns, checksum]
