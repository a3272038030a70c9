"""The claims about orders of METHODS A10: what networks agree on, and what noise leaves alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64

from layerlore.errors import InputError, closest
from layerlore.interactions import jaccard
from layerlore.interactions.bootstrap import ratio
from layerlore.interactions.comparable import check_comparable
from layerlore.interactions.knowledge import Knowledge
from layerlore.zoo.studies.depth_claims import PAPER
from layerlore.zoo.studies.depth_tables import high_orders, in_words, low_orders
from layerlore.zoo.studies.evidence import over_layers, sampled, spearman
from layerlore.zoo.studies.verdict import Claim, Statement, judged

if TYPE_CHECKING:
    import xarray as xr

Cells = Float64[np.ndarray, "n_samples 2 n_players"]
"""One number for each sample, op and order; NaN where undefined."""


def overlap_cells(
    first: Knowledge, second: Knowledge, layers: tuple[str, str] = ("output", "output"), target: int = 0
) -> tuple[Cells, Cells]:
    """Intersection over union of two networks' salient sets, and what chance gives, sample by sample.

    Args:
        first: one network's knowledge.
        second: another's, of the same samples and players.
        layers: whose sets are compared, one of each.
        target: position of the target.

    Raises:
        InputError: other samples, players or targets; no such layer.

    Source: METHODS A7.
    """
    check_comparable((first, second), ["first", "second"])
    for knowledge, layer in zip((first, second), layers, strict=True):
        if layer not in knowledge.layers:
            raise InputError(f"there is no layer {layer!r}; {closest(layer, knowledge.layers)}")
    places = [knowledge.layers.index(layer) for knowledge, layer in zip((first, second), layers, strict=True)]
    thresholds, units = (
        tuple(part()[target, place] for part, place in zip(parts, places, strict=True))
        for parts in ((first.thresholds, second.thresholds), (first.normalisers, second.normalisers))
    )
    found = [
        jaccard.overlap(
            first.effects(sample)[target, places[0]],
            second.effects(sample)[target, places[1]],
            (np.asarray(thresholds[0]), np.asarray(thresholds[1])),
            (np.asarray(units[0]), np.asarray(units[1])),
        )
        for sample in range(first.n_samples)
    ]
    return np.stack([jaccard.iou(one) for one in found]), np.stack([jaccard.chance_iou(one) for one in found])


def low_orders_shared(iou: Cells, chance: Cells, pair: str) -> tuple[Claim, Claim]:
    """Interactions of low order have the higher IoU between two networks: as it is, and corrected for chance.

    Each op and order is averaged over samples, corrected there, and the low and the high orders are averaged over what
    is defined: two reviewers of the paper pointed out that raw IoU cannot be compared over orders. What is low and high
    is counted up to the highest order in which either network has anything salient: beyond it, IoU is not defined.

    Args:
        iou: of each sample, op and order.
        chance: what sets of the same sizes share by chance.
        pair: names of the networks.
    """
    n_samples = len(iou)
    highest = _highest_defined(iou)
    low, high = low_orders(highest), high_orders(highest)

    def of(weights: np.ndarray, corrected: bool) -> np.ndarray:
        values = _weighted_mean(weights, iou)
        if corrected:
            values = jaccard.corrected(values, _weighted_mean(weights, chance))
        return _mean_of_defined(values[..., low]) - _mean_of_defined(values[..., high])

    words = f"{in_words(low)} less that of {in_words(high)}"
    claims = []
    for name, about, corrected in (("raw", "", False), ("corrected", ", corrected for chance", True)):
        statement = Statement(
            f"low_orders_shared_{name}",
            f"low orders have the higher IoU between networks{about}",
            PAPER if not corrected else f"{PAPER}, with the correction its reviewers asked for",
            pair,
            "difference of IoU",
        )
        measured = sampled(lambda weights, corrected=corrected: of(weights, corrected), n_samples)
        claims.append(judged(statement, measured, f"the IoU of {words}{about + ',' if about else ''}"))
    return claims[0], claims[1]


def low_orders_stable(by_order: xr.Dataset, network: str, layer: str = "output", measure: str = "mean") -> Claim:
    """Stability under noise falls with the order.

    The rank correlation of order and stability over the ops and orders that are defined, tested by permutation: what is
    known of an order's stability is its mean over effects, so orders are what there is to draw from.

    Args:
        by_order: of a `Stability`, with the dimensions layer, op and order.
        network: its name.
        layer: at which it was measured.
        measure: ``"mean"``, ``"median"`` or an aligned one.

    Raises:
        InputError: no such layer or measure.
    """
    layers = [str(name) for name in by_order["layer"].values]
    if layer not in layers or measure not in by_order:
        raise InputError(
            f"layer={layer!r}, measure={measure!r}: this stability has the layers {', '.join(layers)} and the measures "
            f"{', '.join(map(str, by_order.data_vars))}"
        )
    values = by_order[measure].isel(layer=layers.index(layer)).transpose("op", "order").values.astype(np.float64)
    orders = np.broadcast_to(by_order["order"].values.astype(np.float64), values.shape)
    kept = np.isfinite(values)
    statement = Statement(
        "low_orders_more_stable",
        "low orders are more stable under noise than high ones",
        PAPER,
        network,
        "rank correlation of order and stability",
    )
    evidence = over_layers(
        lambda label, value: spearman(label, value[..., 0]),
        orders[kept],
        values[kept][:, None],
        test="bootstrap over orders; permutation of orders",
    )
    return judged(statement, evidence, f"the rank correlation of order and stability at {layer}", side=-1)


def _highest_defined(cells: Cells) -> int:
    """The highest order with a number; all of them where too few have one for a low and a high end."""
    orders = np.flatnonzero(np.isfinite(cells).any(axis=(0, 1))) + 1
    return int(orders.max()) if len(orders) and orders.max() >= 3 else cells.shape[-1]


def _weighted_mean(weights: Float64[np.ndarray, "n_draws n_samples"], values: Cells) -> np.ndarray:
    """Mean over the samples in which a cell is defined, ``[n_draws, op, order]``."""
    defined = np.isfinite(values)
    whole = np.tensordot(weights, np.asarray(np.where(defined, values, 0.0)), axes=1)
    return ratio(whole, np.tensordot(weights, defined.astype(np.float64), axes=1))


def _mean_of_defined(values: Float64[np.ndarray, "n_draws n_ops n_orders"]) -> Float64[np.ndarray, " n_draws"]:
    defined = np.isfinite(values)
    count = defined.sum(axis=(-2, -1)).astype(np.float64)
    return ratio(np.asarray(np.where(defined, values, 0.0)).sum(axis=(-2, -1)), count)
