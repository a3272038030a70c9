"""Which interactions count, and the unit in which they are compared (METHODS A5).

Arrays hold both ops: ``effects[..., op, coalition]``, AND first.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from jaxtyping import Bool, Float64, Int64

from layerlore.interactions.moebius import moebius, n_players_of, orders, reconstruct

SALIENCE = 0.05
"""Share of the largest effect of a layer above which an interaction is salient."""

OPS = ("and", "or")

Scores = Float64[np.ndarray, "*batch n_coalitions"]
PerGame = Float64[np.ndarray, "*batch"]
OpEffects = Float64[np.ndarray, "*batch 2 n_coalitions"]
ByOrder = Float64[np.ndarray, "*batch 2 n_players"]


def n_interactions(n_players: int) -> int:
    """How many effects can differ from 0, the empty set's apart: an OR of one player is its AND, and counts once.

    >>> n_interactions(2)  # AND of a, b, ab; OR of ab
    4
    """
    return 2 * ((1 << n_players) - 1) - n_players


def largest_effect(effects: OpEffects) -> Float64[np.ndarray, "*batch"]:
    """Largest absolute effect over ops and non-empty coalitions."""
    return np.abs(effects[..., 1:]).max(axis=(-2, -1))


def is_salient(
    effects: OpEffects, threshold: Float64[np.ndarray, "*threshold"]
) -> Bool[np.ndarray, "*batch 2 n_coalitions"]:
    """Which effects are larger than the threshold of their layer; never the empty set, never NaN."""
    salient = np.abs(effects) > np.asarray(threshold)[..., None, None]
    salient[..., 0] = False
    return salient


def sum_by_order(
    values: Float64[np.ndarray, "*batch n_values"], order: Int64[np.ndarray, "n_values"] | None = None
) -> Float64[np.ndarray, "*batch n_players"]:
    """Sums over the interactions of order 1, 2, ... n.

    Args:
        values: of all coalitions, or of some.
        order: of each value, where they are those of some coalitions, as `coalitions_kept` gives them: every order
            must be among them.
    """
    ranked, starts = _by_order(n_players_of(values.shape[-1])) if order is None else _ranked(order)
    return np.add.reduceat(values[..., ranked], starts, axis=-1)


@cache
def _by_order(n_players: int) -> tuple[np.ndarray, np.ndarray]:
    return _ranked(orders(n_players))


def _ranked(order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions sorted by order, and where among them each order from 1 on starts."""
    ranked = np.argsort(order, kind="stable")
    return ranked, np.searchsorted(order[ranked], np.arange(1, int(order.max()) + 1))


def coalitions_kept(salient: Bool[np.ndarray, "*batch n_coalitions"]) -> Int64[np.ndarray, "n_kept"]:
    """Coalitions that are salient anywhere, with the empty set, which comes first, and at least one of each order.

    What is not salient adds nothing to the sums of a ledger: these few stand for all.

    >>> coalitions_kept(np.array([[False, False, False, False, False, True, False, False]]))
    array([0, 1, 3, 5, 7])
    """
    kept = np.asarray(salient.reshape(-1, salient.shape[-1]).any(axis=0))
    kept[(1 << np.arange(n_players_of(len(kept)) + 1)) - 1] = True
    return np.flatnonzero(kept)


def shapley_values(game: Float64[np.ndarray, "*batch n_coalitions"]) -> Float64[np.ndarray, "*batch n_players"]:
    """Shapley values of a game: every Harsanyi dividend shared equally among its players.

    ``phi_i = sum over S with i of I(S) / |S|`` with ``I`` the Moebius transform; they sum to ``v(N) - v(empty)``.

    Args:
        game: scores ``[..., 2**n_players]``.

    Source: Harsanyi 1963; METHODS A3.

    >>> shapley_values(np.array([0.0, 1.0, 1.0, 5.0]))
    array([2.5, 2.5])
    """
    n_players = n_players_of(game.shape[-1])
    shares = np.asarray(moebius(game)) / np.maximum(orders(n_players), 1)
    members = [
        shares.reshape(*shares.shape[:-1], -1, 2, 1 << player)[..., 1, :].sum((-2, -1)) for player in range(n_players)
    ]
    return np.stack(members, axis=-1)


def rebuild(effects: OpEffects, empty: PerGame) -> Scores:
    """The game that ``v(empty)`` and effects rebuild; what the effects hold at the empty set is not read."""
    effects = effects.copy()
    effects[..., 0, 0] = empty
    return np.asarray(reconstruct(effects[..., 0, :], effects[..., 1, :]))


def rebuild_error(
    game: Scores, effects: OpEffects, salient: Bool[np.ndarray, "*batch 2 n_coalitions"]
) -> tuple[PerGame, PerGame]:
    """Error of rebuilding a game from its salient interactions, relative to ``|v(N) - v(empty)|``.

    Root mean square over all coalitions of ``v - rebuilt``, and of ``v - delta - rebuilt``; NaN where
    ``v(N) = v(empty)``.

    Source: Cheng et al. 2024, Lemma 3.4; METHODS A5.
    """
    rebuilt = rebuild(np.where(salient, effects, 0.0), game[..., 0])
    matched = rebuild(effects, game[..., 0])
    return relative_error(game, game - rebuilt), relative_error(game, matched - rebuilt)


def relative_error(game: Scores, error: Scores) -> PerGame:
    """Root mean square of an error over all coalitions, relative to ``|v(N) - v(empty)|``; NaN where that is 0."""
    reach = np.abs(game[..., -1] - game[..., 0])
    return np.sqrt((error * error).mean(-1)) / np.where(reach > 0, reach, np.nan)
