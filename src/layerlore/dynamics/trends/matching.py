"""The same trend under the same label: over time, and between two results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from layerlore.dynamics.history import History
from layerlore.dynamics.trends.find import find_trends
from layerlore.dynamics.trends.overlap import contingency
from layerlore.dynamics.trends.result import Trends
from layerlore.errors import InputError, LayerLoreError


def match_trends(earlier: Trends, later: Trends, *, first_new: int | None = None) -> Trends:
    """The later result with the labels of the earlier one, where trends share members.

    Trends are paired so that as many layers as possible keep their label (Kuhn 1955, the Hungarian method). A trend
    without a partner gets a new label.

    Args:
        earlier: whose labels are kept.
        later: to be relabelled; the layers need not be the same.
        first_new: first new label; None takes the first that the earlier result does not use.

    Returns:
        ``later`` with other labels. Outliers and frozen layers keep theirs.

    Raises:
        InputError: the two have no layer in common.
    """
    from scipy.optimize import linear_sum_assignment

    common = [layer for layer in later.layers if layer in set(earlier.layers)]
    if not common:
        raise InputError("the two results have no layer in common: trends can only be matched by their members")
    before = dict(zip(earlier.layers, earlier.labels.tolist(), strict=True))
    after = dict(zip(later.layers, later.labels.tolist(), strict=True))
    both = [layer for layer in common if before[layer] >= 0 and after[layer] >= 0]
    old = np.array([before[layer] for layer in both], dtype=np.int64)
    new = np.array([after[layer] for layer in both], dtype=np.int64)
    shared = contingency(old, new)
    mapping = {
        int(np.unique(new)[column]): int(np.unique(old)[row])
        for row, column in zip(*linear_sum_assignment(-shared), strict=True)
        if shared[row, column]
    }
    fresh = max(earlier.trends, default=-1) + 1 if first_new is None else first_new
    for label in later.trends:
        if label not in mapping:
            mapping[label] = fresh
            fresh += 1
    return relabelled(later, mapping)


def relabelled(trends: Trends, mapping: dict[int, int]) -> Trends:
    """A result with other labels for its trends.

    Args:
        trends: to be relabelled.
        mapping: a new label for each trend, all different and at least 0.
    """
    labels = np.array([mapping.get(int(label), int(label)) for label in trends.labels], dtype=np.int64)
    order = np.argsort([mapping[label] for label in trends.trends], kind="stable")
    names = [mapping[label] for label in trends.trends]
    profiles = trends.profiles.assign_coords(trend=np.array(names, dtype=np.int64)).isel(trend=order)
    composition = [line | {"label": mapping.get(line["label"], line["label"])} for line in trends.composition]
    return replace(
        trends,
        labels=labels,
        cluster_stability=[trends.cluster_stability[place] for place in order],
        profiles=profiles,
        composition=composition,
    )


def trends_over_time(history: History, ends: Sequence[int], measure: str | None = None, **options: Any) -> list[Trends]:
    """The trends as they would have been found at several times of the training, with matched labels.

    Args:
        history: of the whole training.
        ends: steps, increasing; each result is of all records up to and including that step.
        measure: see `find_trends`.
        **options: of `find_trends`, the same for all times.

    Returns:
        One result per end. A label means the same trend from one time to the next, and is not used again after its
        trend is gone, so that a layer's labels over the list are its path.

    Raises:
        InputError: ends that do not increase or lie outside the record, or what `find_trends` raises, with the end.
    """
    ends = [int(end) for end in ends]
    first, last = int(history.steps[0]), int(history.steps[-1])
    if not ends:
        raise InputError("ends is empty: name at least one step")
    if any(after <= before for before, after in pairwise(ends)):
        raise InputError(f"ends={ends} must increase")
    if ends[0] < first or ends[-1] > last:
        raise InputError(f"ends={ends} must lie within the record, which goes from step {first} to {last}")
    found: list[Trends] = []
    unused = 0
    for end in ends:
        part = History(history.data.isel(step=history.steps <= end), history.manifest)
        try:
            here = find_trends(part, measure, **options)
        except LayerLoreError as error:
            raise type(error)(f"up to step {end}: {error}") from error
        if found:
            here = match_trends(found[-1], here, first_new=unused)
        unused = max([unused, *(label + 1 for label in here.trends)])
        found.append(here)
    return found
