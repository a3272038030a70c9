"""Players of tables: columns, or groups of columns such as the one-hot codes of one feature."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import final

import torch
from torch import Tensor

from layerlore.errors import InputError
from layerlore.players.checks import check_names
from layerlore.players.coalitions import check_players
from layerlore.players.plan import BACKGROUND, Plan, Players, levels_of

Group = int | Sequence[int]


@final
class Columns(Players):
    """Columns of a table, one or several for each player. Samples are ``[n_columns]``.

    Args:
        groups: a number of columns, each a player by itself, which the samples must then have exactly;
            or the columns of each player, as a sequence or under the player's name. Columns are counted from 0.
            Columns in no group are background.
        names: one for each player; by default the names of the mapping, or ``"column 3"``, ``"columns 3, 4"``.
        background: ``"keep"``, ``"mask"`` or ``"average"``, see `BACKGROUND_LEVELS`.

    Raises:
        InputError: not 2 to 24 players; a group is empty, overlaps another, or (in `plan`) names a column that
            the sample lacks.

    Source: METHODS A1.

    >>> Columns({"age": 0, "country": [2, 3]}).plan(torch.zeros(5), index=0).owner.tolist()
    [0, -1, 1, 1, -1]
    """

    def __init__(
        self,
        groups: int | Sequence[Group] | Mapping[str, Group],
        names: Sequence[str] | None = None,
        background: str = "keep",
    ) -> None:
        self._n_columns = groups if isinstance(groups, int) else None
        if isinstance(groups, Mapping):
            if names is not None:
                raise InputError(f"names={names!r} beside a mapping, which names the players already: leave it out")
            names = list(groups)
            groups = list(groups.values())
        elif isinstance(groups, int):
            groups = range(groups)
        check_players(len(groups))
        self._groups = tuple(_columns(group, player) for player, group in enumerate(groups))
        _check_overlap(self._groups)
        if names is not None:
            check_names(names, len(groups))
        self._names = tuple(names) if names is not None else tuple(_name(group) for group in self._groups)
        levels_of(background)
        self._background = background

    def __repr__(self) -> str:
        return f"Columns({dict(zip(self._names, self._groups, strict=True))}, background={self._background!r})"

    @property
    def n_players(self) -> int:
        """Number of players."""
        return len(self._groups)

    @property
    def background_levels(self) -> tuple[float, ...]:
        """Shares of the background of the sample to show."""
        return levels_of(self._background)

    def plan(self, sample: Tensor, index: int) -> Plan:
        """The columns of one row, see the class and `Players.plan`."""
        if sample.dim() != 1:
            raise InputError(f"Columns needs samples [n_columns]; sample {index} has shape {tuple(sample.shape)}")
        n_columns = len(sample)
        if self._n_columns not in (None, n_columns):
            raise InputError(
                f"Columns({self._n_columns}) makes each of {self._n_columns} columns a player, but sample {index} has "
                f"{n_columns} columns: give that number, or groups to leave some columns out"
            )
        owner = torch.full((n_columns,), BACKGROUND)
        for player, columns in enumerate(self._groups):
            if max(columns) >= n_columns:
                raise InputError(
                    f"group {player} ({self._names[player]!r}) has column {max(columns)}, but sample {index} has "
                    f"{n_columns} columns, 0 to {n_columns - 1}"
                )
            owner[list(columns)] = player
        return Plan(self._names, owner.to(sample.device))

    def settings(self) -> dict[str, object]:
        """Columns and names of the players, and the background option."""
        return {
            "players": "Columns",
            "groups": [list(group) for group in self._groups],
            "n_columns": self._n_columns,
            "names": list(self._names),
            "background": self._background,
        }


def _columns(group: Group, player: int) -> tuple[int, ...]:
    try:
        columns = tuple(operator.index(column) for column in (group if isinstance(group, Sequence) else [group]))
    except TypeError:
        raise InputError(f"group {player} is {group!r}: a column number, or a sequence of them, is needed") from None
    if not columns:
        raise InputError(f"group {player} has no columns: leave it out")
    if min(columns) < 0:
        raise InputError(f"group {player} has column {min(columns)}: columns are counted from 0")
    return columns


def _check_overlap(groups: tuple[tuple[int, ...], ...]) -> None:
    owner: dict[int, int] = {}
    for player, columns in enumerate(groups):
        for column in columns:
            if column in owner:
                raise InputError(
                    f"column {column} is in group {owner[column]} and again in group {player}: "
                    "a column belongs to one player, once"
                )
            owner[column] = player


def _name(columns: tuple[int, ...]) -> str:
    return ("column " if len(columns) == 1 else "columns ") + ", ".join(map(str, columns))
