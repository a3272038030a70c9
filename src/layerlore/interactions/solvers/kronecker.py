"""Kronecker powers of 2x2 matrices, applied to games as sweeps.

Almost everything linear in METHODS A4 is the n-fold Kronecker power of a 2x2
matrix. Factored into unit triangles and diagonals, such a power costs two sweeps
of additions and three elementwise products, ``O(n 2^n)``.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from layerlore.interactions.moebius import Halves, halves, sweep_
from layerlore.typing import GameColumns


def diagonal_power(n_players: int, without: float, with_player: float) -> Tensor:
    """Diagonal of the Kronecker power of ``diag(without, with_player)``, ``float64[2**n_players]``."""
    diagonal = torch.ones(1, dtype=torch.float64)
    for _ in range(n_players):
        diagonal = torch.cat([diagonal * without, diagonal * with_player])
    return diagonal


def joint_eigen(left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues and a basis ``C`` with ``C' left C = diag(values)`` and ``C' right C = 1``."""
    root = torch.linalg.inv(torch.linalg.cholesky(right))
    values, vectors = torch.linalg.eigh(root @ left @ root.T)
    return values, root.T @ vectors


def total(values: Tensor) -> Tensor:
    """Sum over the first axis, of length ``2**n``, in a fixed order.

    The bits of a column do not depend on how many columns stand beside it,
    which `torch.sum` does not promise.
    """
    while values.shape[0] > 1:
        half = values.shape[0] // 2
        values = values[:half] + values[half:]
    return values[0]


@dataclass(frozen=True)
class KroneckerPower:
    """``outer * up(middle * down(inner * x))``, with sweeps ``up`` and ``down`` that only add."""

    n_players: int
    outer: Tensor
    middle: Tensor
    inner: Tensor

    @classmethod
    def of(cls, matrix: Tensor, n_players: int, device: torch.device) -> KroneckerPower:
        """The ``n_players``-fold power of a 2x2 ``matrix`` whose first row and column hold no zero.

        The matrix is ``lower @ diag(scale) @ upper``. A unit triangle with
        off-diagonal ``t`` is the one with off-diagonal 1 between ``diag(1, t)``
        and its inverse, so that all numbers end in three diagonals.
        """
        corner = float(matrix[0, 0])
        low, up = float(matrix[1, 0]) / corner, float(matrix[0, 1]) / corner
        rest = float(matrix[1, 1]) - low * up * corner
        parts = ((1, low), (corner * up, rest / low), (1 / up, 1))
        return cls(n_players, *(diagonal_power(n_players, *part).view(-1, 1).to(device) for part in parts))

    def __call__(self, columns: GameColumns, transposed: bool = False) -> GameColumns:
        """The power, or its transpose, times each column."""
        first, last = (self.outer, self.inner) if transposed else (self.inner, self.outer)
        result = columns * first
        pairs: Halves = halves(result, self.n_players, result.shape[1])
        sweep_(pairs, "down", 1)
        result *= self.middle
        sweep_(pairs, "up", 1)
        result *= last
        return result
