"""What a notebook shows of results through training."""

from __future__ import annotations

import numpy as np

from layerlore.dynamics.health.findings import SEVERITIES, Health
from layerlore.dynamics.history import History, title_of
from layerlore.dynamics.trends.result import Trends
from layerlore.notebook import NOTHING, between, card, counted, decimal, listed, number


def history_card(history: History) -> str:
    """How much each layer changes, in the main measure."""
    measure, steps, table = history.default_measure, history.steps, history.values()
    unit = str(history.manifest["settings"].get("unit") or "step")
    rows = [
        (
            weight.layer,
            weight.kind,
            "x".join(map(str, weight.shape)) or NOTHING,
            *(number(float(value)) for value in (_median(row), row[0], row[-1])),
        )
        for weight, row in zip(history.weights, table, strict=True)
    ]
    last = f"{unit} {steps[-1]}"
    unfinished = [f"this run is still being recorded, or was stopped after {last}"]
    sizes = f"{counted(len(history.layers), 'layer')}, {counted(len(steps), 'record')}"
    return card(
        f"History: {sizes}, {unit} {steps[0]} to {steps[-1]}; {title_of(measure)}",
        ("layer", "kind", "shape", "median", f"at {unit} {steps[0]}", f"at {last}"),
        rows,
        notes=[*(unfinished * (history.manifest.get("finished") is False)), *history.notes],
        words=(0, 1, 2),
        hint=f"measures: {', '.join(history.measures)}; values(measure) gives one as layer x step",
    )


def health_card(health: Health) -> str:
    """All findings, the gravest first."""
    counts = ", ".join(
        counted(count, severity) for severity, count in zip(SEVERITIES, map(health.count, SEVERITIES), strict=True)
    )
    rows = [
        (one.severity, one.check, one.layer or NOTHING, NOTHING if one.step is None else str(one.step), one.evidence)
        for one in health.findings
    ]
    checks = ", ".join(map(str, health.checked.get("checks", ())))
    return card(
        f"Health: {counts}",
        ("severity", "check", "layer", "step", "evidence"),
        rows,
        words=(0, 1, 2, 4),
        keep="first",
        hint=f"looked for: {checks}" if checks else "",
    )


def trends_card(trends: Trends) -> str:
    """The groups, how stable they are, and who is in them."""
    # One group alone comes out every time.
    several = bool(np.isfinite(trends.stability))
    stable = dict(zip(map(_name, trends.trends), trends.cluster_stability, strict=True)) if several else {}
    rows = [
        (name, str(len(members)), decimal(stable.get(name, np.nan)), listed(members))
        for name, members in trends.groups.items()
        if members
    ]
    low, high = trends.stability_interval
    count = counted(trends.n_trends, "trend")
    certain = f"; stability {between(trends.stability, low, high)}" if several else ""
    return card(
        f"Trends: {count} among {counted(len(trends.layers), 'layer')}, {trends.recipe} recipe, "
        f"{title_of(trends.measure)}{certain}",
        ("group", "layers", "stability", "members"),
        rows,
        notes=trends.notes,
        words=(0, 3),
        hint="stability: 1 the same in every resample of the layers; of a group, below 0.6 not to be trusted",
    )


def _name(label: int) -> str:
    return f"trend {label}"


def _median(values: np.ndarray) -> float:
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if finite.size else np.nan
