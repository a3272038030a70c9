"""Sharded tensors: the part that is here, and adding numbers up over the parts.

A DTensor lies on a mesh of processes. Along some dimensions of the mesh its processes hold different elements
(sharded), along the others the same (replicated). A sum over the whole tensor is the sum of what the processes along
the sharded dimensions found for their parts; adding over replicated dimensions would count elements twice.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float64
from torch import Tensor

from layerlore.errors import InputError


@dataclass(frozen=True, eq=False)
class Sharding:
    """How a tensor is spread over processes.

    Attributes:
        mesh: the `torch.distributed.device_mesh.DeviceMesh`.
        dims: of the mesh along which processes hold different elements.
        placements: as text, one for each dimension of the mesh.
    """

    mesh: Any
    dims: tuple[int, ...]
    placements: tuple[str, ...]

    def add(self, numbers: Tensor) -> Tensor:
        """Numbers of this part, added over all parts; every process of the mesh has to call it.

        Args:
            numbers: any shape, on any device.

        Returns:
            The same numbers on every process, on the device that they came from.
        """
        if not self.dims:
            return numbers
        # The processes talk through the mesh's own device; the numbers are few.
        total = numbers.to(self.mesh.device_type, copy=True).contiguous()
        for dim in self.dims:
            torch.distributed.all_reduce(total, group=self.mesh.get_group(dim))
        return total.to(numbers.device)

    def describe(self) -> str:
        """The mesh, the placements and this process's place, as text: equal where the local parts are the same."""
        place = self.mesh.get_coordinate()
        return f"mesh {tuple(self.mesh.shape)}, placements {', '.join(self.placements)}, process {tuple(place)}"


def sharding_of(tensor: Tensor, name: str) -> Sharding | None:
    """How a tensor is spread over processes; None for a plain tensor.

    Args:
        tensor: any.
        name: what an error calls it.

    Raises:
        InputError: the values are partial (not yet added up), or this process holds no place on the tensor's mesh.
    """
    if not _is_spread(tensor):
        return None
    spread: Any = tensor
    if any(placement.is_partial() for placement in spread.placements):
        raise InputError(
            f"{name!r} holds partial sums (placements {spread.placements}): redistribute it to Shard or Replicate first"
        )
    if spread.device_mesh.get_coordinate() is None:
        raise InputError(f"{name!r} lies on a mesh of which this process is no part: it cannot be read here")
    dims = tuple(dim for dim, placement in enumerate(spread.placements) if not placement.is_replicate())
    return Sharding(spread.device_mesh, dims, tuple(map(str, spread.placements)))


def local_part(tensor: Tensor) -> Tensor:
    """The elements that this process holds, not copied; the tensor itself where it is not sharded."""
    if not _is_spread(tensor):
        return tensor
    spread: Any = tensor
    return spread.to_local()


def add_over_shards(
    rows: Float64[Tensor, "n_tensors n_numbers"], shardings: Sequence[Sharding | None]
) -> Float64[Tensor, "n_tensors n_numbers"]:
    """Rows of numbers found for local parts, added over the parts: one exchange for tensors that are spread alike.

    Args:
        rows: one for each tensor.
        shardings: of the tensors, in the same order in every process.

    Returns:
        Rows for whole tensors, the same in every process.
    """
    alike: dict[tuple[Any, tuple[int, ...]], list[int]] = {}
    shared: dict[tuple[Any, tuple[int, ...]], Sharding] = {}
    for position, sharding in enumerate(shardings):
        if sharding is not None and sharding.dims:
            key = (sharding.mesh, sharding.dims)
            alike.setdefault(key, []).append(position)
            shared[key] = sharding
    if not alike:
        return rows
    whole = rows.clone()
    for key, positions in alike.items():
        whole[positions] = shared[key].add(rows[positions])
    return whole


def is_first_process() -> bool:
    """Whether this is the process that writes for all: rank 0, or the only one."""
    distributed = torch.distributed
    return not (distributed.is_available() and distributed.is_initialized()) or distributed.get_rank() == 0


def _is_spread(tensor: Tensor) -> bool:
    # Where the module was never imported, no DTensor can exist.
    module = sys.modules.get("torch.distributed.tensor")
    return module is not None and isinstance(tensor, module.DTensor)
