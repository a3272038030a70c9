"""Bytes of files, read into memory that exists already."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from layerlore.errors import InputError

_LONGEST_READ = 2**30
"""Linux reads less than 2 GiB at once."""


def bytes_of(tensor: Tensor) -> memoryview:
    """The memory of a contiguous CPU tensor with elements, for reading and writing."""
    return tensor.reshape(-1).view(torch.uint8).numpy().data


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """A with-block with a file's descriptor.

    Raises:
        InputError: the file cannot be opened.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError as error:
        raise unreadable(path, error) from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def read_exactly(descriptor: int, offset: int, out: memoryview, path: Path) -> None:
    """Fill ``out`` from a place in a file; several threads may read one file.

    Raises:
        InputError: the file ends before, or cannot be read.
    """
    done = 0
    while done < len(out):
        try:
            count = os.preadv(descriptor, [out[done : done + _LONGEST_READ]], offset + done)
        except OSError as error:
            raise unreadable(path, error) from error
        if not count:
            raise InputError(
                f"{path} ends after {offset + done:,} bytes, {len(out) - done:,} are missing: it was cut off while it "
                "was written or copied; copy it again or leave it out"
            )
        done += count


def unreadable(path: Path, error: OSError) -> InputError:
    """The error for a file that the system does not give."""
    return InputError(f"{path} cannot be read ({error.strerror or error})")


class FilePart(io.RawIOBase):
    """A part of a file as a file of its own."""

    def __init__(self, descriptor: int, start: int, length: int, path: Path) -> None:
        super().__init__()
        self._descriptor, self._start, self._length, self._path = descriptor, start, length, path
        self._position = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place in the part."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._length}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Read on, at most to the end of the part."""
        out = memoryview(buffer).cast("B")[: max(0, self._length - self._position)]
        read_exactly(self._descriptor, self._start + self._position, out, self._path)
        self._position += len(out)
        return len(out)
