"""Weights as flat rows of elements: views where the layout allows it, converted chunks where the dtype asks for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

Chunk = tuple[np.ndarray, np.ndarray, np.ndarray | None]
"""Elements of the earlier, the later and the initial weight."""


def flat(tensors: Sequence[Tensor]) -> list[Tensor]:
    """One-dimensional contiguous versions of tensors of one shape, elements in the same order in all.

    Views where all tensors are dense and share one order of axes (contiguous, channels last, transposed), otherwise
    copies of those that are not.

    >>> [tensor.shape for tensor in flat([torch.ones(2, 3).t(), torch.ones(2, 3).t()])]
    [torch.Size([6]), torch.Size([6])]
    """
    if all(tensor.is_contiguous() for tensor in tensors):
        return [tensor.view(-1) for tensor in tensors]
    first = tensors[0]
    axes = sorted(range(first.dim()), key=lambda axis: -first.stride(axis))
    permuted = [tensor.permute(axes) for tensor in tensors]
    if all(tensor.is_contiguous() for tensor in permuted):
        return [tensor.view(-1) for tensor in permuted]
    return [tensor.contiguous().view(-1) for tensor in tensors]


def rounded(later: Tensor, earlier: Tensor) -> Tensor:
    """The later weight in the dtype of the earlier: what it would be, had it been kept as the earlier was."""
    return later if later.dtype == earlier.dtype else later.to(earlier.dtype)


def chunks(
    earlier: Tensor, later: Tensor, initial: Tensor | None, *, dtype: torch.dtype, size: int, keep: bool
) -> Iterator[Chunk]:
    """Flat weights on the CPU in pieces of ``size`` elements, converted to ``dtype``, in buffers that are used again.

    With ``keep`` a piece of ``earlier`` is overwritten with that of ``later`` as soon as it was read. Where the dtypes
    differ, ``later`` is first rounded to that of ``earlier``.
    """
    n_elements = earlier.numel()
    buffers = [torch.empty(min(size, n_elements), dtype=dtype) for _ in range(2 if initial is None else 3)]
    arrays = [buffer.numpy() for buffer in buffers]
    for start in range(0, n_elements, size):
        length = min(size, n_elements - start)
        if length < size:
            buffers, arrays = [buffer[:length] for buffer in buffers], [array[:length] for array in arrays]
        snapshot = earlier[start : start + length]
        kept = rounded(later[start : start + length], snapshot)
        buffers[0].copy_(snapshot)
        buffers[1].copy_(kept)
        if keep:
            snapshot.copy_(kept)
        if initial is not None:
            buffers[2].copy_(initial[start : start + length])
        yield arrays[0], arrays[1], None if initial is None else arrays[2]
