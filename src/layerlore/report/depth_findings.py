"""What stands out in a run through depth, as numbers that its sentences are made of.

A claim is made only where intervals support it: two layers differ where their bootstrap intervals lie apart, and a
layer holds more than some share where its whole interval lies above it. Elsewhere the numbers stand without the claim.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float64

from layerlore.figures.probes import NETWORK
from layerlore.interactions.bootstrap import CONFIDENCE, RESAMPLES, interval, ratio, resampling_weights
from layerlore.interactions.knowledge import Knowledge
from layerlore.interactions.shares import SUMS
from layerlore.report.depth_pass import DepthPass
from layerlore.report.summary import Estimate, Step

SIMPLE = 2
"""Players of a simple interaction at most."""
HALF = 0.5
"""Share of the later layer's strength beyond which a layer is said to hold more than half of it."""


@dataclass(frozen=True)
class Rise:
    """The largest difference in completeness between two layers that follow each other.

    Attributes:
        before: the earlier of them.
        after: the other.
        gain: difference of their completeness.
        apart: whether their intervals lie apart.
    """

    before: Step
    after: Step
    gain: float
    apart: bool


@dataclass(frozen=True)
class Holding:
    """From where on layers hold more than half of what the later layer uses, intervals included.

    Attributes:
        first: layer from which on all do; None if the last of them does not.
        least: the step of the smallest completeness from there on; the largest of all if there is none.
    """

    first: str | None
    least: Step


@dataclass(frozen=True)
class Forgetting:
    """The layer of the highest redundancy.

    Attributes:
        step: of it.
        rivals: other layers whose interval reaches into its own.
    """

    step: Step
    rivals: int


@dataclass(frozen=True)
class Simple:
    """Single players and pairs beside interactions of more players.

    Attributes:
        strength: of the simple ones, their share of the strength of the last step's later layer.
        step: a layer in the middle.
        completeness: of the simple ones there.
        complex_completeness: of the others.
    """

    strength: Estimate
    step: Step
    completeness: Estimate
    complex_completeness: Estimate


@dataclass(frozen=True)
class Lives:
    """How long interactions last that appear before the output.

    Attributes:
        layers: for how many layers, on average.
        arriving: which share of them lasts until the output.
    """

    layers: Estimate
    arriving: Estimate


@dataclass(frozen=True)
class Reading:
    """How well the first and the last probe read the task on validation data, as shares."""

    first: str
    first_accuracy: float
    last: str
    last_accuracy: float
    network: float
    chance: float


@dataclass(frozen=True)
class Findings:
    """All that is told of one target; None where the run cannot tell."""

    rise: Rise | None
    holding: Holding | None
    forgetting: Forgetting | None
    simple: Simple | None
    lives: Lives | None


def findings(found: DepthPass, steps: Sequence[Step], target: int = 0) -> Findings:
    """What stands out for one target.

    Args:
        found: of all samples.
        steps: rows of the ledger.
        target: position of the target.
    """
    to_one = [step for step in steps if step.completeness.known and step.later == steps[-1].later]
    return Findings(
        rise=steepest(to_one),
        holding=holding(to_one),
        forgetting=forgetting([step for step in steps if step.redundancy.known]),
        simple=simple(found, steps, target),
        lives=lives(found, target),
    )


def steepest(steps: Sequence[Step]) -> Rise | None:
    """Where completeness grows most from one layer to the next; None for fewer than two, or if it never does."""
    pairs = [
        Rise(before, after, after.completeness.value - before.completeness.value, _apart(before, after))
        for before, after in pairwise(steps)
    ]
    best = max(pairs, key=lambda pair: pair.gain, default=None)
    return best if best is not None and best.gain > 0 else None


def _apart(before: Step, after: Step) -> bool:
    return before.completeness.high < after.completeness.low


def holding(steps: Sequence[Step]) -> Holding | None:
    """From where on completeness stays above one half, intervals included; None without steps."""
    if not steps:
        return None
    first = len(steps)
    while first and steps[first - 1].completeness.low > HALF:
        first -= 1
    if first == len(steps):
        return Holding(None, max(steps, key=lambda step: step.completeness.value))
    return Holding(steps[first].earlier, min(steps[first:], key=lambda step: step.completeness.value))


def forgetting(steps: Sequence[Step]) -> Forgetting | None:
    """The layer that forgets the largest share of its strength; None without steps, or where nothing is forgotten."""
    if not steps:
        return None
    most = max(steps, key=lambda step: step.redundancy.value)
    if not most.redundancy.value > 0:
        return None
    others = (step.redundancy for step in steps if step is not most)
    return Forgetting(most, sum(other.high >= most.redundancy.low for other in others))


def simple(found: DepthPass, steps: Sequence[Step], target: int = 0) -> Simple | None:
    """Single players and pairs beside interactions of more players; None where the output holds nothing."""
    overlap, later = (found.sums[:, target, :, SUMS.index(name)].sum(-2) for name in ("overlap", "all_later"))
    middle = (len(steps) - 1) // 2
    strength = pooled_ratio(later[:, -1, :SIMPLE].sum(-1), later[:, -1].sum(-1))
    few, many = (
        pooled_ratio(overlap[:, middle, part].sum(-1), later[:, middle, part].sum(-1))
        for part in (slice(SIMPLE), slice(SIMPLE, None))
    )
    return Simple(strength, steps[middle], few, many) if strength.known else None


def lives(found: DepthPass, target: int = 0) -> Lives | None:
    """How long interactions last that appear before the output; None if none does."""
    count, layers, arriving = np.moveaxis(found.lives[:, :, :-1, target].sum((-3, -2, -1)), 1, 0)
    return Lives(pooled_ratio(layers, count), pooled_ratio(arriving, count)) if count.any() else None


def pooled_ratio(part: Float64[np.ndarray, "n_samples"], whole: Float64[np.ndarray, "n_samples"]) -> Estimate:
    """Ratio of two sums over samples with its bootstrap interval, as those of a ledger (METHODS A9)."""
    weights = resampling_weights(len(part), RESAMPLES, seed=0)
    value = ratio(np.asarray(part.sum()), np.asarray(whole.sum()))
    return Estimate(float(value), *(float(end) for end in interval(ratio(weights @ part, weights @ whole), CONFIDENCE)))


def reading(knowledge: Knowledge) -> Reading | None:
    """Accuracies of the first and the last probe; None where only the network itself was explained."""
    rows = {str(row["layer"]): float(row["validation_accuracy"]) for row in knowledge.manifest["quality"]}
    network = rows.pop(NETWORK, math.nan)
    probed = [layer for layer in knowledge.layers if layer in rows]
    if not probed:
        return None
    chance = float(knowledge.manifest["chance"])
    return Reading(probed[0], rows[probed[0]], probed[-1], rows[probed[-1]], network, chance)
