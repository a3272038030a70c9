"""Players of tables: columns, or groups of columns such as the one-hot codes of one feature."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import final

import torch
from torch import Tensor

from layerlore.errors import InputError
from layerlore.players.checks import check_names
from layerlore.players.coalitions import check_players
from layerlore.players.plan import BACKGROUND, Plan, Players, levels_of
from layerlore.players.typical import check_one_hot, is_binary, typical_row

Group = int | Sequence[int]

Describe = Callable[[Tensor], Sequence[str]]
"""``describe(sample)``: what one row ``[n_columns]`` says, a text for each player: ``("age 39", "sex Male")``."""


@final
class Columns(Players):
    """Columns of a table, one or several for each player. Samples are ``[n_columns]``.

    Args:
        groups: a number of columns, each a player by itself, which the samples must then have exactly;
            or the columns of each player, as a sequence or under the player's name. Columns are counted from 0.
            Columns in no group are background.
        names: one for each player; by default the names of the mapping, or ``"column 3"``, ``"columns 3, 4"``.
        background: ``"keep"``, ``"mask"`` or ``"average"``, see `BACKGROUND_LEVELS`.
        one_hot: whether every group of two or more columns is the code of one category, a single 1 among zeros;
            then a sample whose zeros and ones say otherwise is refused (one with noise added is not looked at).
        describe: what one row says, a text for each player, for figures: it becomes the plan's pieces, at the first
            column of the player, or the one with the largest value of several; it decides nothing else.

    Raises:
        InputError: not 2 to 24 players; a group is empty, overlaps another, or (in `plan`) names a column that
            the sample lacks; in `plan` with ``one_hot``, a group of the sample is no code of a category, as that of
            a category that training never saw, all zeros.

    Source: METHODS A1.

    >>> Columns({"age": 0, "country": [2, 3]}).plan(torch.zeros(5), index=0).owner.tolist()
    [0, -1, 1, 1, -1]
    """

    def __init__(
        self,
        groups: int | Sequence[Group] | Mapping[str, Group],
        names: Sequence[str] | None = None,
        background: str = "keep",
        *,
        one_hot: bool = False,
        describe: Describe | None = None,
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
        self._one_hot = one_hot
        self._describe = describe

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
        if self._one_hot:
            codes = {name: group for name, group in self._codes().items() if is_binary(sample[list(group)])}
            check_one_hot(sample[None], codes, f"sample {index}")
        return Plan(self._names, owner.to(sample.device), pieces=self._pieces(sample))

    def typical(self, inputs: Tensor, categorical: str = "mode", numeric: str = "mean") -> Tensor:
        """A row ``[n_columns]`` that is typical of the training data, for ``baseline=``.

        A player of two or more columns is taken for the one-hot code of a category, one of a single column for a
        number; so is a column of the background.

        Args:
            inputs: training data ``[n_samples, n_columns]``, floating point.
            categorical: ``"mode"``, the code of the most frequent category (the first of several): a row that a
                network has seen; or ``"mean"``, the share of each category, as METHODS A1 has it.
            numeric: ``"mean"``, or ``"median"`` (of an even number of rows, the mean of the middle two).

        Returns:
            The row, in the dtype and on the device of ``inputs``, computed in float64.

        Raises:
            InputError: an option is unknown; ``inputs`` have another shape, no rows, or numbers that are not finite;
                a column is empty, all NaN; with ``categorical="mode"``, or where a group holds zeros and ones only,
                a row is no code of a category.

        Source: METHODS A1 (``"mean"``); ``"mode"`` is ours.

        >>> rows = torch.tensor([[1.0, 1, 0], [2, 0, 1], [6, 0, 1]])
        >>> Columns({"age": 0, "sex": [1, 2]}).typical(rows).tolist()
        [3.0, 0.0, 1.0]
        """
        if inputs.dim() == 2 and self._n_columns not in (None, inputs.shape[1]):
            raise InputError(f"inputs have {inputs.shape[1]} columns; Columns({self._n_columns}) needs that number")
        return typical_row(inputs, dict(zip(self._names, self._groups, strict=True)), categorical, numeric)

    def _pieces(self, sample: Tensor) -> tuple[str, ...] | None:
        if self._describe is None:
            return None
        texts = self._describe(sample.detach().cpu())
        if isinstance(texts, str) or len(texts) != self.n_players:
            raise InputError(f"describe returned {texts!r}: a text for each of {self.n_players} players is needed")
        pieces = [""] * len(sample)
        for text, group in zip(texts, self._groups, strict=True):
            pieces[group[int(sample[list(group)].argmax())]] = str(text)
        return tuple(pieces)

    def _codes(self) -> dict[str, tuple[int, ...]]:
        return {name: group for name, group in zip(self._names, self._groups, strict=True) if len(group) > 1}

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
