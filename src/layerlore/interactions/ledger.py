"""The ledger: what each layer shares with a reference, forgets on the way, or still lacks (METHODS A6, A9)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float64

from layerlore.interactions.bootstrap import interval, ratio
from layerlore.interactions.salience import OPS
from layerlore.interactions.shares import SUMS

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

Sums = Float64[np.ndarray, "n_samples n_targets n_rows 5 2 n_players"]

RATIOS = ("completeness", "redundancy")


@dataclass(frozen=True)
class Ledger:
    """What layers share with a reference. Every number has ``_low`` and ``_high`` beside it, a bootstrap interval.

    Attributes:
        by_order: dims ``target, layer, op, order``.
        total: dims ``target, layer``, pooled over ops and orders.
        reference: ``"final"``, ``"previous"`` or the name of a layer.
        confidence: of the intervals.

    Variables of both: ``overlap``, ``forget``, ``new``, ``all_earlier``, ``all_later``: mean over samples of summed
    absolute effects, in units of the layer's normaliser; ``completeness = overlap / all_later``, ``redundancy =
    forget / all_earlier``: ratios of sums pooled over samples, NaN where nothing is salient; ``ceiling_completeness``,
    ``ceiling_redundancy``, ``floor_completeness``, ``floor_redundancy``: the same for the calibration lines.
    With ``"previous"`` a row stands for the step from the layer before to this one.
    """

    by_order: xr.Dataset
    total: xr.Dataset
    reference: str
    confidence: float

    def to_dataframe(self) -> pd.DataFrame:
        """One row per target, layer, op and order."""
        return self.by_order.to_dataframe().reset_index()

    def to_json(self) -> dict[str, Any]:
        """Plain lists and numbers; NaN becomes None."""
        return {
            "reference": self.reference,
            "confidence": self.confidence,
            "total": _rows(self.total),
            "by_order": _rows(self.by_order),
        }

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from layerlore.interactions.cards import ledger_card

        return ledger_card(self)

    def __repr__(self) -> str:
        layers = ", ".join(str(layer) for layer in self.total.layer.values)
        targets = self.total.sizes["target"]
        return f"Ledger({f'{targets} targets; ' if targets > 1 else ''}compared with {self.reference}; layers {layers})"


def build_ledger(
    sums: Sums,
    ceiling: Sums,
    floor: Sums,
    coords: dict[str, Sequence[Any]],
    reference: str,
    weights: Float64[np.ndarray, "n_resamples n_samples"],
    confidence: float,
) -> Ledger:
    """Pool sums over samples, with bootstrap intervals.

    Args:
        sums: of each sample, in the order of `SUMS`.
        ceiling: likewise; rows without a guide hold NaN.
        floor: likewise; samples without another class hold NaN and are left out.
        coords: ``target`` and ``layer`` names of the rows.
        reference: what was compared with.
        weights: from `bootstrap.resampling_weights`.
        confidence: of the intervals.
    """
    n_players = sums.shape[-1]
    axes = {**coords, "op": list(OPS), "order": list(range(1, n_players + 1))}
    return Ledger(
        by_order=_pooled(sums, ceiling, floor, axes, weights, confidence),
        total=_pooled(sums.sum((-2, -1)), ceiling.sum((-2, -1)), floor.sum((-2, -1)), coords, weights, confidence),
        reference=reference,
        confidence=confidence,
    )


def _pooled(
    sums: np.ndarray,
    ceiling: np.ndarray,
    floor: np.ndarray,
    coords: dict[str, Sequence[Any]],
    weights: np.ndarray,
    confidence: float,
) -> xr.Dataset:
    import xarray as xr

    dims = list(coords)
    variables: dict[str, Any] = {}
    sums, ceiling, floor = (np.moveaxis(part, 3, 0) for part in (sums, ceiling, floor))
    means = sums.mean(axis=1)
    draws = np.moveaxis(np.tensordot(weights, sums, axes=(1, 1)), 1, 0)
    values = _named(means) | _ratios(_named(means))
    spread = _named(draws) | _ratios(_named(draws))
    for name in (*SUMS, *RATIOS):
        low, high = interval(spread[name], confidence)
        variables |= {name: (dims, values[name]), f"{name}_low": (dims, low), f"{name}_high": (dims, high)}
    for line, lines in (("ceiling", ceiling), ("floor", floor)):
        defined = np.isfinite(lines)
        pooled = np.where(defined.any(axis=1), np.where(defined, lines, 0.0).sum(axis=1), np.nan)
        for name, found in _ratios(_named(pooled)).items():
            variables[f"{line}_{name}"] = (dims, found)
    return xr.Dataset(variables, {name: list(values) for name, values in coords.items()})


def _named(sums: np.ndarray) -> dict[str, np.ndarray]:
    """Sums by name; their axis is the first."""
    return dict(zip(SUMS, sums, strict=True))


def _ratios(sums: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {
        "completeness": ratio(sums["overlap"], sums["all_later"]),
        "redundancy": ratio(sums["forget"], sums["all_earlier"]),
    }


def _rows(data: xr.Dataset) -> list[dict[str, Any]]:
    rows = data.to_dataframe().reset_index().to_dict("records")
    return [{str(key): _plain(value) for key, value in row.items()} for row in rows]


def _plain(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and not np.isfinite(value) else value
