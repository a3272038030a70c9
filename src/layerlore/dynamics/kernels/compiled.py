"""The sums as one loop that numba compiles: every byte travels once from memory.

numba is imported with the first sum. Compiling takes about a second for each of float32 and float64, once for a
machine: numba keeps the result beside this file, or in the user's cache directory where that is not writable.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from layerlore.dynamics.kernels import chunked
from layerlore.dynamics.kernels.layout import chunks
from layerlore.errors import first_line

BLOCK = 1_024
"""Elements in a block: three blocks of float32 take 12 KiB, of float64 24 KiB, of the 32 that a core has at least."""

SIZE = 32_768
"""Elements that are converted at once where a dtype is not read in place."""

Loop = Callable[[np.ndarray, np.ndarray, np.ndarray, bool, bool, bool, np.ndarray], None]

_FLOAT32_HOLDS = {torch.float32, torch.float16, torch.bfloat16}
_loaded: dict[np.dtype, Loop | str] = {}
_lock = threading.Lock()


class Unusable(Exception):  # noqa: N818  it is no error: the chunked kernel gives the same numbers
    """The compiled kernel does not work here; says why. Never leaves `layerlore.dynamics.kernels`."""


def width(tensors: Sequence[Tensor]) -> np.dtype:
    """The narrower of float32 and float64 that holds the elements of all tensors exactly."""
    narrow = all(tensor.dtype in _FLOAT32_HOLDS or tensor.dtype.itemsize == 1 for tensor in tensors)
    return np.dtype(np.float32 if narrow else np.float64)


def load(dtype: np.dtype) -> Loop:
    """The compiled loop for float32 or float64, checked against the chunked kernel when it is first loaded.

    Raises:
        Unusable: numba is missing, switched off, fails, or gives other numbers.
    """
    with _lock:
        if dtype not in _loaded:
            try:
                _loaded[dtype] = _compile(dtype)
            # Whatever a foreign compiler raises: training goes on with the other kernel, and the reason is kept.
            except Exception as error:
                _loaded[dtype] = f"{type(error).__name__}: {first_line(error)}"
        found = _loaded[dtype]
    if isinstance(found, str):
        raise Unusable(found)
    return found


def add(
    earlier: Tensor,
    later: Tensor,
    initial: Tensor | None,
    row: Float64[np.ndarray, "16"],
    *,
    more: bool,
    keep: bool,
) -> None:
    """Add the sums of one flat, real weight on the CPU to its row; see `layerlore.dynamics.kernels.add_sums`."""
    trio = [tensor for tensor in (earlier, later, initial) if tensor is not None]
    dtype = width(trio)
    loop = load(dtype)
    wanted = torch.float32 if dtype == np.float32 else torch.float64
    with torch.no_grad():
        if all(tensor.dtype == wanted and tensor.data_ptr() % dtype.itemsize == 0 for tensor in trio):
            w, v = earlier.numpy(), later.numpy()
            loop(w, v, w if initial is None else initial.numpy(), more, initial is not None, keep, row)
            return
        # The chunks keep the snapshot in its own dtype, so that the loop has nothing to overwrite.
        for w, v, u in chunks(earlier, later, initial, dtype=wanted, size=SIZE, keep=keep):
            loop(w, v, w if u is None else u, more, u is not None, False, row)


def _compile(dtype: np.dtype) -> Loop:
    from numba import njit

    # Sums may be reordered into lanes; NaN and infinity keep their meaning.
    options = {"nogil": True, "error_model": "numpy", "fastmath": {"reassoc", "contract", "nsz"}}
    # Tests wrap every function of the package in checks of its types, which numba cannot compile.
    plain = inspect.unwrap(_sum_blocks)
    try:
        loop: Any = njit(plain, cache=True, **options)
    except RuntimeError:  # no directory to keep it in
        loop = njit(plain, **options)
    if loop is plain:
        raise RuntimeError("numba is switched off by NUMBA_DISABLE_JIT")
    _check(loop, dtype)
    return loop


def _check(loop: Loop, dtype: np.dtype) -> None:
    """Compile for a dtype, and compare the sums of a small weight with those of the chunked kernel."""
    # Two blocks and a bit; all values and sums are exact in float32, so that any difference is a fault.
    w = (np.arange(2 * BLOCK + 37) % 17 - 8).astype(dtype)
    v, u = w[::-1] * 2, np.roll(w, 3)
    found, expected, ratio = np.zeros(16), np.zeros(16), 6
    loop(w.copy(), v.copy(), u.copy(), True, True, True, found)
    earlier, later, initial = (torch.from_numpy(array.copy()) for array in (w, v, u))
    chunked.add(earlier, later, initial, expected, more=True, keep=True)
    found[ratio] = expected[ratio] if abs(found[ratio] / expected[ratio] - 1) < 1e-12 else np.nan
    if not np.array_equal(found, expected):
        raise RuntimeError(f"the compiled kernel gave {found.tolist()} for a test weight, not {expected.tolist()}")


def _sum_blocks(  # noqa: C901, PLR0912, PLR0915  numba compiles a function for each helper: four times as long
    w: np.ndarray,
    v: np.ndarray,
    u: np.ndarray,
    more: bool,
    initial: bool,
    keep: bool,
    row: np.ndarray,
) -> None:
    # Columns by number, in the order of SUMS: numba compiles this function as it stands. Each loop runs over a slice
    # from its first element, because numba leaves loops that begin elsewhere one element at a time.
    zero = w.dtype.type(0)
    for start in range(0, w.size, BLOCK):
        stop = min(start + BLOCK, w.size)
        ww, vv = w[start:stop], v[start:stop]
        abs_earlier, abs_change = 0.0, 0.0
        if more:
            ratios, total, change, squares, squares_change, growth = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
            for i in range(ww.size):
                x, y = np.float64(ww[i]), np.float64(vv[i])
                d = y - x
                abs_earlier += abs(x)
                abs_change += abs(d)
                ratios += abs(d) / abs(x) if x != 0 else 0.0
                total += x
                change += d
                squares += x * x
                squares_change += d * d
                growth += d * (y + x)
            row[6] += ratios
            row[7] += total
            row[8] += change
            row[9] += squares
            row[10] += squares_change
            row[11] += growth
        else:
            for i in range(ww.size):
                x, y = np.float64(ww[i]), np.float64(vv[i])
                abs_earlier += abs(x)
                abs_change += abs(y - x)
        row[4] += abs_earlier
        row[5] += abs_change
        nonzero, changed = 0, 0
        for i in range(ww.size):
            nonzero += ww[i] != zero
            changed += ww[i] != vv[i]
        row[1] += nonzero
        row[3] += changed
        # A block whose changes have a finite sum holds nothing else, and that is nearly every block.
        if not np.isfinite(abs_change):
            for i in range(ww.size):
                if not (np.isfinite(ww[i]) and np.isfinite(vv[i])):
                    row[2] += 1
        if initial:
            uu = u[start:stop]
            squares, squares_change, growth, changed = 0.0, 0.0, 0.0, 0
            for i in range(uu.size):
                x, y = np.float64(uu[i]), np.float64(vv[i])
                d = y - x
                squares += x * x
                squares_change += d * d
                growth += d * (y + x)
            for i in range(uu.size):
                changed += uu[i] != vv[i]
            row[12] += changed
            row[13] += squares
            row[14] += squares_change
            row[15] += growth
        if keep:
            for i in range(ww.size):
                ww[i] = vv[i]
