"""The sums with NumPy, in chunks that stay in the second-level cache."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from layerlore.dynamics.kernels.layout import chunks
from layerlore.dynamics.sums import COLUMN

SIZE = 32_768
"""Elements in a chunk, 256 KiB as float64: smaller ones cost more calls, larger ones the cache."""

PIECE = 8_192
"""Elements of an inner product: OpenBLAS shares longer ones among all processors, which a training run needs itself."""


def add(
    earlier: Tensor,
    later: Tensor,
    initial: Tensor | None,
    row: Float64[np.ndarray, "16"],
    *,
    more: bool,
    keep: bool,
) -> None:
    """Add the sums of one flat weight on the CPU to its row; see `layerlore.dynamics.kernels.add_sums`."""
    dtype = torch.complex128 if earlier.is_complex() else torch.float64
    work = _Work(min(SIZE, max(1, earlier.numel())), dtype)
    # Weights that are not finite, and squares beyond float64, end as NaN or infinity in the sums, where they are seen.
    with np.errstate(all="ignore"), torch.no_grad():
        for w, v, u in chunks(earlier, later, initial, dtype=dtype, size=SIZE, keep=keep):
            d, moduli, flags = work.of(len(w))
            np.subtract(v, w, out=d)
            total = _add_l1(w, d, moduli, row)
            _add_counts(w, v, flags, row)
            # A chunk whose changes have a finite sum holds nothing else, and that is nearly every chunk.
            if not np.isfinite(total):
                row[COLUMN["nonfinite"]] += np.count_nonzero(~(np.isfinite(w) & np.isfinite(v)))
            if more:
                _add_ratios(moduli, flags, row)
                _add_moments(w, v, d, row)
            if u is not None:
                _add_from_init(u, v, d, flags, row)


class _Work:
    """Arrays that are written again for every chunk."""

    def __init__(self, size: int, dtype: torch.dtype) -> None:
        self._difference = torch.empty(size, dtype=dtype).numpy()
        self._moduli = np.empty((2, size))
        self._flags = np.empty(size, dtype=bool)

    def of(self, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self._difference[:size], self._moduli[:, :size], self._flags[:size]


def _add_l1(w: np.ndarray, d: np.ndarray, moduli: np.ndarray, row: np.ndarray) -> float:
    change = float(np.add.reduce(np.abs(d, out=moduli[1])))
    row[COLUMN["abs_earlier"]] += np.add.reduce(np.abs(w, out=moduli[0]))
    row[COLUMN["abs_change"]] += change
    return change


def _add_counts(w: np.ndarray, v: np.ndarray, flags: np.ndarray, row: np.ndarray) -> None:
    row[COLUMN["nonzero"]] += np.count_nonzero(np.not_equal(w, 0, out=flags))
    row[COLUMN["changed"]] += np.count_nonzero(np.not_equal(w, v, out=flags))


def _add_ratios(moduli: np.ndarray, flags: np.ndarray, row: np.ndarray) -> None:
    start, change = moduli
    np.divide(change, start, out=change)
    change[np.equal(start, 0, out=flags)] = 0
    row[COLUMN["ratios"]] += np.add.reduce(change)


def _add_moments(w: np.ndarray, v: np.ndarray, d: np.ndarray, row: np.ndarray) -> None:
    row[COLUMN["sum_earlier"]] += np.add.reduce(w).real
    row[COLUMN["sum_change"]] += np.add.reduce(d).real
    row[COLUMN["squares_earlier"]] += _dot(w, w)
    row[COLUMN["squares_change"]] += _dot(d, d)
    row[COLUMN["growth"]] += _dot(d, np.add(v, w, out=w))


def _add_from_init(u: np.ndarray, v: np.ndarray, d: np.ndarray, flags: np.ndarray, row: np.ndarray) -> None:
    row[COLUMN["changed_from_init"]] += np.count_nonzero(np.not_equal(u, v, out=flags))
    np.subtract(v, u, out=d)
    row[COLUMN["squares_initial"]] += _dot(u, u)
    row[COLUMN["squares_from_init"]] += _dot(d, d)
    row[COLUMN["growth_from_init"]] += _dot(d, np.add(v, u, out=u))


def _dot(a: np.ndarray, b: np.ndarray) -> float:
    """Real part of the inner product."""
    return sum(float(np.vdot(a[i : i + PIECE], b[i : i + PIECE]).real) for i in range(0, len(a), PIECE))
