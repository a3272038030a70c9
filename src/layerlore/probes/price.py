"""What training the probes will cost, known before it starts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from layerlore.engines import readable
from layerlore.errors import BudgetError, LayerLoreError
from layerlore.networks import READ_OUTS, read_out_size

HISTORY = 8
"""Steps that the minimiser remembers."""
COPIES = 2 * HISTORY + 8
"""Numbers held per parameter while training: the history, points, gradients and what a step needs."""


@dataclass(frozen=True)
class Price:
    """Bytes that training needs for each layer, and for keeping all features in memory."""

    training: dict[str, int]
    features: int

    @property
    def total(self) -> int:
        """Bytes for all probes, features not kept."""
        return sum(self.training.values())


def price(
    *,
    shapes: Mapping[str, tuple[int, ...]],
    read_outs: Mapping[str, str],
    n_outputs: int,
    n_penalties: int,
    n_samples: int,
    feature_bytes: int,
) -> Price:
    """The `Price` of probes on layers with these output shapes, features of ``feature_bytes`` each."""
    sizes = {layer: read_out_size(read_outs[layer], shape) for layer, shape in shapes.items()}
    training = {layer: (size + 1) * n_outputs * n_penalties * 8 * COPIES for layer, size in sizes.items()}
    return Price(training, sum(sizes.values()) * n_samples * feature_bytes)


def check_price(cost: Price, shapes: Mapping[str, tuple[int, ...]], read_outs: Mapping[str, str], budget: int) -> None:
    """Raise `BudgetError`, naming the read-out that fits, where probes cost more than ``budget`` bytes."""
    if cost.total <= budget:
        return
    layer = max(cost.training, key=lambda name: cost.training[name])
    size = read_out_size(read_outs[layer], shapes[layer])
    fitting = _fitting(cost, shapes, read_outs, budget)
    shown = ", ".join(f"{name!r}: {choice!r}" for name, choice in fitting.items())
    advice = (
        f"It fits with read_out={{{shown}}}" if fitting else "No read-outs make it fit: leave the largest layers out"
    )
    raise BudgetError(
        f"training the probes needs {readable(cost.total)}, the budget is {readable(budget)}. The largest is layer "
        f"{layer!r} with {size} features of shape {shapes[layer]} ({readable(cost.training[layer])}). {advice}, pass "
        "fewer layers or penalties, or raise budget= (bytes)"
    )


def _fitting(
    cost: Price, shapes: Mapping[str, tuple[int, ...]], read_outs: Mapping[str, str], budget: int
) -> dict[str, str]:
    """Read-outs, the largest layers changed first and no more of them than needed, that fit; empty if none do."""
    total = float(cost.total)
    chosen: dict[str, str] = {}
    for layer in sorted(shapes, key=lambda name: -cost.training[name]):
        # What is spent grows with the features and the bias.
        per_weight = cost.training[layer] / (read_out_size(read_outs[layer], shapes[layer]) + 1)
        size, name = min((_size(name, shapes[layer]), name) for name in READ_OUTS)
        smaller = per_weight * (size + 1)
        if smaller < cost.training[layer]:
            chosen[layer] = name
            total += smaller - cost.training[layer]
        if total <= budget:
            return chosen
    return {}


def _size(name: str, shape: tuple[int, ...]) -> float:
    try:
        return read_out_size(name, shape)
    except LayerLoreError:
        return math.inf
