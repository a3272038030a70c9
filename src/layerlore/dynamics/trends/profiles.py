"""The course of a trend: its members' mean and a band, in the units of the measure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64, Int64

if TYPE_CHECKING:
    import xarray as xr

BAND = (0.1, 0.9)
"""Quantiles over members: four fifths of them are inside the band."""


def profiles_of(
    values: Float64[np.ndarray, "n_layers n_steps"],
    labels: Int64[np.ndarray, "n_layers"],
    steps: Int64[np.ndarray, "n_steps"],
    *,
    log: bool,
) -> xr.Dataset:
    """Mean, low and high over the members of each trend at each step.

    Args:
        values: the measure; entries that are not finite are left out.
        labels: of the layers; negative ones have no profile.
        steps: of the columns.
        log: layers were grouped on a log scale: the mean is the geometric one, over entries above 0.

    Returns:
        Dataset with the dimensions ``trend`` (the labels) and ``step``; NaN where no member has a number.
    """
    import xarray as xr

    trends = np.unique(labels[labels >= 0])
    mean, low, high = (np.full((len(trends), len(steps)), np.nan) for _ in range(3))
    for row, trend in enumerate(trends):
        for column in range(len(steps)):
            members = values[labels == trend, column]
            members = members[np.isfinite(members)]
            if members.size:
                low[row, column], high[row, column] = np.quantile(members, BAND)
                mean[row, column] = _geometric(members) if log else members.mean()
    sides = {name: (("trend", "step"), table) for name, table in (("mean", mean), ("low", low), ("high", high))}
    attributes = {"mean": "geometric" if log else "arithmetic", "band": list(BAND)}
    return xr.Dataset(sides, {"trend": trends, "step": steps}, attributes)


def _geometric(members: Float64[np.ndarray, "n_members"]) -> float:
    positive = members[members > 0]
    return float(np.exp(np.log(positive).mean())) if positive.size else 0.0
