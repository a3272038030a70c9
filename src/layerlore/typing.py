"""Named array types: each name says what the array means, each shape says its axes.

The last axis of a *game* or of *effects* is the coalition axis, of length
``2**n_players``; coalition ``T`` has index ``sum(2**i for i in T)`` (player 0 is
the lowest bit). Leading axes are batch.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float64, Int64, Num
from torch import Tensor

ArrayLike = np.ndarray | Tensor
"""NumPy array or torch tensor; functions return the kind they were given."""

Games = (
    Num[np.ndarray, "*batch n_coalitions"]
    | Bool[np.ndarray, "*batch n_coalitions"]
    | Num[Tensor, "*batch n_coalitions"]
    | Bool[Tensor, "*batch n_coalitions"]
)
"""Scores of all coalitions, any real dtype."""

Effects = Float64[np.ndarray, "*batch n_coalitions"] | Float64[Tensor, "*batch n_coalitions"]
"""Numerical values of all interactions, float64."""

PerGame = Float64[np.ndarray, "*batch"] | Float64[Tensor, "*batch"]
"""One number for each game."""

GameColumns = Float64[Tensor, "n_coalitions n_games"]
"""Games side by side, coalitions along the first axis: the layout of the solvers."""

EffectColumns = Float64[Tensor, "n_coalitions 2 n_games"]
"""AND and OR effects of games side by side."""

Column = Float64[Tensor, "n_games"]
"""One number for each game of a batch of columns."""

Indices = Int64[Tensor, "n"]
"""Positions."""
