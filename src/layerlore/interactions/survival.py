"""How long interactions last: where each appears on the way to the output, and for how many layers it stays.

An interaction *lives* from a layer where it is salient to the last of the
following layers in which it is salient without a break and with one sign.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float64, Int, Int64

from layerlore.interactions.bootstrap import ratio
from layerlore.interactions.moebius import n_players_of, orders
from layerlore.interactions.salience import OPS, OpEffects, PerGame, coalitions_kept, is_salient, sum_by_order

if TYPE_CHECKING:
    import xarray as xr

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


def spans(signs: Signs) -> tuple[Int64[np.ndarray, "n_layers *rest"], Int64[np.ndarray, "n_layers *rest"]]:
    """First and last layer of the life that each layer belongs to; -1 where nothing is salient.

    >>> spans(np.array([0, 1, 1, -1]))
    (array([-1,  1,  1,  3]), array([-1,  2,  2,  3]))
    """
    begins, length, _ = lives(signs)
    layer = np.arange(len(signs)).reshape(-1, *[1] * (signs.ndim - 1))
    first = np.maximum.accumulate(np.where(begins, layer, -1))
    return np.where(signs != 0, first, -1), np.where(signs != 0, layer + length - 1, -1)


def life_sums(signs: Signs) -> np.ndarray:
    """Sums over the lives that begin in each layer: their number, their layers, and how many reach the last layer.

    Args:
        signs: ``[layer, ..., op, coalition]``.

    Returns:
        ``[3, layer, ..., op, order]``.
    """
    kept = coalitions_kept(signs != 0)
    order = orders(n_players_of(signs.shape[-1]))[kept]
    begins, length, arrives = lives(signs[..., kept])
    parts = (begins, np.where(begins, length, 0), begins & arrives)
    return np.stack([sum_by_order(part.astype(np.float64), order) for part in parts])


def survival_of(
    sums: Float64[np.ndarray, "3 n_layers n_targets 2 n_players"],
    n_samples: int,
    targets: Sequence[str],
    layers: Sequence[str],
) -> xr.Dataset:
    """What `Knowledge.survival` gives, of `life_sums` added over samples."""
    import xarray as xr

    count, lasting, arriving = np.moveaxis(sums, 2, 1)
    coords = {"target": list(targets), "layer": list(layers), "op": list(OPS)}
    coords["order"] = list(range(1, sums.shape[-1] + 1))
    found = {
        "appearing": count / n_samples,
        "layers": ratio(lasting, count),
        "reaching_output": ratio(arriving, count),
    }
    return xr.Dataset({name: (tuple(coords), values) for name, values in found.items()}, coords)
