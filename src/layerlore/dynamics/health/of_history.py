"""What a history alone tells of the health of a run: the weights are gone, their changes are left."""

from __future__ import annotations

import numpy as np

from layerlore.dynamics.health import rules
from layerlore.dynamics.health.findings import Finding, Health, make_health
from layerlore.dynamics.history import History

LEAST_JUMP = 3.0
"""A weight that changes by three times its own size in one step is looked at."""
_JUMPS = ("rwc_l2", "rwc_l1")
_STILL = ("rwc_l1", "rwc_l2", "rotation", "distance_from_init")


def check_history(history: History) -> Health:
    """What a history alone tells: weights that never change, NaN, jumps, and steps that are missing.

    `check_series` tells more where the checkpoints are at hand.

    Args:
        history: of any source; what its measures do not tell is not looked for, see ``checked["checks"]``.

    Returns:
        Findings, the gravest first.
    """
    steps = [int(step) for step in history.steps]
    findings, checks = rules.gaps(steps), ["gap"]
    still = next((name for name in _STILL if name in history.measures), None)
    if still is not None:
        findings += _frozen(history, history.values(still))
        checks.append("frozen")
    if "nonfinite" in history.data.data_vars:
        findings += _nonfinite(history)
        checks.append("nonfinite")
    jump = next((name for name in _JUMPS if name in history.measures), None)
    if jump is not None:
        findings += _exploding(history, jump)
        checks.append("exploding")
    return make_health(findings, {"steps": steps, "n_tensors": len(history.layers), "checks": checks})


def _frozen(history: History, table: np.ndarray) -> list[Finding]:
    there = np.isfinite(table)
    still = there.any(1) & (np.where(there, table, 0.0) == 0).all(1)
    if still.all():
        return []
    mostly = 2 * still.sum() > len(still)
    findings = []
    for row in np.flatnonzero(still):
        weight = history.weights[row]
        pairs = int(there[row].sum())
        evidence = f"its change is 0 in all {pairs} records" + (
            "; most weights of this run are frozen" if mostly else ""
        )
        is_note = mostly or weight.kind in ("norm", "bias")
        findings.append(
            Finding("frozen", "note" if is_note else "warning", weight.layer, None, evidence, {"pairs": pairs})
        )
    return findings


def _nonfinite(history: History) -> list[Finding]:
    counts = history.data["nonfinite"].values
    findings = []
    for row in np.flatnonzero(np.nan_to_num(counts).any(1)):
        weight, bad = history.weights[row], np.flatnonzero(np.nan_to_num(counts[row]))
        first = int(history.steps[bad[0]])
        evidence = (
            f"{counts[row, bad[0]]:,.0f} of {weight.size:,} elements are NaN or infinite at step {first} or at the "
            f"record before it, the first time; {len(bad)} of {counts.shape[1]} records are affected"
        )
        numbers = {str(int(history.steps[position])): int(counts[row, position]) for position in bad}
        findings.append(Finding("nonfinite", "error", weight.layer, first, evidence, {"counts": numbers}))
    return findings


def _exploding(history: History, measure: str) -> list[Finding]:
    """Jumps: a change of `LEAST_JUMP` times the weight, ten times its usual one, and far beyond that of its peers."""
    table = history.values(measure)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.where(table > 0, np.log(table), np.nan)
    findings = []
    for row, weight in enumerate(history.weights):
        for position in np.flatnonzero(table[row] >= LEAST_JUMP):
            own, _ = rules.middle_and_spread(np.delete(logs[row], position))
            peers, spread = rules.middle_and_spread(np.delete(logs[:, position], row))
            here = logs[row, position]
            if here >= own + np.log(rules.GROWTH) and here >= peers + rules.SPREADS * spread:
                step = int(history.steps[position])
                evidence = (
                    f"its {measure} is {table[row, position]:.3g} at step {step}, {np.exp(here - own):.3g} times its "
                    f"median over the other steps; the median of its peers there is {np.exp(peers):.3g}"
                )
                values = {measure: float(table[row, position]), "peers": float(np.exp(peers))}
                findings.append(Finding("exploding", "warning", weight.layer, step, evidence, values))
                break
    return findings
