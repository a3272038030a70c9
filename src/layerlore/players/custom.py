"""Players of the user's own: a function makes the masked inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from torch import Tensor

from layerlore.errors import InputError
from layerlore.players.checks import check_names
from layerlore.players.coalitions import check_players
from layerlore.players.plan import Mask, Plan, Players


def qualified_name(function: object) -> str:
    """Module and qualified name of a callable; those of its class where it has none itself.

    >>> qualified_name(qualified_name)
    'layerlore.players.custom.qualified_name'
    """
    named = function if hasattr(function, "__qualname__") else type(function)
    return f"{named.__module__}.{named.__qualname__}"  # pyright: ignore[reportAttributeAccessIssue]


@final
class CustomPlayers(Players):
    """Players that a function of yours shows and hides.

    Args:
        n_players: 2 to 24.
        mask: ``mask(sample, baseline, coalitions)`` with ``sample`` and ``baseline`` of a sample's shape and
            ``coalitions`` ``Bool[n_masks, n_players]`` (True: shown) returns the masked inputs
            ``[n_masks, *sample]``, of the sample's dtype, on its device, and finite. It gets copies, and must
            give the same inputs for the same arguments, whatever the other rows are.
        names: one for each player; by default ``"player 0"`` and so on.

    The manifest records the function's qualified name only: a run does not notice when its code changes.

    Raises:
        InputError: a value is out of range; when masks are made, the result is not as said above.

    Source: METHODS A1.
    """

    def __init__(self, n_players: int, mask: Mask, names: Sequence[str] | None = None) -> None:
        check_players(n_players)
        if not callable(mask):
            raise InputError(f"mask={mask!r} cannot be called: a function (sample, baseline, coalitions) is needed")
        if names is not None:
            check_names(names, n_players)
        self._mask = mask
        self._names = tuple(names) if names is not None else tuple(f"player {player}" for player in range(n_players))

    def __repr__(self) -> str:
        return f"CustomPlayers({self.n_players}, {qualified_name(self._mask)})"

    @property
    def n_players(self) -> int:
        """Number of players."""
        return len(self._names)

    def plan(self, sample: Tensor, index: int) -> Plan:  # noqa: ARG002
        """The same plan for every sample: names and the function."""
        return Plan(self._names, mask=self._mask)

    def settings(self) -> dict[str, object]:
        """The function's qualified name, and the names of the players."""
        return {"players": "CustomPlayers", "mask": qualified_name(self._mask), "names": list(self._names)}
