"""How far two salient sets overlap, and how far they would by chance (METHODS A7). Pure functions.

Sets are compared within *strata*, one for each op and order: a set of order ``m``
can only fall among the ``C(n, m)`` subsets of that order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np
from jaxtyping import Float64

from layerlore.interactions.bootstrap import ratio
from layerlore.interactions.salience import OpEffects, is_salient, sum_by_order

NEGLIGIBLE = 1e-18
"""Chances that are smaller, as a share of the largest, change no digit of an expected value."""

Strata = Float64[np.ndarray, "*batch n_ops n_orders"]
"""One number for each op and order."""

Stratum = tuple[int, int, int, float]
"""Sizes of the two sets, number of subsets they are drawn from, share of coincidences with one sign."""


@dataclass(frozen=True)
class Overlap:
    """Two salient sets side by side, for each op and order.

    Attributes:
        first: interactions salient in the first.
        second: in the second.
        both: in both, of whatever sign.
        matched: those of ``both`` that count: with ``sign_aware`` those of one sign, else all.
        same_sign: chance that two coinciding interactions count, given how many of each set are positive.
        smaller: sum of the smaller strength over interactions salient in either; 0 where they are not matched.
        larger: sum of the larger strength.
    """

    first: Strata
    second: Strata
    both: Strata
    matched: Strata
    same_sign: Strata
    smaller: Strata
    larger: Strata


def overlap(
    first: OpEffects,
    second: OpEffects,
    thresholds: tuple[Float64[np.ndarray, "*threshold"], Float64[np.ndarray, "*threshold"]],
    units: tuple[Float64[np.ndarray, "*threshold"], Float64[np.ndarray, "*threshold"]],
    sign_aware: bool = False,
) -> Overlap:
    """Compare the salient effects of two layers.

    Args:
        first: effects ``[..., op, coalition]``.
        second: likewise, of the same shape.
        thresholds: of the two, in the units of their effects, broadcast over the leading axes.
        units: normalisers of the two; strengths are effects divided by them, NaN where they are 0.
        sign_aware: count an interaction as matched only where both effects have one sign.

    Source: METHODS A7.
    """
    ours, theirs = is_salient(first, thresholds[0]), is_salient(second, thresholds[1])
    both = ours & theirs
    matched = both & (np.sign(first) == np.sign(second)) if sign_aware else both
    strengths = [
        np.where(salient, np.abs(effects), 0.0) / np.where(unit > 0, unit, np.nan)[..., None, None]
        for effects, salient, unit in ((first, ours, units[0]), (second, theirs, units[1]))
    ]
    return Overlap(
        first=_count(ours),
        second=_count(theirs),
        both=_count(both),
        matched=_count(matched),
        same_sign=_same_sign(first, second, ours, theirs) if sign_aware else np.ones_like(_count(both)),
        smaller=sum_by_order(np.where(matched, np.minimum(*strengths), 0.0)),
        larger=sum_by_order(np.maximum(*strengths)),
    )


def _count(members: np.ndarray) -> Strata:
    return sum_by_order(members.astype(np.float64))


def _same_sign(first: np.ndarray, second: np.ndarray, ours: np.ndarray, theirs: np.ndarray) -> Strata:
    up = _count(ours & (first > 0)), _count(theirs & (second > 0))
    down = _count(ours & (first < 0)), _count(theirs & (second < 0))
    pairs = (up[0] + down[0]) * (up[1] + down[1])
    return np.nan_to_num(ratio(up[0] * up[1] + down[0] * down[1], pairs))


def pooled(found: Overlap) -> Overlap:
    """Ops and orders added up, one stratum left; ``same_sign`` has no meaning there and is NaN."""
    sums = {part.name: getattr(found, part.name).sum((-2, -1), keepdims=True) for part in fields(Overlap)}
    return Overlap(**sums | {"same_sign": np.full_like(sums["same_sign"], np.nan)})


def of_op(found: Overlap, op: int) -> Overlap:
    """One op alone, its axis kept."""
    return Overlap(**{part.name: getattr(found, part.name)[..., op : op + 1, :] for part in fields(Overlap)})


def iou(found: Overlap) -> Strata:
    """Intersection over union of the sets; NaN where both are empty."""
    return ratio(found.matched, found.first + found.second - found.both)


def weighted_iou(found: Overlap) -> Strata:
    """Sum of the smaller strengths over the sum of the larger ones; NaN where both sets are empty."""
    return ratio(found.smaller, found.larger)


@lru_cache(maxsize=1 << 16)
def coincidences(first: int, second: int, pool: int) -> tuple[int, Float64[np.ndarray, "n"]]:
    """How many elements two random sets of these sizes have in common: hypergeometric.

    Returns:
        The smallest number with a chance worth counting, and the chances of it and of the numbers that follow.

    >>> coincidences(1, 2, 4)
    (0, array([0.5, 0.5]))
    """
    low, high = max(0, first + second - pool), min(first, second)
    h = np.arange(low, high, dtype=np.float64)
    # Each chance from the one before: exact where a single number is possible, and no factorial overflows.
    steps = np.log((first - h) * (second - h)) - np.log((h + 1) * (pool - first - second + h + 1))
    logs = np.concatenate([[0.0], np.cumsum(steps)])
    chances = np.exp(logs - logs.max())
    kept = np.flatnonzero(chances > NEGLIGIBLE)
    chances = chances[kept[0] : kept[-1] + 1]
    return low + int(kept[0]), chances / chances.sum()


@lru_cache(maxsize=1 << 16)
def expected_iou(strata: tuple[Stratum, ...]) -> float:
    """IoU of random sets with these sizes: ``E[matched / (first + second - both)]``, NaN where all sets are empty.

    Within each stratum the sets are independent and uniform among the sets of their sizes, and signs are shuffled
    with them: given how many elements coincide, ``share`` of them are expected to have one sign, so that no second
    distribution is needed. With one stratum and share 1 this is METHODS A7's ``E[h / (a + b - h)]``.

    Args:
        strata: ``(first, second, pool, share)`` for each op and order to pool over.

    >>> expected_iou(((1, 1, 2, 1.0),))
    0.5
    """
    sizes = sum(first + second for first, second, _, _ in strata)
    if sizes == 0:
        return math.nan
    # `mass` holds the chance of each number of coincidences, `matched` the expected number of matches on that event.
    start, mass, matched = 0, np.ones(1), np.zeros(1)
    for first, second, pool, share in strata:
        if first == 0 or second == 0:
            continue
        low, chances = coincidences(min(first, second), max(first, second), pool)
        here = share * (low + np.arange(len(chances))) * chances
        matched = np.convolve(matched, chances) + np.convolve(mass, here)
        mass = np.convolve(mass, chances)
        start += low
    return float((matched / (sizes - start - np.arange(len(mass)))).sum())


def chance_iou(found: Overlap) -> Strata:
    """`expected_iou` for the sets of each op and order; NaN where both are empty."""
    n_players = found.first.shape[-1]
    pools = [math.comb(n_players, order) for order in range(1, n_players + 1)]
    chance = np.full(found.first.shape, np.nan)
    for place in np.ndindex(chance.shape):
        chance[place] = expected_iou((_stratum(found, place, pools),))
    return chance


def pooled_chance_iou(found: Overlap) -> Float64[np.ndarray, "*batch"]:
    """`expected_iou` for the sets of all ops and orders together, the size of each order's set given."""
    n_players = found.first.shape[-1]
    pools = [math.comb(n_players, order) for order in range(1, n_players + 1)]
    batch = found.first.shape[:-2]
    chance = np.full(batch, np.nan)
    for game in np.ndindex(batch):
        places = np.ndindex(found.first.shape[-2:])
        strata = tuple(_stratum(found, (*game, *place), pools) for place in places)
        chance[game] = expected_iou(tuple(stratum for stratum in strata if stratum[0] + stratum[1]))
    return chance


def _stratum(found: Overlap, place: tuple[int, ...], pools: list[int]) -> Stratum:
    return int(found.first[place]), int(found.second[place]), pools[place[-1]], float(found.same_sign[place])


def corrected(mean: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """``(mean - chance) / (1 - chance)``: 0 by chance, 1 where all sets are equal; NaN where chance is 1.

    Source: METHODS A7, asked for by two of the paper's reviewers.
    """
    room = 1 - chance
    # Weighted means of ones are 1 up to rounding only.
    return np.divide(mean - chance, room, out=np.full(np.shape(room), np.nan), where=room > 1e-12)
