"""Snapshots: copies of weights to compare later ones with, and where they are kept.

=========  ==========================================================================================================
``device``  beside the weight, in its dtype: exact, and the fastest
``cpu``     in main memory, in the weight's dtype: exact; costs no memory of the accelerator, and each record brings
            the weights over
``bf16``    beside the weight, in bfloat16: half the memory of float32
=========  ==========================================================================================================

With ``bf16`` both sides are rounded, so that unchanged weights give exactly 0. A change far below the step between two
bfloat16 numbers (1/256 to 1/128 of an element) then shows in few elements, as one whole step: sums of ``|w' - w|``
stay right on average over elements (``rwc_l1`` and ``rwc_elementwise``), sums of squares come out too large
(``rwc_l2``, ``rotation``, ``update_to_weight`` by factors where learning rates are small), and medians are 0. Weights
that have 16 bits or fewer, and complex ones, are kept as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from layerlore.dynamics.change import ratio_summaries, sum_weights
from layerlore.dynamics.gradients import gradient_squares, norms_of
from layerlore.dynamics.history import GRADIENTS
from layerlore.dynamics.look import Look
from layerlore.dynamics.measures import COUNTS, MEASURES, ROBUST, PerWeight, measures_of, needed_sums, needs_initial
from layerlore.engines.sharded import add_over_shards
from layerlore.errors import InputError

SNAPSHOTS = ("device", "cpu", "bf16")

RIGHT_IN_BF16 = ("rwc_l1", "rwc_elementwise")
"""Measures that rounding leaves right on average."""

_WIDE = (torch.float32, torch.float64)


def snapshot_dtype(weight: Tensor, mode: str) -> torch.dtype:
    """The dtype in which a weight is kept."""
    return torch.bfloat16 if mode == "bf16" and weight.dtype in _WIDE else weight.dtype


def snapshot_device(weight: Tensor, mode: str) -> torch.device:
    """The device on which a weight is kept."""
    return torch.device("cpu") if mode == "cpu" else weight.device


def take_snapshot(weight: Tensor, mode: str) -> Tensor:
    """A copy that shares nothing with the weight.

    Args:
        weight: a dense tensor.
        mode: one of `SNAPSHOTS`.
    """
    return weight.detach().to(snapshot_device(weight, mode), snapshot_dtype(weight, mode), copy=True)


def fits(snapshot: Tensor, weight: Tensor, mode: str) -> bool:
    """Whether a snapshot is as `take_snapshot` would make it: the network may have moved or changed its dtype."""
    return snapshot.dtype == snapshot_dtype(weight, mode) and snapshot.device == snapshot_device(weight, mode)


def beside(snapshot: Tensor, weight: Tensor, mode: str) -> Tensor:
    """The snapshot where it can be compared with the weight; itself unless the network has moved."""
    return snapshot.to(snapshot_device(weight, mode))


class Snapshots:
    """Copies of all weights: of the last record, and where measures look back to them, of the first.

    Args:
        measures: that are recorded.
        mode: one of `SNAPSHOTS`.
    """

    def __init__(self, measures: Sequence[str], mode: str) -> None:
        self._measures = tuple(measures)
        self._mode = mode
        self._earlier: dict[str, Tensor] = {}
        self._initial: dict[str, Tensor] = {}
        self._spread: dict[str, str] = {}

    def __contains__(self, name: str) -> bool:
        """Whether there is a snapshot of a weight."""
        return name in self._earlier

    @property
    def memory(self) -> int:
        """Bytes that the copies take."""
        copies = [*self._earlier.values(), *self._initial.values()]
        return sum(copy.numel() * copy.element_size() for copy in copies)

    def take(self, look: Look) -> None:
        """The first snapshot of a weight."""
        self._earlier[look.name] = take_snapshot(look.here, self._mode)
        if needs_initial(self._measures):
            self._initial[look.name] = take_snapshot(look.here, self._mode)
        self._spread[look.name] = look.spread

    def drop(self, name: str) -> None:
        """Forget a weight."""
        for kept in (self._earlier, self._initial, self._spread):
            kept.pop(name, None)

    def check(self, looks: Sequence[Look]) -> None:
        """Raise if a weight cannot be compared with its snapshot.

        Raises:
            InputError: it is spread over processes in another way, or has become complex or real.
        """
        for look in looks:
            if look.name not in self:
                continue
            earlier = self._earlier[look.name]
            if look.here.is_complex() != earlier.is_complex():
                raise InputError(
                    f"the weight {look.name!r} was {earlier.dtype} at its snapshot and is {look.here.dtype} now: its "
                    "change is undefined. Make a new tracker"
                )
            if look.spread != self._spread[look.name] or look.here.shape != earlier.shape:
                raise InputError(
                    f"the weight {look.name!r} is sharded in another way than at its snapshot (now {look.spread}, then "
                    f"{self._spread[look.name]}): make the tracker after fully_shard, call it after optimizer.step(), "
                    "and load in every process the state that it saved"
                )

    def compare(self, looks: Sequence[Look], *, gradients: bool) -> dict[str, PerWeight]:
        """Measures and counts of weights that have a snapshot, which afterwards is of now.

        Args:
            looks: in the same order in every process.
            gradients: whether norms of gradients are wanted too.

        Returns:
            For each name one number per weight.
        """
        if not looks:
            return {name: np.empty(0) for name in (*self._measures, *COUNTS, GRADIENTS)}
        later = [look.here for look in looks]
        shardings = [look.sharding for look in looks]
        earlier = [beside(self._earlier[look.name], look.here, self._mode) for look in looks]
        initial = [beside(self._initial[look.name], look.here, self._mode) for look in looks if self._initial]
        robust = self._robust(looks, earlier)
        sums = sum_weights(earlier, later, initial or None, needed_sums(self._measures), keep=True)
        squares = torch.zeros(len(looks), 2, dtype=torch.float64)
        if gradients:
            squares = gradient_squares([look.name for look in looks], [look.parameter for look in looks])
        whole = add_over_shards(torch.cat([sums, squares], dim=1), shardings)
        for position, look in enumerate(looks):
            kept = earlier[position]
            self._earlier[look.name] = (
                kept if fits(kept, look.here, self._mode) else take_snapshot(look.here, self._mode)
            )
            if initial:
                self._initial[look.name] = initial[position]
        found = measures_of(whole[:, :-2].numpy(), [name for name in self._measures if name in MEASURES])
        found |= {name: np.where(found["nonfinite"] > 0, np.nan, values) for name, values in robust.items()}
        return found | ({GRADIENTS: norms_of(whole[:, -2:])} if gradients else {})

    def state(self) -> dict[str, Any]:
        """For a checkpoint: tensors on the CPU that are copies, and plain values."""

        def copied(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
            return {name: tensor.detach().to("cpu", copy=True) for name, tensor in tensors.items()}

        return {"earlier": copied(self._earlier), "initial": copied(self._initial), "spread": dict(self._spread)}

    @classmethod
    def from_state(
        cls, measures: Sequence[str], mode: str, state: Mapping[str, Any], looks: Mapping[str, Look]
    ) -> Snapshots:
        """What `state` gave, where it belongs.

        Args:
            measures: as recorded before.
            mode: likewise.
            state: what `state` gave.
            looks: at the network's weights, by name.

        Raises:
            InputError: a weight is spread over processes in another way.
        """
        found = cls(measures, mode)
        found._spread = dict(state["spread"])
        for ours, theirs in ((found._earlier, state["earlier"]), (found._initial, state["initial"])):
            for name, tensor in theirs.items():
                here = looks[name].here if name in looks else tensor
                ours[name] = tensor.to(snapshot_device(here, mode), copy=True)
        found.check(list(looks.values()))
        return found

    def _robust(self, looks: Sequence[Look], earlier: Sequence[Tensor]) -> dict[str, PerWeight]:
        asked = [name for name in self._measures if name in ROBUST]
        if not asked:
            return {}
        found = [
            ratio_summaries(before, look.here, reduce=look.sharding and look.sharding.add)
            for before, look in zip(earlier, looks, strict=True)
        ]
        return {name: np.array([summary[name] for summary in found]) for name in asked}
