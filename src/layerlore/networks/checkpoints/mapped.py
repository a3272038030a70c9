"""Memory maps of files: copied out piece by piece, and the pages given back, which count as memory otherwise."""

from __future__ import annotations

import ctypes
import mmap
from functools import lru_cache
from typing import Any

from torch import Tensor

_PIECE = 8 * 2**20


def copy_from_map(source: Tensor, out: Tensor) -> None:
    """Copy a tensor that lies in a mapped file, so that at most a few megabytes of the map are in memory at once.

    A tensor that is not contiguous in the file is copied as a whole.
    """
    if not source.is_contiguous():
        out.copy_(source)
        _forget(source.untyped_storage().data_ptr(), source.untyped_storage().nbytes())
        return
    source, target = source.reshape(-1), out.view(-1)
    step = max(1, _PIECE // source.element_size())
    for start in range(0, source.numel(), step):
        piece = source[start : start + step]
        target[start : start + step].copy_(piece)
        _forget(piece.data_ptr(), piece.numel() * piece.element_size())


def _forget(address: int, length: int) -> None:
    """Give the pages of a part of a read-only map back; reading them again gets them from the file."""
    advise = _madvise()
    if advise is not None:
        begin = address - address % mmap.PAGESIZE
        advise(ctypes.c_void_p(begin), ctypes.c_size_t(address + length - begin), mmap.MADV_DONTNEED)


@lru_cache(maxsize=1)
def _madvise() -> Any:
    # Without it (Windows) the numbers are the same and the memory is the file's.
    if not hasattr(mmap, "MADV_DONTNEED"):
        return None
    return getattr(ctypes.CDLL(None), "madvise", None)
