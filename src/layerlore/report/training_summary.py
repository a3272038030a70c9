"""What a run through training found, as numbers that sentences and tables are made of."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from layerlore.dynamics.history import History
from layerlore.figures.depth import Thirds, median_of_finite, thirds

TOLD = 3
"""Layers that a sentence names at most."""


@dataclass(frozen=True)
class LayerChange:
    """What happened to one layer.

    Attributes:
        layer: name of the weight.
        kind: of the layer.
        shape: such as ``64x3x7x7``; empty where it is not known.
        size: elements; 0 where not known.
        median: change in the median step; NaN where no step has a finite value, as are the next two.
        first: in the median step of the first third.
        last: in the median step of the last third.
        unchanged: steps in which nothing changed.
        undefined: steps without a finite value.
        zero_weights: elements that were exactly 0 before the last step; None where they were not counted.
    """

    layer: str
    kind: str
    shape: str
    size: int
    median: float
    first: float
    last: float
    unchanged: int
    undefined: int
    zero_weights: int | None

    @property
    def moves(self) -> bool:
        """Whether it has a change above 0 to speak of."""
        return self.median > 0

    @property
    def left(self) -> float:
        """What is left in the last third of the change of the first, as a share of it; NaN where undefined."""
        return self.last / self.first if self.first > 0 else math.nan


@dataclass(frozen=True)
class Middle:
    """The median over layers and the ends of their middle half; NaN without layers."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Settling:
    """How the change of the median layer develops.

    Attributes:
        thirds: of which steps it tells.
        first: change in the first third of the steps, over layers.
        last: in the last third.
        n_less: layers that change less in the last third than in the first.
        n_layers: layers with a number in both.
    """

    thirds: Thirds
    first: Middle
    last: Middle
    n_less: int
    n_layers: int

    @property
    def verb(self) -> str:
        """What the change of the median layer did."""
        if self.last.value == self.first.value:
            return "stayed the same, from"
        return "fell from" if self.last.value < self.first.value else "rose from"


def layer_changes(history: History, measure: str | None = None) -> list[LayerChange]:
    """Facts about every layer, by depth.

    Raises:
        InputError: the measure was not recorded.
    """
    values = history.values(measure)
    parts = thirds(history, measure)
    medians = median_of_finite(values)
    data = history.data
    zeros = data["zero_weights"].values[:, -1] if "zero_weights" in data else np.full(len(values), np.nan)
    return [
        LayerChange(
            layer=layer,
            kind=str(data["kind"].values[row]),
            shape=str(data["shape"].values[row]),
            size=int(data["size"].values[row]),
            median=float(medians[row]),
            first=float(parts.first[row]),
            last=float(parts.last[row]),
            unchanged=int((values[row] == 0).sum()),
            undefined=int((~np.isfinite(values[row])).sum()),
            zero_weights=int(zeros[row]) if np.isfinite(zeros[row]) else None,
        )
        for row, layer in enumerate(history.layers)
    ]


def extremes(layers: list[LayerChange]) -> tuple[list[LayerChange], list[LayerChange]]:
    """Layers that change most and least of those that change, at most `TOLD` each and none in both."""
    ranked = sorted((layer for layer in layers if layer.moves), key=lambda layer: -layer.median)
    count = min(TOLD, (len(ranked) + 1) // 2)
    return ranked[:count], ranked[count:][::-1][:count]


def settled(layers: list[LayerChange]) -> tuple[list[LayerChange], list[LayerChange]]:
    """Layers whose change fell farthest from the first third to the last, and least; at most `TOLD` each."""
    ranked = sorted((layer for layer in layers if math.isfinite(layer.left)), key=lambda layer: layer.left)
    count = min(TOLD, (len(ranked) + 1) // 2)
    return ranked[:count], ranked[count:][::-1][:count]


def learning(layers: list[LayerChange]) -> list[LayerChange]:
    """Layers that change most in the last third, of those that change there; at most `TOLD`."""
    return sorted((layer for layer in layers if layer.last > 0), key=lambda layer: -layer.last)[:TOLD]


def settling(history: History, measure: str | None = None) -> Settling | None:
    """How the change develops from the first third of the steps to the last; None with one step or without numbers.

    Raises:
        InputError: the measure was not recorded.
    """
    parts = thirds(history, measure)
    both = np.isfinite(parts.first) & np.isfinite(parts.last)
    if len(history.steps) < 2 or not both.any():
        return None
    first, last = parts.first[both], parts.last[both]
    return Settling(parts, middle(first), middle(last), int((last < first).sum()), int(both.sum()))


def depth_thirds(layers: list[LayerChange]) -> list[Middle] | None:
    """Change in the median step of the first, middle and last third of the layers; None with fewer than nine."""
    found = np.array([layer.median for layer in layers])
    if len(found) < 9:
        return None
    return [middle(part[np.isfinite(part)]) for part in np.array_split(found, 3)]


def farthest(history: History, measure: str) -> list[tuple[str, float]]:
    """Layers and their values at the last step, the largest first; empty where the measure was not recorded."""
    if measure not in history.measures:
        return []
    last = history.values(measure)[:, -1]
    ranked = sorted(np.flatnonzero(np.isfinite(last)).tolist(), key=lambda row: -last[row])
    return [(history.layers[row], float(last[row])) for row in ranked]


def middle(values: np.ndarray) -> Middle:
    """The median of some numbers, and the ends of their middle half."""
    if not len(values):
        return Middle(np.nan, np.nan, np.nan)
    low, value, high = (float(number) for number in np.quantile(values, (0.25, 0.5, 0.75)))
    return Middle(value, low, high)
