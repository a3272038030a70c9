"""The sums on an accelerator: weights packed into rows, a bucket at a time, and one transfer home."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64, Shaped
from torch import Tensor

from layerlore.dynamics.kernels.layout import flat, rounded
from layerlore.dynamics.sums import COLUMN, SUMS

ROW = 1_024
"""Elements that are summed in one go; a weight is filled up with zeros, which add nothing, to whole rows of them."""

BUCKET = 4_096
"""Rows in a bucket: 4 M elements, which take 32 MiB as float64, some eight times over while a bucket is summed."""

PAIR = SUMS[SUMS.index("nonzero") : SUMS.index("changed_from_init")]
"""Columns of a pair of weights, in the order of `_sum_rows`; the first five are all that ``rwc_l1`` needs."""

FROM_INIT = {
    "changed": "changed_from_init",
    "squares_earlier": "squares_initial",
    "squares_change": "squares_from_init",
    "growth": "growth_from_init",
}
"""Columns of a pair, and what they are called where its first weight is the initial one."""


@dataclass(frozen=True)
class Piece:
    """Elements ``start`` to ``stop`` of a weight, and the first row of the bucket that they fill."""

    weight: int
    start: int
    stop: int
    row: int

    @property
    def n_rows(self) -> int:
        """Rows that the piece takes up."""
        return -(-(self.stop - self.start) // ROW)


def sum_packed(
    earlier: Sequence[Tensor],
    later: Sequence[Tensor],
    initial: Sequence[Tensor] | None,
    *,
    more: bool = True,
    keep: bool = False,
    precision: torch.dtype | None = None,
    bucket: int = BUCKET,
) -> Float64[np.ndarray, "n_weights 16"]:
    """Sums of weights that are on one device, all real or all complex.

    Args:
        earlier: dense, on the device or on the CPU.
        later: on the device; rounded to the dtype of ``earlier`` where that is another one.
        initial: on the device or on the CPU.
        more: also the columns that ``rwc_l1`` does not need.
        keep: overwrite ``earlier`` with ``later`` at the end; on the device this is queued, not waited for.
        precision: what is added in; None takes float64, and float32 on devices that have no float64.
        bucket: rows that are packed at a time.
    """
    device = later[0].device
    precision = precision or widest(device)
    dtype = precision.to_complex() if later[0].is_complex() else precision
    with torch.no_grad():
        flats = [
            flat([e, v]) if initial is None else flat([e, v, initial[i]])
            for i, (e, v) in enumerate(zip(earlier, later, strict=True))
        ]
        sums, owners = [], []
        for pieces in _buckets([tensor.numel() for tensor in later], bucket):
            sums.append(_sum_pieces(pieces, flats, device, dtype, more=more))
            owners += [
                piece.weight for piece in pieces for _ in range(1 if precision == torch.float64 else piece.n_rows)
            ]
        rows = np.zeros((len(later), len(COLUMN)))
        if owners:
            np.add.at(rows, owners, torch.cat(sums).cpu().double().numpy())
        if keep:
            torch._foreach_copy_(list(earlier), list(later))  # pyright: ignore[reportPrivateImportUsage]
    rows[:, COLUMN["elements"]] = [tensor.numel() for tensor in later]
    return rows


def widest(device: torch.device) -> torch.dtype:
    """Float64 where the device has it, otherwise float32."""
    try:
        torch.zeros(1, dtype=torch.float64, device=device)
    except (TypeError, RuntimeError):
        return torch.float32
    return torch.float64


def _buckets(sizes: Sequence[int], n_rows: int) -> Iterator[list[Piece]]:
    """Pieces of all weights in order, as many as fill a bucket."""
    pieces: list[Piece] = []
    used = 0
    for weight, size in enumerate(sizes):
        start = 0
        while start < size:
            stop = min(size, start + (n_rows - used) * ROW)
            pieces.append(Piece(weight, start, stop, used))
            used += pieces[-1].n_rows
            start = stop
            if used == n_rows:
                yield pieces
                pieces, used = [], 0
    if pieces:
        yield pieces


def _sum_pieces(
    pieces: Sequence[Piece], flats: Sequence[Sequence[Tensor]], device: torch.device, dtype: torch.dtype, *, more: bool
) -> Shaped[Tensor, "n 16"]:
    """Sums of the pieces of a bucket; of each row where the device cannot add them in float64."""
    here = [(piece, [tensor[piece.start : piece.stop] for tensor in flats[piece.weight]]) for piece in pieces]
    w = _packed(pieces, [parts[0] for _, parts in here], device, dtype)
    v = _packed(pieces, [rounded(parts[1], parts[0]) for _, parts in here], device, dtype)
    real = w.real.dtype
    sums = torch.zeros(w.shape[0], len(COLUMN), dtype=real, device=device)
    for name, column in zip(PAIR, _sum_rows(w, v, more=more), strict=False):
        sums[:, COLUMN[name]] = column
    if len(flats[0]) > 2:
        u = _packed(pieces, [parts[2] for _, parts in here], device, dtype)
        if any(parts[2].dtype != parts[0].dtype for _, parts in here):
            v = _packed(pieces, [rounded(parts[1], parts[2]) for _, parts in here], device, dtype)
        for name, column in zip(PAIR, _sum_rows(u, v, more=True), strict=True):
            if name in FROM_INIT:
                sums[:, COLUMN[FROM_INIT[name]]] = column
    if real != torch.float64:
        return sums
    lengths = torch.tensor([piece.n_rows for piece in pieces], device=device)
    return torch.segment_reduce(sums, "sum", lengths=lengths, axis=0, unsafe=True)


def _packed(pieces: Sequence[Piece], parts: list[Tensor], device: torch.device, dtype: torch.dtype) -> Tensor:
    packed = torch.zeros((pieces[-1].row + pieces[-1].n_rows) * ROW, dtype=dtype, device=device)
    places = [packed[piece.row * ROW :][: piece.stop - piece.start] for piece in pieces]
    torch._foreach_copy_(places, parts)  # pyright: ignore[reportPrivateImportUsage]
    return packed.view(-1, ROW)


def _sum_rows(w: Tensor, v: Tensor, *, more: bool) -> Iterator[Tensor]:
    """Columns of a pair, one number for each row, in the order of `PAIR`."""
    d = v - w
    start, change = w.abs(), d.abs()
    yield (w != 0).sum(1)
    yield (~(w.isfinite() & v.isfinite())).sum(1)
    yield (w != v).sum(1)
    yield start.sum(1)
    yield change.sum(1)
    if more:
        yield (change / start).masked_fill_(w == 0, 0).sum(1)
        del start, change
        yield w.real.sum(1)
        yield d.real.sum(1)
        yield _dot(w, w)
        yield _dot(d, d)
        yield _dot(d, v + w)


def _dot(a: Tensor, b: Tensor) -> Tensor:
    """Real part of the inner product of each row."""
    return torch.linalg.vecdot(a, b, dim=1).real
