"""How long interactions last: where each appears on the way to the output, and for how many layers it stays.

An interaction *lives* from a layer where it is salient to the last of the
following layers in which it is salient without a break and with one sign.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Int, Int64

from layerlore.interactions.salience import OpEffects, PerGame, is_salient, sum_by_order

Signs = Int[np.ndarray, "n_layers *rest"]


def salient_signs(effects: OpEffects, thresholds: PerGame) -> Int64[np.ndarray, "*batch 2 n_coalitions"]:
    """Sign of each salient effect, 0 where it is not salient."""
    return np.where(is_salient(effects, thresholds), np.sign(effects), 0).astype(np.int64)


def lives(
    signs: Signs,
) -> tuple[Bool[np.ndarray, "n_layers *rest"], Int64[np.ndarray, "n_layers *rest"], Bool[np.ndarray, "n_layers *rest"]]:
    """For each layer: where a life begins, for how many layers it lasts, and whether it reaches the last layer."""
    alive = signs != 0
    goes_on = alive[:-1] & (signs[1:] == signs[:-1])
    begins = alive.copy()
    begins[1:] &= ~goes_on
    length = alive.astype(np.int64)
    arrives = alive.copy()
    for layer in range(len(signs) - 2, -1, -1):
        length[layer] += np.where(goes_on[layer], length[layer + 1], 0)
        arrives[layer] = goes_on[layer] & arrives[layer + 1]
    return begins, length, arrives


def life_sums(signs: Signs) -> np.ndarray:
    """Sums over the lives that begin in each layer: their number, their layers, and how many reach the last layer.

    Args:
        signs: ``[layer, ..., op, coalition]``.

    Returns:
        ``[3, layer, ..., op, order]``.
    """
    begins, length, arrives = lives(signs)
    parts = (begins, np.where(begins, length, 0), begins & arrives)
    return np.stack([sum_by_order(part.astype(np.float64)) for part in parts])
