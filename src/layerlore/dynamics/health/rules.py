"""The checks themselves: from what was noted of the tensors to findings. Each states its rule and its numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from layerlore.dynamics.health.courses import Course
from layerlore.dynamics.health.findings import Finding

SWAP_RATIO = 1.2
"""How much longer the path is than with two neighbours exchanged. A path of independent steps (the least that training
does: straight paths give 2) has sqrt(2) where two are exchanged and 0.7 where none is; steps around one point give 1.
The bound is the geometric mean of 1 and sqrt(2)."""
SWAP_SHARE = 0.8
"""In this share of the weights."""
GROWTH = 10.0
"""How many times its own past size a weight has to reach to be called exploding."""
ALONE = 100.0
"""From here on whatever its peers do."""
SPREADS = 6.0
"""Beyond the median of its peers, in spreads (1.4826 median absolute deviations, at least `LEAST_SPREAD`)."""
LEAST_SPREAD = float(np.log(1.5))


def missing(courses: Sequence[Course], steps: Sequence[int], readable: Sequence[bool]) -> list[Finding]:
    """Tensors that some of the checkpoints that could be opened do not have."""
    findings = []
    for course in courses:
        absent = [
            step
            for step, info, there, position in zip(steps, course.infos, readable, range(len(steps)), strict=True)
            if there and info is None and position not in course.errors
        ]
        if absent:
            have = sum(readable) - len(absent)
            evidence = f"{have} of {sum(readable)} checkpoints have it; it is missing at {_steps(absent)}"
            findings.append(Finding("missing", "error", course.name, absent[0], evidence, {"steps": absent}))
    return findings


def damaged(courses: Sequence[Course], steps: Sequence[int]) -> list[Finding]:
    """Tensors whose bytes could not be read, one finding for each step."""
    by_step: dict[int, list[tuple[str, str]]] = {}
    for course in courses:
        for position, why in course.errors.items():
            by_step.setdefault(position, []).append((course.name, why))
    return [
        Finding(
            "unreadable",
            "error",
            found[0][0] if len(found) == 1 else None,
            steps[position],
            f"{len(found)} tensors cannot be read: {found[0][1]}",
            {"tensors": [name for name, _ in found]},
        )
        for position, found in by_step.items()
    ]


def shapes(courses: Sequence[Course], steps: Sequence[int]) -> list[Finding]:
    """Tensors whose shape or dtype changes, and those without elements."""
    findings = []
    for course in courses:
        known = [(step, info) for step, info in zip(steps, course.infos, strict=True) if info is not None]
        for (earlier, before), (later, after) in pairwise(known):
            if (before.shape, before.dtype) != (after.shape, after.dtype):
                evidence = f"{before} at step {earlier}, {after} at step {later}"
                values = {"before": str(before), "after": str(after), "step_before": earlier}
                findings.append(Finding("shape", "error", course.name, later, evidence, values))
        if known and 0 in known[0][1].shape:
            evidence = f"it is {known[0][1]}: there is nothing in it"
            findings.append(Finding("empty", "error", course.name, known[0][0], evidence))
    return findings


def equal(courses: Sequence[Course], steps: Sequence[int]) -> list[Finding]:
    """Checkpoints whose tensors all have the same bytes."""
    first: dict[tuple[object, ...], int] = {}
    findings = []
    for position, step in enumerate(steps):
        content = tuple((course.checksum[position], course.infos[position]) for course in courses)
        if all(info is None for _, info in content):
            continue
        known = first.setdefault(content, step)
        if known != step:
            count = sum(info is not None for _, info in content)
            evidence = f"all {count} tensors have the same bytes as at step {known}"
            findings.append(Finding("equal", "error", None, step, evidence, {"same_as": known, "n_tensors": count}))
    return findings


def swapped(courses: Sequence[Course], steps: Sequence[int]) -> list[Finding]:
    """Neighbours in the wrong order: the path through the weights is shorter with the two exchanged.

    For the pair (i, i + 1) each weight compares ``|w[i] - w[i-1]| / |w[i+1] - w[i-1]|`` and, on the other side,
    ``|w[i+2] - w[i+1]| / |w[i+2] - w[i]|``, and takes their geometric mean; at the ends there is one side only, and an
    odd checkpoint looks the same, so that is a warning. A series in which all pairs look exchanged goes back and forth
    and has no finding; nor have pairs beside a copy of another checkpoint, which `equal` finds.
    """
    weights = [course for course in courses if course.is_weight and np.nansum(course.distance) > 0]
    count = len(steps)
    if count < 4 or not weights:
        return []
    ratios = [_exchange_ratios(weights, pair) for pair in range(count - 1)]
    shares = np.array([np.mean(each > SWAP_RATIO) if len(each) else 0.0 for each in ratios])
    middles = np.array([np.median(each) if len(each) else np.nan for each in ratios])
    around = np.array([_middle(np.delete(middles, pair)) for pair in range(count - 1)])
    voting = np.array([2 * len(each) >= len(weights) for each in ratios])
    copies = {steps.index(finding.step) for finding in equal(courses, steps) if finding.step is not None}
    clear = np.array([not copies & set(range(pair - 1, pair + 3)) for pair in range(count - 1)])
    ends = {0, count - 2}
    suspects = np.flatnonzero((shares >= SWAP_SHARE) & voting & clear & (around < 1.0)).tolist()
    findings = []
    for pair in _strongest(suspects, middles, ends):
        doubt = "; at the end of a series one odd checkpoint looks the same" if pair in ends else ""
        evidence = (
            f"the path through the weights is {middles[pair]:.2f} times as long as with steps {steps[pair]} and "
            f"{steps[pair + 1]} exchanged (median; above {SWAP_RATIO} in {100 * shares[pair]:.0f} % of "
            f"{len(ratios[pair])} weights; elsewhere {around[pair]:.2f}){doubt}"
        )
        values = {
            "with_step": steps[pair + 1],
            "ratio": float(middles[pair]),
            "share": float(shares[pair]),
            "elsewhere": float(around[pair]),
        }
        severity = "warning" if pair in ends else "error"
        findings.append(Finding("swapped", severity, None, steps[pair], evidence, values))
    return findings


def _strongest(suspects: Sequence[int], ratios: np.ndarray, ends: set[int]) -> list[int]:
    """Of neighbouring pairs the one with the most evidence: an exchange makes the pairs beside it look odd too."""
    kept: list[int] = []
    for pair in sorted(suspects, key=lambda pair: (pair in ends, -ratios[pair])):
        if not {pair - 1, pair + 1} & set(kept):
            kept.append(pair)
    return sorted(kept)


def _middle(values: np.ndarray) -> float:
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if len(finite) else float("nan")


def _exchange_ratios(weights: Sequence[Course], pair: int) -> np.ndarray:
    found = []
    for course in weights:
        sides = []
        if pair >= 1:
            sides.append((course.distance[pair], course.distance_2[pair + 1]))
        if pair + 2 < len(course.infos):
            sides.append((course.distance[pair + 2], course.distance_2[pair + 2]))
        if all(np.isfinite(side).all() and min(side) > 0 for side in sides) and course.distance[pair + 1] > 0:
            found.append(float(np.exp(np.mean([np.log(there / exchanged) for there, exchanged in sides]))))
    return np.array(found)


def gaps(steps: Sequence[int]) -> list[Finding]:
    """Steps that are missing from an even schedule: the most common distance, where it is that of half of all pairs.

    Other distances are no gaps unless they are several times that one, so series that begin in powers of two, or end
    off schedule, are left alone.
    """
    distances = np.diff(np.asarray(steps, dtype=np.int64))
    if len(distances) < 3:
        return []
    values, counts = np.unique(distances, return_counts=True)
    usual = int(values[counts.argmax()])
    if 2 * counts.max() < len(distances):
        return []
    findings = []
    for before, after in pairwise(steps):
        if after - before > usual and (after - before) % usual == 0:
            lost = list(range(before + usual, after, usual))
            evidence = (
                f"{len(lost)} checkpoints are missing between steps {before} and {after}: steps are {usual} apart "
                f"otherwise, so {_steps(lost)} would be there"
            )
            values_found = {"missing": lost[:100], "n_missing": len(lost), "usual": usual}
            findings.append(Finding("gap", "warning", None, after, evidence, values_found))
    return findings


def nonfinite(courses: Sequence[Course], steps: Sequence[int]) -> list[Finding]:
    """Tensors with NaN or infinite elements: since when, and how many."""
    findings = []
    for course in courses:
        bad = [position for position, number in enumerate(course.nonfinite) if number > 0]
        if bad:
            size = _size(course, bad[0])
            first, last = (course.nonfinite[bad[end]] for end in (0, -1))
            evidence = (
                f"{first:,.0f} of {size:,} elements are NaN or infinite at step {steps[bad[0]]}, the first time; "
                f"{len(bad)} of {len(steps)} checkpoints are affected, {last:,.0f} elements at step {steps[bad[-1]]}"
            )
            numbers = {
                "counts": {str(steps[position]): int(course.nonfinite[position]) for position in bad},
                "size": size,
            }
            findings.append(Finding("nonfinite", "error", course.name, steps[bad[0]], evidence, numbers))
    return findings


def dead(courses: Sequence[Course], steps: Sequence[int]) -> list[Finding]:
    """Weights that hold one value only at the last step, zero as a rule; fresh zeros that later move are no finding."""
    findings = []
    for course in courses:
        if not course.is_weight:
            continue
        single = [
            _size(course, position) > 1
            and course.low[position] == course.high[position]
            and course.nonfinite[position] == 0
            for position in range(len(steps))
        ]
        if single[-1]:
            since = len(steps) - 1
            while since and single[since - 1]:
                since -= 1
            value = course.low[-1]
            what = "all zero" if value == 0 else f"all {value:g}"
            when = f"since step {steps[since]}" if since else "in all checkpoints"
            evidence = f"its {_size(course, len(steps) - 1):,} elements are {what} {when}"
            findings.append(Finding("dead", "warning", course.name, steps[since], evidence, {"value": float(value)}))
    return findings


def frozen(courses: Sequence[Course], steps: Sequence[int]) -> list[Finding]:
    """Tensors that no step changes, where others move.

    Of weights a warning; where more than half of all weights are frozen, as in the training of adapters, a note; of
    biases and norms a note; buffers and dead weights are left out.
    """
    moving = [course for course in courses if course.kind != "buffer" and np.isfinite(course.changed).any()]
    still = [course for course in moving if np.nansum(course.changed) == 0]
    if len(still) == len(moving):
        return []
    weights = [course for course in moving if course.is_weight]
    mostly = 2 * sum(course.is_weight for course in still) > len(weights)
    findings = []
    for course in still:
        if course.is_weight and course.low[-1] == course.high[-1]:
            continue
        pairs = int(np.isfinite(course.changed).sum())
        evidence = (
            f"none of its {_size(course, len(steps) - 1):,} elements changes in {pairs} steps between checkpoints"
        )
        if mostly:
            evidence += "; most weights of this series are frozen"
        grave = course.is_weight and not mostly
        findings.append(
            Finding("frozen", "warning" if grave else "note", course.name, None, evidence, {"pairs": pairs})
        )
    return findings


def exploding(courses: Sequence[Course], steps: Sequence[int]) -> list[Finding]:
    """Weights that reach `GROWTH` times the median of their past size, far beyond what their peers do.

    Size is the root mean square. Peers are the other weights at the same step: the growth has to lie `SPREADS` spreads
    beyond their median growth (on a log scale), or reach `ALONE`; and the size has to be at least the median of their
    sizes, since weights that start near zero grow by large factors without harm.
    """
    weights = [course for course in courses if course.is_weight]
    if not weights:
        return []
    sizes = np.stack([course.rms for course in weights])
    growth = np.full_like(sizes, np.nan)
    for row, size in enumerate(sizes):
        for position in range(1, len(steps)):
            past = size[:position][size[:position] > 0]
            if len(past) and size[position] > 0:
                growth[row, position] = np.log(size[position] / np.median(past))
    findings = []
    for row, course in enumerate(weights):
        for position in range(1, len(steps)):
            found = growth[row, position]
            if not found >= np.log(GROWTH):
                continue
            peers = np.delete(growth[:, position], row)
            middle, spread = middle_and_spread(peers)
            larger = sizes[row, position] >= np.nanmedian(sizes[:, position])
            if larger and (found >= np.log(ALONE) or found >= middle + SPREADS * spread):
                evidence = (
                    f"its root mean square is {sizes[row, position]:.3g} at step {steps[position]}, "
                    f"{np.exp(found):.3g} times the median of its past; its peers stand at {np.exp(middle):.3g} times "
                    "theirs"
                )
                values = {
                    "rms": float(sizes[row, position]),
                    "growth": float(np.exp(found)),
                    "peers": float(np.exp(middle)),
                }
                findings.append(Finding("exploding", "warning", course.name, steps[position], evidence, values))
                break
    return findings


def middle_and_spread(peers: np.ndarray) -> tuple[float, float]:
    """Median and spread of what is finite; 0 and the least spread where nothing is."""
    peers = peers[np.isfinite(peers)]
    if not len(peers):
        return 0.0, LEAST_SPREAD
    middle = float(np.median(peers))
    return middle, max(1.4826 * float(np.median(np.abs(peers - middle))), LEAST_SPREAD)


def _size(course: Course, position: int) -> int:
    info = course.infos[position] or next(info for info in course.infos if info is not None)
    return int(np.prod(info.shape, dtype=np.int64))


def _steps(steps: Sequence[int]) -> str:
    shown = ", ".join(map(str, steps[:5])) + (f" and {len(steps) - 5} more" if len(steps) > 5 else "")
    return f"step{'s' if len(steps) > 1 else ''} {shown}"


TENSOR_CHECKS: tuple[Callable[[Sequence[Course], Sequence[int]], list[Finding]], ...] = (
    *(damaged, shapes, equal, swapped, nonfinite, dead, frozen, exploding),
)
"""Checks that take the courses and the steps."""
