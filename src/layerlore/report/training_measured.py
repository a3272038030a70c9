"""What was measured and how, of a run through training, as rows of words."""

from __future__ import annotations

from collections import Counter

import numpy as np

from layerlore.dynamics.health import CHECKS, Health
from layerlore.dynamics.history import History, title_of
from layerlore.dynamics.measures import MEASURES, ROBUST
from layerlore.figures.depth import steps_in_words
from layerlore.report.words import setting

MOST_ENTRIES = 12
"""Entries of a list that are shown in full: a series can name a thousand files."""


def measured_history(history: History, measure: str) -> list[tuple[str, str]]:
    """Rows of a name and what it was in this run; hostile text, to be escaped by who shows it."""
    manifest = history.manifest
    rows = [
        ("network", network_name(history) or "not named"),
        ("layers", _layers(history)),
        ("steps", _steps(history)),
        ("measure shown", title_of(measure) + _formula(measure)),
        ("also recorded", "; ".join(title_of(name) for name in history.measures if name != measure) or "nothing"),
        ("zero weights", _zeros(history)),
        ("events", _events(history)),
        ("settings", setting(manifest["settings"]) if manifest["settings"] else "none"),
        ("identity", setting({key: _brief(value) for key, value in manifest["identity"].items()})),
        ("date", manifest["created"][:19].replace("T", " ") + " UTC"),
        ("versions", ", ".join(f"{name} {version}" for name, version in manifest["versions"].items())),
    ]
    return [(name, words) for name, words in rows if words]


def network_name(history: History) -> str:
    """What the run calls its network; the folder's name where it does not say; empty where neither is there."""
    for known in (history.manifest["settings"], history.manifest["identity"]):
        for key in ("name", "network"):
            if isinstance(known.get(key), str) and known[key]:
                return known[key]
    return history.path.name if history.path is not None else ""


def looked_at(health: Health) -> str:
    """What the look at the health of a run took in."""
    steps = health.checked.get("steps", [])
    span = f" at {len(steps)} steps, {steps_in_words((min(steps), max(steps)))}" if steps else ""
    checks = "; ".join(str(CHECKS.get(name, name)) for name in health.checked.get("checks", []))
    return f"{health.checked.get('n_tensors', 0)} weights{span}, for: {checks or 'nothing'}"


def _brief(value: object) -> object:
    if isinstance(value, list) and len(value) > MOST_ENTRIES:
        return [*value[:2], f"({len(value) - 3} more)", value[-1]]
    return value


def _formula(measure: str) -> str:
    known = MEASURES | ROBUST
    return f": {known[measure].formula}" if measure in known else ""


def _layers(history: History) -> str:
    kinds = Counter(str(kind) for kind in history.data["kind"].values)
    named = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    size = int(history.data["size"].values.sum())
    return f"{len(history.layers)} weights ({named})" + (f", {size:,} numbers together" if size else "")


def _steps(history: History) -> str:
    steps = history.steps
    gaps = sorted(set(np.diff(steps).tolist()))
    words = f"{len(steps)} recorded, {steps_in_words((int(steps[0]), int(steps[-1])))}"
    if len(gaps) == 1:
        return f"{words}, every {gaps[0]}" if gaps[0] > 1 else words
    return f"{words}, {gaps[0]} to {gaps[-1]} apart" if gaps else words


def _zeros(history: History) -> str:
    if "zero_weights" not in history.data:
        return "not counted"
    last = history.data["zero_weights"].values[:, -1]
    found = np.flatnonzero(last > 0)
    if not found.size:
        return "none before the last step"
    most = int(np.nanargmax(last))
    return (
        f"{int(np.nansum(last)):,} numbers in {found.size} layers were exactly 0 before the last step, most in "
        f"{history.layers[most]} ({int(last[most]):,}); the element-wise ratio leaves them out"
    )


def _events(history: History) -> str:
    counted = Counter(event.what for event in history.events)
    return ", ".join(f"{count} weights {what}" for what, count in counted.items()) or "none"
