"""Measures of a series from whole state dicts, formula by formula in float64 NumPy (METHODS B1)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from torch import Tensor


def changes(states: Sequence[dict[str, Tensor]], name: str) -> dict[str, np.ndarray]:
    """All measures of one weight over all neighbouring pairs."""
    weights = [state[name].detach().double().numpy() for state in states]
    found: dict[str, list[float]] = {}
    for earlier, later in pairwise(weights):
        for measure, value in _pair(weights[0], earlier, later).items():
            found.setdefault(measure, []).append(value)
    return {measure: np.array(values) for measure, values in found.items()}


def _pair(initial: np.ndarray, earlier: np.ndarray, later: np.ndarray) -> dict[str, float]:
    change = later - earlier
    there = earlier != 0
    ratios = np.sort(np.abs(change[there]) / np.abs(earlier[there]))
    cut = len(ratios) // 10
    return {
        "rwc_l1": np.abs(change).sum() / np.abs(earlier).sum(),
        "rwc_l2": np.linalg.norm(change) / np.linalg.norm(earlier),
        "rwc_elementwise": ratios.mean(),
        "update_to_weight": change.std() / earlier.std(),
        "rotation": _angle(earlier, later),
        "rotation_from_init": _angle(initial, later),
        "distance_from_init": np.linalg.norm(later - initial) / np.linalg.norm(initial),
        "rwc_median": float(np.median(ratios)),
        "rwc_trimmed": ratios[cut : len(ratios) - cut].mean(),
    }


def _angle(one: np.ndarray, other: np.ndarray) -> float:
    one, other = one / np.linalg.norm(one), other / np.linalg.norm(other)
    return float(2 * np.arctan2(np.linalg.norm(one - other), np.linalg.norm(one + other)))
