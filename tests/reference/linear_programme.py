"""METHODS A4 as a linear programme, built atom by atom and solved by HiGHS. Slow, obvious, and the judge.

One game at a time: 20 ms at 6 players, 0.3 s at 8, several seconds at 10. The optimum is exact to HiGHS'
tolerances, 1e-7 in each row and each price; `SLACK` allows for them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array, eye_array, hstack, vstack

SLACK = 1e-6
"""How far the optimum of a programme may be off, relative."""


@dataclass(frozen=True)
class Optimum:
    """The least value found, and the vertex it was found at: AND and OR effects ``[2, 2**n]``, order 1 in AND."""

    value: float
    effects: np.ndarray


def atoms(n_players: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The dictionary ``[2**n - 1, n_atoms]`` over non-empty coalitions, and each atom's operation and coalition.

    Operation 0 is AND, 1 is OR; OR of a single player is the same atom as AND of it and is left out.
    """
    columns, operations, coalitions = [], [], []
    everyone = range(1, 1 << n_players)
    for operation in (0, 1):
        for S in everyone:
            if operation == 1 and S.bit_count() == 1:
                continue
            acts = [(S & T == S) if operation == 0 else (S & T != 0) for T in everyone]
            columns.append(np.array(acts, dtype=float))
            operations.append(operation)
            coalitions.append(S)
    return np.stack(columns, axis=1), np.array(operations), np.array(coalitions)


def least_norm(game: np.ndarray, kappa: float, target: np.ndarray | None = None, pull: float = 0.0) -> Optimum:
    """Least ``sum |c| + pull * sum |c - target|`` with every score met within ``kappa * |v(N) - v(empty)|``.

    Args:
        game: scores ``[2**n]``.
        kappa: the tolerance's coefficient.
        target: effects to pull toward, ``[2, 2**n]`` with order 1 in AND.
        pull: weight of the distance from them.
    """
    dictionary, operations, coalitions = atoms(len(game).bit_length() - 1)
    # In units of the range, so that HiGHS' absolute tolerances mean the same for every game.
    scale = np.ptp(game)
    scores = (game[1:] - game[0]) / scale
    radius = kappa * abs(scores[-1])
    n_rows, n_atoms = dictionary.shape
    sparse = csr_array(dictionary)
    rows, sides = hstack([sparse, -sparse, eye_array(n_rows)]), scores
    cost = np.concatenate([np.ones(2 * n_atoms), np.zeros(n_rows)])
    bounds = [(0, None)] * (2 * n_atoms) + [(-radius, radius)] * n_rows
    if target is not None:
        one, none = eye_array(n_atoms), csr_array((n_atoms, n_rows))
        distance = hstack([one, -one, none, -one, one])
        rows = vstack([hstack([rows, csr_array((n_rows, 2 * n_atoms))]), distance])
        sides = np.concatenate([sides, target[operations, coalitions] / scale])
        cost = np.concatenate([cost, np.full(2 * n_atoms, pull)])
        bounds += [(0, None)] * (2 * n_atoms)
    found = linprog(cost, A_eq=rows.tocsr(), b_eq=sides, bounds=bounds, method="highs-ds")
    assert found.status == 0, found.message
    effects = np.zeros((2, len(game)))
    effects[operations, coalitions] = (found.x[:n_atoms] - found.x[n_atoms : 2 * n_atoms]) * scale
    return Optimum(float(found.fun) * scale, effects)
