"""Kernels that fill the rows of `layerlore.dynamics.sums`: one pass over the bytes of a weight.

A record is limited by memory, so the question is how often the bytes travel. Operations on whole tensors, NumPy's as
well as ``torch._foreach_*``, read and write all of them several times. The kernels here take a weight in blocks that
stay in the cache: every sum is taken of a block, and then the block of the earlier copy is overwritten with the later
one, before the next block is fetched. Which kernel works where:

- ``compiled`` (CPU, needs numba): blocks of 1,024 elements, which fit the first-level cache three times; all arithmetic
  in float64 registers. Real float32 and float64 weights are read in place, other dtypes in chunks of 32,768 converted
  to the narrowest of the two that holds them exactly.
- ``chunked`` (CPU, NumPy alone): the same sums, in chunks of 32,768 elements that are converted to float64 buffers
  in the second-level cache. It is the fallback where numba is missing, switched off or broken, and takes complex
  weights.
- ``packed`` (accelerators): weights are packed into rows of 1,024, a bucket at a time, so that a bucket costs the same
  few launches whether it holds one weight or a thousand. It runs on the CPU too, which is how it is tested.

All add in float64, or complex128, whatever the dtype of the weight; a float32 product is exact there, so half precision
cannot overflow. Between blocks and within them partial sums are added pairwise or in parallel lanes: a sum of ``n``
terms has a relative error near ``(32 + n / 1024) * 2**-53`` at the very worst, and near ``2**-53 * sqrt`` of that as a
rule. Devices without float64 (MPS) add each row of 1,024 in float32 and the rows in float64.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from layerlore.dynamics.kernels import chunked, compiled
from layerlore.dynamics.kernels.layout import flat
from layerlore.dynamics.kernels.packed import FROM_INIT, sum_packed
from layerlore.dynamics.sums import COLUMN

__all__ = ["Kernel", "add_sums", "kernel_in_use", "sum_packed"]


@dataclass(frozen=True)
class Kernel:
    """Which kernel sums weights on the CPU.

    Attributes:
        name: ``compiled`` or ``chunked``.
        reason: why it is the slower one; empty for ``compiled``.
    """

    name: str
    reason: str = ""


def kernel_in_use() -> Kernel:
    """The kernel for real weights on the CPU, and why; the first call loads it."""
    try:
        compiled.load(np.dtype(np.float32))
    except compiled.Unusable as error:
        return Kernel("chunked", str(error))
    return Kernel("compiled")


def add_sums(
    earlier: Tensor,
    later: Tensor,
    initial: Tensor | None,
    row: Float64[np.ndarray, "16"],
    *,
    more: bool = True,
    keep: bool = False,
    kernel: str | None = None,
) -> None:
    """Add the sums of one weight on the CPU to its row.

    Args:
        earlier: dense, floating or complex.
        later: likewise, of the same shape; rounded to the dtype of ``earlier`` where that is another one.
        initial: likewise; ``later`` is rounded to its dtype where they are compared.
        row: sums so far; all columns are added to.
        more: also the columns that ``rwc_l1`` does not need.
        keep: overwrite ``earlier`` with ``later``, each block after it was read.
        kernel: ``compiled`` or ``chunked``; None takes the first of them that works for these dtypes.
    """
    row[COLUMN["elements"]] += later.numel()
    if initial is not None and initial.dtype != earlier.dtype:
        # Rounded differently, the later weight is a third tensor: as a pair of its own.
        apart = np.zeros_like(row)
        add_sums(initial, later, None, apart, kernel=kernel)
        for of_pair, from_init in FROM_INIT.items():
            row[COLUMN[from_init]] += apart[COLUMN[of_pair]]
        initial = None
    trio = [tensor for tensor in (earlier, later, initial) if tensor is not None]
    views = flat(trio)
    # A layout that cannot be viewed flat was copied, and the snapshot is none of the copy's business.
    aside = keep and views[0].data_ptr() != earlier.data_ptr()
    add = (
        chunked.add if kernel == "chunked" or not _compiled_works(trio, required=kernel == "compiled") else compiled.add
    )
    add(views[0], views[1], views[2] if initial is not None else None, row, more=more, keep=keep and not aside)
    if aside:
        with torch.no_grad():
            earlier.copy_(later)


def _compiled_works(trio: list[Tensor], *, required: bool) -> bool:
    if any(tensor.is_complex() for tensor in trio):
        return False
    try:
        compiled.load(compiled.width(trio))
    except compiled.Unusable:
        if required:
            raise
        return False
    return True
