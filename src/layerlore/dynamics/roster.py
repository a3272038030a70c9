"""Who is tracked: the weights that were ever seen, and what happened to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from layerlore.dynamics.look import Look
from layerlore.dynamics.record import Event, WeightInfo
from layerlore.errors import InputError


class Roster:
    """The weights of a network that may gain, lose, freeze and unfreeze some while it trains.

    Args:
        looks: at the weights at the beginning.

    Attributes:
        weights: all that were ever seen, in order of depth, as they were when they were first seen.
        events: what happened, in order.
    """

    def __init__(self, looks: Sequence[Look]) -> None:
        self.weights = [look.info for look in looks]
        self.events: list[Event] = []
        self._present = {look.name for look in looks}
        self._frozen = {look.name for look in looks if look.is_frozen}

    def check(self, looks: Sequence[Look]) -> None:
        """Raise if a weight is no longer what it was.

        Raises:
            InputError: a shape has changed.
        """
        shapes = {info.layer: info.shape for info in self.weights}
        for look in looks:
            shape = shapes.get(look.name, look.shape)
            if look.shape != shape:
                raise InputError(
                    f"the weight {look.name!r} has changed its shape from {shape} to {look.shape}: its change is "
                    "undefined. Make a new tracker for the new network"
                )

    def notice(self, step: int, looks: Sequence[Look]) -> list[Event]:
        """What happened to the weights since the last time, in order of depth."""
        present = {look.name for look in looks}
        frozen = {look.name for look in looks if look.is_frozen}
        both = present & self._present
        happened = {
            "removed": self._present - present,
            "added": present - self._present,
            "frozen": both & (frozen - self._frozen),
            "unfrozen": both & (self._frozen - frozen),
        }
        if happened["added"]:
            self.weights = _merged(self.weights, [look.info for look in looks])
        self._present, self._frozen = present, frozen
        events = [
            Event(step, info.layer, what)
            for info in self.weights
            for what, names in happened.items()
            if info.layer in names
        ]
        self.events.extend(events)
        return events

    def state(self) -> dict[str, Any]:
        """For a checkpoint: plain values."""
        return {
            "weights": [info.to_json() for info in self.weights],
            "events": [event.to_json() for event in self.events],
            "present": sorted(self._present),
            "frozen": sorted(self._frozen),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any], looks: Sequence[Look]) -> Roster:
        """What `state` gave.

        Args:
            state: what `state` gave.
            looks: at the network's weights.

        Raises:
            InputError: the network is another one.
        """
        roster = cls(())
        roster.weights = [WeightInfo.from_json(info) for info in state["weights"]]
        roster.events = [Event(**event) for event in state["events"]]
        roster._present, roster._frozen = set(state["present"]), set(state["frozen"])
        if not roster._present & {look.name for look in looks}:
            raise InputError(
                f"the state belongs to another network: it knows {min(roster._present)!r}, this one has "
                f"{looks[0].name!r}, and no name is in both"
            )
        roster.check(looks)
        return roster


def _merged(known: Sequence[WeightInfo], now: Sequence[WeightInfo]) -> list[WeightInfo]:
    """Known weights with the new ones after those that come before them in the network, numbered by depth."""
    merged = list(known)
    names = [info.layer for info in known]
    for position, info in enumerate(now):
        if info.layer not in names:
            place = names.index(now[position - 1].layer) + 1 if position else 0
            names.insert(place, info.layer)
            merged.insert(place, info)
    return [replace(info, depth=depth) for depth, info in enumerate(merged)]
