"""What two layers share: the sums behind every ledger (METHODS A6). Pure functions of effects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from layerlore.interactions.salience import ByOrder, OpEffects, is_salient, sum_by_order

SUMS = ("overlap", "forget", "new", "all_earlier", "all_later")


@dataclass(frozen=True)
class Shares:
    """Sums of strengths, per op and order. ``all_earlier = overlap + forget``, ``all_later = overlap + new``."""

    overlap: ByOrder
    forget: ByOrder
    new: ByOrder
    all_earlier: ByOrder
    all_later: ByOrder

    def stacked(self) -> Float64[np.ndarray, "*batch 5 2 n_players"]:
        """All five, in the order of `SUMS`."""
        return np.stack([getattr(self, name) for name in SUMS], axis=-3)


def shares(
    earlier: OpEffects,
    later: OpEffects,
    earlier_threshold: Float64[np.ndarray, "*threshold"],
    later_threshold: Float64[np.ndarray, "*threshold"],
    order: Int64[np.ndarray, "n_coalitions"] | None = None,
) -> Shares:
    """Compare the salient effects of an earlier and a later layer.

    What is shared by an interaction is the smaller magnitude where both layers hold it as salient with one sign, else
    0; what the earlier layer has beyond it is forgotten, what the later has beyond it is new. A layer without a unit
    has NaN for effects: its strength, and all that comes from comparing with it, is NaN.

    Args:
        earlier: effects ``[..., op, coalition]``, in units of the layer's normaliser.
        later: likewise, of the same shape.
        earlier_threshold: salience threshold of the earlier layer in the same units, broadcast over leading axes.
        later_threshold: of the later layer.
        order: of each coalition, where these are some of all: those that `coalitions_kept` gives.

    Source: METHODS A6; Cheng et al. 2024, section 3.3.
    """
    earlier_size, later_size = _salient_size(earlier, earlier_threshold), _salient_size(later, later_threshold)
    opposite = np.sign(earlier) == -np.sign(later)
    shared = np.where(opposite, 0.0, np.minimum(earlier_size, later_size))
    return Shares(
        overlap=sum_by_order(shared, order),
        # The shared part has the sign of both, so |I - shared| is the difference of magnitudes.
        forget=sum_by_order(earlier_size - shared, order),
        new=sum_by_order(later_size - shared, order),
        all_earlier=sum_by_order(earlier_size, order),
        all_later=sum_by_order(later_size, order),
    )


def _salient_size(effects: OpEffects, threshold: Float64[np.ndarray, "*threshold"]) -> OpEffects:
    """Magnitudes of the salient effects, 0 for the others; NaN stays NaN."""
    size = np.where(is_salient(effects, threshold), np.abs(effects), 0.0)
    return np.where(np.isnan(effects), np.nan, size)
