"""Checks that several files of this package share."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from layerlore.errors import InputError


def check_finite(values: Tensor, what: str) -> None:
    """Raise `InputError` where ``values`` holds NaN or infinity; the first such position is named."""
    bad = ~torch.isfinite(values)
    if bad.any():
        where = tuple(bad.nonzero()[0].tolist())
        raise InputError(
            f"{what} holds {int(bad.sum())} of {values.numel()} numbers that are NaN or infinite, the first at "
            f"{where}: scores of such inputs mean nothing, so clean the data first"
        )


def check_names(names: Sequence[str], n_players: int) -> None:
    """Raise `InputError` unless there is one name for each player."""
    if isinstance(names, str) or len(names) != n_players:
        raise InputError(f"names={names!r} does not name {n_players} players: give a sequence of one name for each")


def check_sides(sides: tuple[int, ...], what: str) -> None:
    """Raise `InputError` unless ``sides`` are two whole numbers of at least 1."""
    if len(sides) != 2 or any(not isinstance(side, int) or side < 1 for side in sides):
        raise InputError(f"{what}={sides!r}: two whole numbers of at least 1 are needed, (rows, columns)")
