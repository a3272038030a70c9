"""What the layers of a trend have in common, and whether that could be chance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from layerlore.dynamics.record import WeightInfo

Labels = Int64[np.ndarray, "n_layers"]

THIRDS = ("early", "middle", "late")
SIZES = ("small", "medium", "large")
UNKNOWN_KIND = "other"


def compose(labels: Labels, weights: Sequence[WeightInfo]) -> list[dict[str, Any]]:
    """Every group against every kind, depth third and size tertile.

    Each cell is tested one-sided for over-representation with the hypergeometric distribution (Fisher's exact test),
    and all tests of the table are adjusted together (Benjamini and Hochberg 1995). Kinds are left out where none is
    known, sizes where one is unknown or all are equal.

    Args:
        labels: of the layers; every label is a group, also outliers and frozen layers.
        weights: of the same layers.

    Returns:
        One entry per cell: ``label``, ``what`` (``kind``, ``depth`` or ``size``), ``value``, ``members`` (of the group
        with that value), ``group_size``, ``with_value``, ``layers``, ``expected`` members by chance, ``p``,
        ``p_adjusted``.
    """
    from scipy.stats import hypergeom

    n_layers = len(labels)
    lines = []
    for what, values in _properties(weights).items():
        for value in dict.fromkeys(values):
            has = np.array([entry == value for entry in values])
            for label in np.unique(labels):
                inside = labels == label
                members, group_size, with_value = int((has & inside).sum()), int(inside.sum()), int(has.sum())
                lines.append(
                    {
                        "label": int(label),
                        "what": what,
                        "value": value,
                        "members": members,
                        "group_size": group_size,
                        "with_value": with_value,
                        "layers": n_layers,
                        "expected": group_size * with_value / n_layers,
                        "p": float(hypergeom.sf(members - 1, n_layers, with_value, group_size)),
                    }
                )
    adjusted = adjust(np.array([line["p"] for line in lines]))
    return [line | {"p_adjusted": float(p)} for line, p in zip(lines, adjusted, strict=True)]


def adjust(p: Float64[np.ndarray, "n_tests"]) -> Float64[np.ndarray, "n_tests"]:
    """Benjamini-Hochberg adjusted p-values.

    >>> adjust(np.array([0.01, 0.5, 0.02])).round(3).tolist()
    [0.03, 0.5, 0.03]
    """
    order = np.argsort(p)[::-1]
    scaled = p[order] * len(p) / np.arange(len(p), 0, -1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled), 1.0)
    return adjusted


def _properties(weights: Sequence[WeightInfo]) -> dict[str, list[str]]:
    kinds = [weight.kind for weight in weights]
    found = {} if set(kinds) == {UNKNOWN_KIND} else {"kind": kinds}
    if len(weights) >= len(THIRDS):
        ranks = np.argsort(np.argsort([weight.depth for weight in weights]))
        found["depth"] = [THIRDS[place] for place in ranks * len(THIRDS) // len(weights)]
    sizes = np.array([weight.size if weight.shape else 0 for weight in weights])
    if sizes.all() and len(np.unique(sizes)) > 1:
        edges = np.quantile(sizes, [1 / 3, 2 / 3])
        found["size"] = [SIZES[place] for place in np.searchsorted(edges, sizes)]
    return found
