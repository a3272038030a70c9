"""Norms of gradients."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from layerlore.engines.sharded import local_part, sharding_of
from layerlore.errors import InputError


def gradient_squares(names: Sequence[str], weights: Sequence[Tensor]) -> Float64[Tensor, "n_weights 2"]:
    """For each weight the sum of squares of its gradient and the number of elements that it is over.

    Of the parts that are here: rows of the shards of one weight are added. Both are 0 where there is no gradient.
    One transfer to the CPU per device.

    Raises:
        InputError: a gradient is spread over processes in another way than its weight.
    """
    found: dict[torch.device, list[tuple[int, int, Tensor]]] = {}
    for position, (name, weight) in enumerate(zip(names, weights, strict=True)):
        gradient = weight.grad
        if gradient is None:
            continue
        ours, theirs = sharding_of(weight, name), sharding_of(gradient, f"{name}.grad")
        if (ours and ours.dims) != (theirs and theirs.dims):
            raise InputError(
                f"the gradient of {name!r} is spread over processes in another way than the weight: call the tracker "
                "after optimizer.step()"
            )
        values = _values(local_part(gradient))
        # There are devices without float64.
        dtype = torch.float32 if values.device.type == "mps" else torch.float64
        norm = torch.linalg.vector_norm(values, dtype=torch.complex128 if values.is_complex() else dtype)
        found.setdefault(norm.device, []).append((position, gradient.numel(), norm))
    squares = torch.zeros(len(weights), 2, dtype=torch.float64)
    for entries in found.values():
        norms = torch.stack([norm for _, _, norm in entries]).cpu().double()
        positions = torch.tensor([position for position, _, _ in entries])
        squares[positions, 0] = norms**2
        squares[positions, 1] = torch.tensor([count for _, count, _ in entries], dtype=torch.float64)
    return squares


def norms_of(squares: Float64[Tensor, "n_weights 2"]) -> Float64[np.ndarray, "n_weights"]:
    """The L2 norms; NaN where there is no gradient."""
    total, count = squares.numpy().T
    with np.errstate(invalid="ignore"):
        return np.where(count > 0, np.sqrt(total), np.nan)


def _values(gradient: Tensor) -> Tensor:
    if gradient.layout == torch.strided:
        return gradient.detach()
    # Rows that were looked up several times have to be added first.
    return gradient.detach().coalesce().values() if gradient.is_sparse else gradient.detach().to_dense()
