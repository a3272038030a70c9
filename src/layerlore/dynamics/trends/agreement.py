"""Several results for the same layers, from seeds, runs or measures: how far they agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from layerlore.dynamics.trends.matching import match_trends
from layerlore.dynamics.trends.overlap import adjusted_rand
from layerlore.dynamics.trends.result import Trends
from layerlore.errors import InputError


@dataclass(frozen=True, eq=False)
class TrendsAgreement:
    """How far several groupings of the same layers agree.

    Attributes:
        layers: those that all results have, in order of depth.
        rand: adjusted Rand index of each pair of results on these layers; outliers and frozen layers count as groups.
        labels: consensus: the label that most results give a layer, once all are matched to the most typical one.
        share: of the results that give a layer this label.
    """

    layers: list[str]
    rand: Float64[np.ndarray, "n_results n_results"] = field(repr=False)
    labels: Int64[np.ndarray, "n_layers"] = field(repr=False)
    share: Float64[np.ndarray, "n_layers"] = field(repr=False)

    @property
    def mean(self) -> float:
        """Mean adjusted Rand index over pairs."""
        return float(self.rand[np.triu_indices(len(self.rand), 1)].mean())

    def to_json(self) -> dict[str, Any]:
        """In types that JSON knows."""
        return {
            "layers": self.layers,
            "mean": self.mean,
            "rand": self.rand.tolist(),
            "labels": self.labels.tolist(),
            "share": self.share.tolist(),
        }


def trends_agreement(results: Sequence[Trends]) -> TrendsAgreement:
    """Compare results pair by pair and find each layer's usual trend.

    The most typical result has the largest mean adjusted Rand index with the others; the others take its labels
    (`match_trends`), and each layer the label that most of them give it, the typical one's own where two are level.

    Args:
        results: at least two, with layers in common.

    Raises:
        InputError: fewer than two results, or no layer that all have.
    """
    if len(results) < 2:
        raise InputError(f"{len(results)} result given: agreement needs at least two")
    layers = [layer for layer in results[0].layers if all(layer in other.layers for other in results)]
    if not layers:
        raise InputError("no layer is in all results: only results of the same network can agree")
    rand = np.array([[adjusted_rand(_on(a, layers), _on(b, layers)) for b in results] for a in results])
    typical = results[int(rand.sum(1).argmax())]
    votes = np.stack([_on(typical, layers), *(_on(match_trends(typical, other), layers) for other in results)])
    # The typical result stands first as a candidate, so that it decides between equals, and votes once like the others.
    counts = (votes[:, None] == votes[None, 1:]).sum(1)
    labels = votes[counts.argmax(0), np.arange(len(layers))]
    return TrendsAgreement(layers, rand, labels, (votes[1:] == labels).mean(0))


def _on(trends: Trends, layers: Sequence[str]) -> Int64[np.ndarray, "n_layers"]:
    labels = dict(zip(trends.layers, trends.labels.tolist(), strict=True))
    return np.array([labels[layer] for layer in layers], dtype=np.int64)
