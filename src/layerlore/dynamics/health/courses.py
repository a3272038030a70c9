"""What is noted of each tensor at each step: enough for every check, from one reading of the files."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from layerlore.dynamics.change import sum_weights
from layerlore.dynamics.series.reading import load_weight
from layerlore.dynamics.sums import COLUMN
from layerlore.errors import InputError
from layerlore.networks.checkpoints import Checkpoint, TensorInfo
from layerlore.networks.checkpoints.raw import bytes_of

_PIECE = 2**20
_FAST = (torch.float32, torch.float64)
_COLUMNS = ("changed", "squares_change")

PerStep = Float64[np.ndarray, "n_steps"]


@dataclass(frozen=True, eq=False)
class Course:
    """One tensor through a series; NaN where it is missing or a number is not defined.

    Attributes:
        name: of the tensor.
        kind: of its layer, from its name and shape.
        infos: shape and dtype at each step; None where it is missing or could not be read.
        errors: why it could not be read, by position of the step.
        nonfinite: number of elements that are NaN or infinite.
        low: smallest finite element.
        high: largest finite element.
        rms: root of the mean square of the finite elements.
        changed: number of elements that differ from the step before.
        distance: L2 distance to the step before.
        distance_2: L2 distance to the step before that.
        checksum: CRC-32 of the bytes.
    """

    name: str
    kind: str
    infos: list[TensorInfo | None]
    errors: dict[int, str]
    nonfinite: PerStep
    low: PerStep
    high: PerStep
    rms: PerStep
    changed: PerStep
    distance: PerStep
    distance_2: PerStep
    checksum: list[int | None]

    @property
    def is_weight(self) -> bool:
        """Whether it has two or more dimensions and is trained, as far as its name tells."""
        known = [info for info in self.infos if info is not None]
        return bool(known) and len(known[0].shape) > 1 and self.kind not in ("norm", "bias", "buffer")


def follow(name: str, kind: str, checkpoints: Sequence[Checkpoint | None]) -> Course:
    """Read one tensor of all checkpoints, each once; three are in memory at most.

    Args:
        name: of the tensor.
        kind: of its layer.
        checkpoints: by rising step; None where one cannot be opened.
    """
    count = len(checkpoints)
    table = {what: np.full(count, np.nan) for what in _NUMBERS}
    infos: list[TensorInfo | None] = [None] * count
    errors: dict[int, str] = {}
    checksum: list[int | None] = [None] * count
    before: list[Tensor | None] = [None, None]
    spare: Tensor | None = None
    for position, checkpoint in enumerate(checkpoints):
        if checkpoint is None or name not in checkpoint.tensors:
            now = None
        else:
            try:
                now = load_weight(checkpoint, name, spare)
            except InputError as error:
                now, errors[position] = None, str(error)
        spare = None
        if now is not None and checkpoint is not None:
            infos[position] = checkpoint.tensors[name]
            checksum[position] = zlib.crc32(bytes_of(now.contiguous())) if now.numel() else 0
            for what, number in zip(("nonfinite", "low", "high", "rms"), _numbers(now), strict=True):
                table[what][position] = number
            table["changed"][position], table["distance"][position] = _moved(before[1], now)
            table["distance_2"][position] = _moved(before[0], now)[1]
        spare = before[0] if _is_plain(name, checkpoint) else None
        before = [before[1], now]
        del now
    return Course(name, kind, infos, errors, checksum=checksum, **table)


_NUMBERS = ("nonfinite", "low", "high", "rms", "changed", "distance", "distance_2")


def _is_plain(name: str, checkpoint: Checkpoint | None) -> bool:
    return checkpoint is not None and name in checkpoint.tensors and checkpoint.tensors[name].plain


def _numbers(tensor: Tensor) -> tuple[float, float, float, float]:
    """Number of elements that are not finite; lowest, highest and root mean square of the others."""
    flat = torch.view_as_real(tensor.reshape(-1)).reshape(-1) if tensor.is_complex() else tensor.reshape(-1)
    nonfinite, low, high, squares = 0, np.inf, -np.inf, 0.0
    for start in range(0, flat.numel(), _PIECE):
        piece = flat[start : start + _PIECE]
        piece = piece if piece.dtype in _FAST else piece.float()
        ends = [float(end) for end in torch.aminmax(piece)]
        if np.isfinite(ends).all():
            low, high = min(low, ends[0]), max(high, ends[1])
            squares += float(torch.linalg.vector_norm(piece, dtype=torch.float64)) ** 2
            continue
        piece = piece.double()
        finite = torch.isfinite(piece)
        nonfinite += int(piece.numel() - finite.sum())
        piece = piece[finite]
        if piece.numel():
            low, high = min(low, float(piece.min())), max(high, float(piece.max()))
            squares += float(piece @ piece)
    left = flat.numel() - nonfinite
    if not left:
        return float(nonfinite), np.nan, np.nan, np.nan
    return float(nonfinite), low, high, float(np.sqrt(squares / left))


def _moved(earlier: Tensor | None, later: Tensor) -> tuple[float, float]:
    """Number of elements that changed, and the distance; NaN where there is nothing to compare with."""
    if earlier is None or (earlier.shape, earlier.dtype) != (later.shape, later.dtype) or not later.numel():
        return np.nan, np.nan
    sums = sum_weights([earlier], [later], None, _COLUMNS)[0].numpy()
    return float(sums[COLUMN["changed"]]), float(np.sqrt(sums[COLUMN["squares_change"]]))
