"""From effects of all layers to the sums of a ledger, and intervals that carry the units' own uncertainty."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64

from layerlore.interactions.alignment import Guides
from layerlore.interactions.bootstrap import interval, ratio
from layerlore.interactions.calibration import LayerEffects, Yardsticks, in_units, oriented_shares
from layerlore.interactions.ledger import Ledger, Sums
from layerlore.interactions.moebius import n_players_of, orders
from layerlore.interactions.salience import SALIENCE, coalitions_kept, is_salient, largest_effect

if TYPE_CHECKING:
    import xarray as xr


def layer_sums(effects: Iterable[LayerEffects], guides: Guides, measures: Yardsticks) -> Sums:
    """Sums of every sample for each guided layer and its guide, rows in the order of depth."""
    return np.stack([sample_sums(in_units(found, measures.units), guides, measures.thresholds) for found in effects])


def sample_sums(
    effects: LayerEffects, guides: Guides, thresholds: Float64[np.ndarray, "n_targets n_layers"]
) -> Float64[np.ndarray, "n_targets n_rows 5 2 n_players"]:
    """Sums of one sample for each guided layer and its guide.

    Args:
        effects: in units of their layers.
        guides: who is compared with whom.
        thresholds: in the same units.
    """
    # Of 2**n coalitions few are salient in any layer.
    kept = coalitions_kept(is_salient(effects, thresholds))
    effects, order = effects[..., kept], orders(n_players_of(effects.shape[-1]))[kept]
    rows = [
        oriented_shares(
            effects[:, layer], effects[:, guide], thresholds[:, layer], thresholds[:, guide], layer < guide, order
        )
        for layer, guide in enumerate(guides)
        if guide is not None
    ]
    return np.stack(rows, axis=1)


def with_moving_units(
    ledger: Ledger,
    build: Callable[[Sums, np.ndarray], Ledger],
    effects: Sequence[LayerEffects],
    reach: Float64[np.ndarray, "n_samples n_targets n_layers"],
    guides: Guides,
    weights: Float64[np.ndarray, "n_resamples n_samples"],
) -> Ledger:
    """The point estimates of ``ledger``, with intervals for which each resample has its own units and thresholds.

    Args:
        ledger: with units held fixed.
        build: makes a ledger of sums and one row of weights.
        effects: of every sample.
        reach: ``|v(N) - v(empty)|``.
        guides: who is compared with whom.
        weights: of the resamples.
    """
    largest = np.stack([largest_effect(found) for found in effects])
    draws = []
    for drawn in weights:
        units = np.tensordot(drawn, reach, axes=1)
        thresholds = SALIENCE * largest[drawn > 0].max(axis=0)
        sums = layer_sums(effects, guides, Yardsticks(units, ratio(thresholds, units)))
        draws.append(build(sums, drawn[None]))
    by_order, total = (_with_intervals(ledger, draws, part) for part in ("by_order", "total"))
    return Ledger(by_order, total, ledger.reference, ledger.confidence)


def _with_intervals(ledger: Ledger, draws: Sequence[Ledger], part: str) -> xr.Dataset:
    # A drawn ledger has a single resample, so that its interval is the resampled value itself.
    point = getattr(ledger, part)
    bounds = {}
    for name in (name for name in point if f"{name}_low" in point):
        spread = np.stack([getattr(draw, part)[f"{name}_low"].values for draw in draws])
        for end, values in zip(("low", "high"), interval(spread, ledger.confidence), strict=True):
            bounds[f"{name}_{end}"] = (point[name].dims, values)
    return point.assign(bounds)
