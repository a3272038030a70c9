"""What trends found, as rows that the page and the terminal show."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from layerlore.dynamics.history import History
from layerlore.dynamics.trends import Trends
from layerlore.figures.depth import thirds
from layerlore.figures.groups import group_style
from layerlore.figures.trend_map import shown_labels

SIGNIFICANT = 0.05
"""Adjusted p-value below which a property counts as over-represented."""
LESS, MORE = 0.5, 2.0
"""Share of the change in the first third below which a group settles, and above which it changes more and more."""


@dataclass(frozen=True)
class GroupFacts:
    """A trend, the outliers or the frozen layers.

    Attributes:
        name: such as ``trend 0``.
        members: names of its layers.
        kinds: of them, each with its count, the commonest first.
        first: change of the median member in the first third of the steps; NaN where undefined, as is the next.
        last: in the last third.
        stability: how well the group itself survives resampling; NaN where that has no meaning.
        common: what is over-represented among its members, in words.
    """

    name: str
    members: list[str]
    kinds: list[tuple[str, int]]
    first: float
    last: float
    stability: float
    common: list[str]

    @property
    def course(self) -> str:
        """What its change does from the first third of training to the last, in words."""
        if not (math.isfinite(self.first) and math.isfinite(self.last)):
            return "cannot be followed"
        if self.first == self.last == 0:
            return "does not change"
        if self.last < LESS * self.first:
            return "settles"
        return "changes more and more" if self.last > MORE * self.first else "keeps changing"


def group_facts(trends: Trends, history: History) -> list[GroupFacts]:
    """Facts about every group that has members: trends, then outliers, then frozen layers.

    Args:
        trends: of this history.
        history: what they were found in.
    """
    # One group alone comes out every time.
    several = math.isfinite(trends.stability)
    stable = dict(zip(trends.trends, trends.cluster_stability, strict=True)) if several else {}
    parts = thirds(history, trends.measure)
    row = {layer: number for number, layer in enumerate(history.layers)}
    kinds = {weight.layer: weight.kind for weight in history.weights}
    found = []
    for label in shown_labels(trends):
        members = trends.members(label)
        rows = [row[layer] for layer in members]
        found.append(
            GroupFacts(
                name=group_style(label).words,
                members=members,
                kinds=Counter(kinds[layer] for layer in members).most_common(),
                first=_median(parts.first[rows]),
                last=_median(parts.last[rows]),
                stability=stable.get(label, math.nan),
                common=[in_words(line) for line in over_represented(trends) if line["label"] == label],
            )
        )
    return found


def over_represented(trends: Trends) -> list[dict[str, Any]]:
    """Lines of the composition whose adjusted p-value is below `SIGNIFICANT`, the least likely first."""
    lines = [line for line in trends.composition if line["p_adjusted"] < SIGNIFICANT]
    return sorted(lines, key=lambda line: line["p_adjusted"])


def in_words(line: dict[str, Any]) -> str:
    """One line of a composition.

    >>> in_words({"what": "depth", "value": "late", "members": 9, "group_size": 12, "expected": 4.0})
    'late in depth (9 of 12, 4.0 expected)'
    """
    value = {"depth": f"{line['value']} in depth", "size": f"{line['value']} in size"}.get(line["what"], line["value"])
    return f"{value} ({line['members']} of {line['group_size']}, {line['expected']:.1f} expected)"


def _median(values: np.ndarray) -> float:
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if finite.size else math.nan
