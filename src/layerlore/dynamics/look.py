"""A weight at the moment it is looked at."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from layerlore.dynamics.change import check_weight
from layerlore.dynamics.record import WeightInfo
from layerlore.dynamics.tracked import TrackedWeight
from layerlore.engines.sharded import Sharding, local_part, sharding_of


@dataclass(frozen=True, eq=False)
class Look:
    """What a record sees of a weight.

    Attributes:
        info: name, kind, shape, depth.
        parameter: as it is registered.
        here: its elements that this process holds, as the dense tensor that is measured; not copied.
        sharding: how it is spread over processes; None if it is not.
    """

    info: WeightInfo
    parameter: Tensor
    here: Tensor
    sharding: Sharding | None

    @classmethod
    def at(cls, weight: TrackedWeight) -> Look:
        """Look at a weight.

        Raises:
            InputError: it cannot be read.
        """
        name, parameter = weight.info.layer, weight.parameter
        return cls(weight.info, parameter, check_weight(name, local_part(parameter)), sharding_of(parameter, name))

    @property
    def name(self) -> str:
        """The weight's name."""
        return self.info.layer

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the whole weight, now: a parameter's values can be exchanged for others while it stays the same object."""
        return tuple(self.parameter.shape)

    @property
    def is_frozen(self) -> bool:
        """Whether training leaves it out."""
        return not self.parameter.requires_grad

    @property
    def spread(self) -> str:
        """How it is spread over processes, in words."""
        return "not at all" if self.sharding is None else self.sharding.describe()
