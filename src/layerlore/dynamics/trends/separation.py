"""How well a measure tells known groups of layers apart, such as kinds: a yardstick for measures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64, Int64

from layerlore.dynamics.history import History
from layerlore.dynamics.trends.cleaning import clean_robustly
from layerlore.dynamics.trends.reduction import scale_steps
from layerlore.dynamics.trends.settings import Settings, whole_number
from layerlore.errors import InputError, check_choice

Groups = Int64[np.ndarray, "n_layers"]

LEAST_MEMBERS = 3
LEAST_PERMUTATIONS = 19
PERMUTING = 6


@dataclass(frozen=True)
class Separation:
    """How well the courses of one measure tell groups of layers apart.

    Attributes:
        measure: whose courses.
        accuracy: mean over groups of the share of layers that are nearest to their own group's mean course, each layer
            left out of that mean.
        chance: the same, mean over permutations of the groups.
        p: share of permutations that do as well or better, the observed one counted.
        per_group: the share for each group.
        n_layers: used.
        left_out: layers that were not used: frozen, unknown, without a group or in a group of fewer than three.
    """

    measure: str
    accuracy: float
    chance: float
    p: float
    per_group: dict[str, float]
    n_layers: int
    left_out: int

    def to_json(self) -> dict[str, Any]:
        """In types that JSON knows."""
        return asdict(self)


def separation(
    history: History,
    measure: str | None = None,
    groups: Mapping[str, str] | None = None,
    *,
    standardise: str = "off",
    permutations: int = 199,
    seed: int = 0,
) -> Separation:
    """Cross-validated accuracy with which a measure tells known groups of layers apart.

    Courses are cleaned as in the robust recipe of `find_trends` and scaled step by step, but not reduced; a layer is
    given to the group with the nearest mean course, leaving itself out. Nothing is fitted beyond these means, so that a
    measure with many steps has no advantage over one with few.

    Args:
        history: at least two groups of three layers that change.
        measure: name; None takes the history's default.
        groups: group of each layer by name, layers that are not named are left out; None takes the kinds of the layers.
        standardise: per layer, ``"off"``, ``"centre"`` or ``"scale"``: whether level and size of a course count.
        permutations: for chance and p.
        seed: of the permutations.

    Raises:
        InputError: an unknown measure or layer, or fewer than two groups of three layers that change.
    """
    name = history.default_measure if measure is None else measure
    check_choice(name, history.measures, "measure")
    seed = whole_number("seed", seed, 0)
    permutations = whole_number("permutations", permutations, LEAST_PERMUTATIONS)
    check_choice(standardise, ("off", "centre", "scale"), "standardise")
    known = {weight.layer: weight.kind for weight in history.weights} if groups is None else dict(groups)
    for layer in known:
        check_choice(layer, history.layers, "groups: the layer")
    cleaned = clean_robustly(history.values(name), Settings(standardise=standardise))
    names = np.array([known.get(layer, "") for layer in history.layers], dtype=object)
    used = cleaned.moving & np.array([layer in known for layer in history.layers])
    used &= np.array([(names[used] == group).sum() >= LEAST_MEMBERS for group in names])
    titles, codes = np.unique(names[used].astype(str), return_inverse=True)
    if len(titles) < 2:
        raise InputError(
            f"{len(titles)} groups have at least {LEAST_MEMBERS} layers that change in {name!r}: telling groups apart "
            "needs two"
        )
    rows = scale_steps(cleaned.table[used], np.ones(used.sum(), np.int64), "pareto")
    codes = codes.reshape(-1).astype(np.int64)
    right = _right(rows, codes)
    accuracy = _balanced(right, codes)
    rng = np.random.default_rng((seed, PERMUTING))
    drawn = [_permuted(rows, rng.permutation(codes)) for _ in range(permutations)]
    return Separation(
        measure=name,
        accuracy=accuracy,
        chance=float(np.mean(drawn)),
        p=float((1 + np.sum(np.array(drawn) >= accuracy)) / (1 + permutations)),
        per_group={str(title): float(right[codes == code].mean()) for code, title in enumerate(titles)},
        n_layers=int(used.sum()),
        left_out=int((~used).sum()),
    )


def _permuted(rows: Float64[np.ndarray, "n_layers n_steps"], codes: Groups) -> float:
    return _balanced(_right(rows, codes), codes)


def _right(rows: Float64[np.ndarray, "n_layers n_steps"], codes: Groups) -> Bool[np.ndarray, "n_layers"]:
    """Whether each layer is nearest to its own group's mean, itself left out of it."""
    member = (codes[:, None] == np.arange(codes.max() + 1)).astype(np.float64)
    size = member.sum(0)
    means = (member.T @ rows) / size[:, None]
    distances = ((rows[:, None] - means[None]) ** 2).sum(-1)
    own = np.arange(len(rows)), codes
    # Without itself, the mean of its group is farther by this factor.
    distances[own] *= (size[codes] / (size[codes] - 1)) ** 2
    return distances.argmin(1) == codes


def _balanced(right: Bool[np.ndarray, "n_layers"], codes: Groups) -> float:
    return float((np.bincount(codes, right) / np.bincount(codes)).mean())
