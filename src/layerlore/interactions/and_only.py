"""AND interactions alone: every game as its Moebius transform, the decomposition that has no choice to make."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from layerlore.interactions.moebius import moebius
from layerlore.interactions.sparsest import Split


def and_only(games: Float64[np.ndarray, "*batch n_coalitions"]) -> Split:
    """Games as AND effects alone (Harsanyi dividends), rebuilt exactly: ``v_and = v``, ``v_or = 0``, ``delta = 0``.

    Returns:
        A `Split` with the games' batch shape; it is no near-optimal choice, so its gaps are NaN, and nothing is
        iterated, so that it counts as converged.

    Source: METHODS A3, A4; the comparison that Cheng et al. 2024 make with AND interactions alone.

    >>> and_only(np.array([0.0, 1.0, 1.0, 5.0])).and_effects
    array([0., 1., 1., 3.])
    """
    effects = np.asarray(moebius(games))
    objective = np.asarray(np.abs(effects[..., 1:]).sum(-1))
    unknown = np.full_like(objective, np.nan)
    return Split(
        and_effects=effects,
        or_effects=np.zeros_like(effects),
        gamma=games / 2,
        delta=np.zeros_like(effects),
        objective=objective,
        gap=unknown,
        aligned_gap=unknown.copy(),
        converged=np.ones(objective.shape, dtype=bool),
        iterations=np.zeros(objective.shape, dtype=np.int64),
    )
