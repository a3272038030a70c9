"""Would the same trends be found among other layers? A bootstrap over layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from layerlore.dynamics.trends.grouping import ABSENT, Recipe, group, place
from layerlore.dynamics.trends.overlap import adjusted_rand, jaccard

Labels = Int64[np.ndarray, "n_layers"]

INTERVAL = (0.025, 0.975)
RESAMPLING, GROUPING = 1, 2


@dataclass(frozen=True, eq=False)
class Stability:
    """How well a grouping survives resampling.

    Attributes:
        draws: adjusted Rand index of each resample with the grouping, on the layers that were drawn; outliers count as
            a group.
        clusters: per trend, in order of its label, the mean over resamples of the Jaccard coefficient with the most
            similar group (Hennig 2007); NaN where no resample drew a member.
    """

    draws: Float64[np.ndarray, "n_resamples"]
    clusters: list[float]

    @property
    def mean(self) -> float:
        """Mean over resamples."""
        return float(self.draws.mean())

    @property
    def interval(self) -> tuple[float, float]:
        """What 95 % of the resamples lie within: spread between resamples, not the error of the mean."""
        low, high = np.quantile(self.draws, INTERVAL)
        return float(low), float(high)


def bootstrap(recipe: Recipe, groupings: Mapping[int, Labels], resamples: int, seed: int) -> dict[int, Stability]:
    """Draw layers with replacement, place and group them anew, and compare on the layers drawn.

    All numbers of groups see the same resamples. The cleaning of a layer does not look at other layers (but for the
    floor of zeros), so it is not repeated.

    Args:
        recipe: how layers are placed and grouped.
        groupings: for each number of groups, the labels of all layers.
        resamples: how many.
        seed: of the draws.

    Sources: Hennig 2007, *Cluster-wise assessment of cluster stability*, Computational Statistics & Data Analysis 52.
    """
    n_layers = len(recipe.rows)
    agree = {k: np.empty(resamples) for k in groupings}
    alike: dict[int, dict[int, list[float]]] = {
        k: {int(label): [] for label in np.unique(labels) if label >= 0} for k, labels in groupings.items()
    }
    for draw in range(resamples):
        rng = np.random.default_rng((seed, RESAMPLING, draw))
        counts = np.bincount(rng.integers(0, n_layers, n_layers), minlength=n_layers).astype(np.int64)
        placed = place(recipe, counts)
        for k, labels in groupings.items():
            found = group(recipe, placed, k, np.random.default_rng((seed, GROUPING, draw, k)))
            drawn = found != ABSENT
            agree[k][draw] = adjusted_rand(labels[drawn], found[drawn])
            for label, share in jaccard(labels[drawn], found[drawn]).items():
                if label >= 0:
                    alike[k][label].append(share)
    return {
        k: Stability(agree[k], [float(np.mean(shares)) if shares else np.nan for shares in alike[k].values()])
        for k in groupings
    }
