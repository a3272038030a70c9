"""What a run found, as numbers that sentences and tables are made of."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from layerlore.figures import certified_gaps, ratios
from layerlore.interactions.bootstrap import CONFIDENCE, RESAMPLES, interval, resampling_weights
from layerlore.interactions.knowledge import Knowledge
from layerlore.interactions.ledger import RATIOS, Ledger
from layerlore.report.depth_pass import DepthPass


@dataclass(frozen=True)
class Estimate:
    """A number and the ends of its bootstrap interval; NaN where undefined."""

    value: float
    low: float
    high: float

    @property
    def known(self) -> bool:
        """Whether the number is defined."""
        return math.isfinite(self.value)


@dataclass(frozen=True)
class Step:
    """What two layers share, pooled over ops and orders (METHODS A6).

    Attributes:
        earlier: name of the layer that computes first.
        later: name of the other.
        completeness: share of the later layer's strength that the earlier one holds.
        redundancy: share of the earlier layer's strength that the later one lacks.
        ceiling_completeness: what layers in full agreement would show; NaN where unknown, as are the next.
        floor_completeness: what unrelated ones would show.
        ceiling_redundancy: likewise for redundancy.
        floor_redundancy: likewise.
    """

    earlier: str
    later: str
    completeness: Estimate
    redundancy: Estimate
    ceiling_completeness: float
    floor_completeness: float
    ceiling_redundancy: float
    floor_redundancy: float


@dataclass(frozen=True)
class LayerFacts:
    """What one layer holds.

    Attributes:
        layer: its name.
        salient: salient interactions per sample, mean over samples.
        rebuild_error: root mean square error of rebuilding scores from the salient interactions alone, as a share of
            ``|v(N) - v(empty)|``, median over the samples where that is not 0 (a few of them can be near it).
        worst_gap: largest certified gap of its games; NaN if one of them has none.
    """

    layer: str
    salient: Estimate
    rebuild_error: Estimate
    worst_gap: float


def steps(ledger: Ledger, layers: list[str], target: int = 0) -> list[Step]:
    """The rows of a ledger, each with the names of its two layers in the order of depth.

    Args:
        ledger: from `Knowledge.ledger`.
        layers: of the network, by depth.
        target: position of the target.
    """
    values = ratios(ledger, target)
    found = []
    for row, layer in enumerate(str(name) for name in ledger.total.layer.values):
        earlier, later = _ordered(layer, ledger.reference, layers)
        completeness, redundancy = (estimate_at(values, name, row) for name in RATIOS)
        lines = {name: float(part[row]) for name, part in values.items() if name.startswith(("ceiling", "floor"))}
        found.append(Step(earlier, later, completeness, redundancy, **lines))
    return found


def _ordered(layer: str, reference: str, layers: list[str]) -> tuple[str, str]:
    if reference == "previous":
        return layers[layers.index(layer) - 1], layer
    other = "output" if reference == "final" else reference
    return (layer, other) if layers.index(layer) < layers.index(other) else (other, layer)


def estimate_at(values: Mapping[str, np.ndarray], name: str, row: int) -> Estimate:
    """One row of a number and of the ends of its interval, ``<name>_low`` and ``<name>_high``."""
    return Estimate(*(float(values[name + end][row]) for end in ("", "_low", "_high")))


def mean_estimate(values: Float64[np.ndarray, "n_samples"]) -> Estimate:
    """Mean over samples, with its bootstrap interval."""
    draws = resampling_weights(len(values), RESAMPLES, seed=0) @ values
    return Estimate(float(values.mean()), *(float(end) for end in interval(draws, CONFIDENCE)))


def layer_facts(knowledge: Knowledge, found: DepthPass, target: int = 0) -> list[LayerFacts]:
    """Facts about every layer, by depth.

    Args:
        knowledge: from `explain` or `load`.
        found: from `depth_pass`.
        target: position of the target.
    """
    counts, errors = found.salient[:, target], found.rebuild_error[:, target]
    gaps = certified_gaps(knowledge, target).max(axis=0)
    return [
        LayerFacts(layer, mean_estimate(counts[:, row]), _median(errors[:, row]), float(gaps[row]))
        for row, layer in enumerate(knowledge.layers)
    ]


def _median(values: Float64[np.ndarray, "n_samples"]) -> Estimate:
    """Median over the samples where it is defined, with its bootstrap interval."""
    defined = values[np.isfinite(values)]
    if not len(defined):
        return Estimate(math.nan, math.nan, math.nan)
    drawn = np.random.default_rng(0).choice(defined, size=(RESAMPLES, len(defined)))
    return Estimate(float(np.median(defined)), *(float(end) for end in interval(np.median(drawn, axis=1), CONFIDENCE)))
