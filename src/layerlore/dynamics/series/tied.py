"""Weights that are saved twice: one weight under two names, in files that do not say so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch

from layerlore.dynamics.record import WeightInfo
from layerlore.dynamics.series.plan import Series
from layerlore.dynamics.series.reading import load_weight


def merge_tied(series: Series, weights: Sequence[WeightInfo], sums: Mapping[str, np.ndarray]) -> list[WeightInfo]:
    """Weights without those that are equal to an earlier one in every checkpoint; their names become its aliases.

    Two weights of one shape whose sums agree to the last bit over the whole series are read again and compared, so
    ordinary series cost nothing. Weights that hold one value only, such as fresh zeros, are never called tied.

    Args:
        series: opened checkpoints.
        weights: in order of depth.
        sums: of each weight over all pairs of checkpoints.
    """
    groups: dict[object, list[WeightInfo]] = {}
    aliases: dict[str, list[str]] = {}
    for weight in weights:
        known = groups.setdefault((weight.shape, weight.dtype, sums[weight.layer].tobytes()), [])
        twin = next((other for other in known if _always_equal(series, other.layer, weight.layer)), None)
        if twin is None:
            known.append(weight)
        else:
            aliases.setdefault(twin.layer, []).extend((weight.layer, *weight.aliases))
    dropped = {name for names in aliases.values() for name in names}
    kept = [weight for weight in weights if weight.layer not in dropped]
    return [
        replace(weight, depth=depth, aliases=(*weight.aliases, *aliases.get(weight.layer, ())))
        for depth, weight in enumerate(kept)
    ]


def _always_equal(series: Series, one: str, other: str) -> bool:
    varied = False
    for checkpoint in series.checkpoints:
        first, second = load_weight(checkpoint, one, None), load_weight(checkpoint, other, None)
        if not torch.equal(first, second):
            return False
        varied = varied or bool((first != first.reshape(-1)[0]).any())
    return varied
