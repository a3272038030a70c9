"""Coalitions as bitmasks: coalition ``T`` has index ``sum(2**i for i in T)``, player 0 is the lowest bit."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from jaxtyping import Bool
from torch import Tensor

from layerlore.errors import InputError

MIN_PLAYERS = 2
MAX_PLAYERS = 24


def check_players(n_players: int) -> None:
    """Raise `InputError` unless all coalitions of ``n_players`` can be enumerated: 2 to 24 players."""
    if n_players < MIN_PLAYERS:
        raise InputError(
            f"n_players={n_players}: an interaction needs at least {MIN_PLAYERS} players; "
            "use smaller patches, more superpixels, or more column groups"
        )
    if n_players > MAX_PLAYERS:
        raise InputError(
            f"n_players={n_players}: exact enumeration ends at {MAX_PLAYERS} players, because the network sees every "
            f"one of the 2**n coalitions of each sample (2**{MAX_PLAYERS} is {1 << MAX_PLAYERS:,}); use larger "
            "patches, superpixels, column groups, or fewer players with count="
        )


def coalition_table(
    n_players: int, start: int, stop: int, device: str | torch.device = "cpu"
) -> Bool[Tensor, "n_masks n_players"]:
    """Which players are in the coalitions ``start`` to ``stop - 1``, one coalition per row.

    Args:
        n_players: 2 to 24.
        start: index of the first coalition.
        stop: index after the last one, at most ``2**n_players``.
        device: where the table is made.

    Raises:
        InputError: ``n_players`` is out of range, or the coalitions are.

    Source: METHODS A1.

    >>> coalition_table(2, 1, 4).int().tolist()
    [[1, 0], [0, 1], [1, 1]]
    """
    check_players(n_players)
    if not 0 <= start <= stop <= 1 << n_players:
        raise InputError(
            f"coalitions {start} to {stop} do not lie in 0 to {1 << n_players}, "
            f"the range of the 2**{n_players} coalitions of {n_players} players"
        )
    coalitions = torch.arange(start, stop, device=device).unsqueeze(1)
    players = torch.arange(n_players, device=device)
    return (coalitions >> players & 1).bool()


def batches(n_players: int, n_masks: int) -> Iterator[tuple[int, int]]:
    """The ranges ``(start, stop)`` that go through all coalitions in order, ``n_masks`` at a time.

    Raises:
        InputError: ``n_players`` is out of range, or ``n_masks`` is below 1.

    >>> list(batches(3, 5))
    [(0, 5), (5, 8)]
    """
    check_players(n_players)
    if n_masks < 1:
        raise InputError(f"n_masks={n_masks}: a batch holds at least one masked input")
    end = 1 << n_players
    return ((start, min(start + n_masks, end)) for start in range(0, end, n_masks))
