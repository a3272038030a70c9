"""Runs through training as lines and tables of a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from layerlore.cli.fitting import FittedTable
from layerlore.cli.notices import printable
from layerlore.cli.sparklines import per_letter
from layerlore.cli.tables import drawn, number, plain_table, scale, significant
from layerlore.dynamics.health import Health
from layerlore.dynamics.history import History
from layerlore.dynamics.trends import Trends
from layerlore.figures.axes import unit_of
from layerlore.figures.changes import FROM_START
from layerlore.figures.depth import steps_in_words, thirds
from layerlore.report.training_summary import LayerChange, layer_changes
from layerlore.report.trends_summary import group_facts

ALONE = ("outlier", "frozen")
MOST_LAYERS = 40
"""Layers that a table of the terminal shows at most, unless all are asked for; the report has them all."""
MOST_FINDINGS = 20


def changes_table(
    history: History, title: str, measure: str | None = None, health: Health | None = None, *, every: bool = False
) -> FittedTable:
    """A line for each weight: how much it changes, in numbers and as a line over the steps, and what was found.

    Args:
        history: of any source.
        title: above it.
        measure: its name; None takes the history's default.
        health: findings to name beside their layers.
        every: show all layers; otherwise those of many that change most and least.

    Raises:
        InputError: the measure was not recorded.
    """
    name = history.default_measure if measure is None else measure
    table = history.values(name)
    logarithmic = _logarithmic(name, table)
    shown, cut = _shown(layer_changes(history, name), every)
    far = history.values("distance_from_init")[:, -1] if "distance_from_init" in history.measures else None
    columns = ["layer", "kind", "elements", "median", "first third", "last third", *["from first"] * (far is not None)]
    found = health is not None and bool(health.findings)
    columns += ["change", "range", *["findings"] * found]
    rows = []
    for layer, row in shown:
        line = drawn(table[row], logarithmic=logarithmic)
        cells = [layer.layer, layer.kind, f"{layer.size:,}" if layer.size else "-"]
        cells += [significant(value) for value in (layer.median, layer.first, layer.last)]
        cells += [] if far is None else [significant(float(far[row]))]
        cells += [line.text, scale(line)]
        rows.append([*cells, _checks(health, layer.layer)] if health is not None and found else cells)
    words = [0, 1, *[len(columns) - 1] * found]
    drop = ("elements", "from first", "kind", "median", "findings", ("change", "range"))
    return plain_table(title + cut, columns, rows, words=words, drop=drop)


def line_words(history: History, measure: str | None = None) -> str:
    """How to read the lines of `changes_table`.

    Raises:
        InputError: the measure was not recorded.
    """
    name = history.default_measure if measure is None else measure
    steps, each = history.steps, per_letter(len(history.steps))
    logarithmic = _logarithmic(name, history.values(name))
    gap, zero = drawn(np.array([math.nan, 0.0]), logarithmic=True).text
    words = f"change: {unit_of(history)} {steps_in_words((int(steps[0]), int(steps[-1])))}, a letter for each"
    words += f" (the median of up to {each} neighbours)" if each > 1 else ""
    words += f"; log scale, {zero} is 0" if logarithmic else ""
    return f"{words}; {gap} is undefined; range: what the lowest and the highest letter of the layer stand for"


def findings_table(health: Health) -> FittedTable:
    """A line for each finding, the gravest first; of one check with many tensors the first few."""
    rows = [
        (one.severity, one.check, one.layer or "-", "-" if one.step is None else str(one.step), one.evidence)
        for one in health.findings[:MOST_FINDINGS]
    ]
    more = len(health.findings) - len(rows)
    title = f"findings{f': the first {MOST_FINDINGS} of {len(health.findings)}' if more else ''}"
    return plain_table(title, ("severity", "check", "layer", "step", "evidence"), rows, left=5)


def health_words(health: Health) -> str:
    """How many findings of each severity."""
    numbers = {severity: health.count(severity) for severity in ("error", "warning", "note")}
    return ", ".join(f"{number} {severity}{'' if number == 1 else 's'}" for severity, number in numbers.items())


def trends_table(trends: Trends, history: History, title: str) -> FittedTable:
    """A row for each trend, for outliers and for frozen layers.

    Layers, change of the median member in the first and the last third, stability, kinds, and what is over-represented.
    """
    found = thirds(history, trends.measure)
    early, late = steps_in_words(found.first_steps), steps_in_words(found.last_steps)
    columns = ("group", "layers", f"change {early}", late, "stability")
    rows = (
        (
            group.name,
            str(len(group.members)),
            significant(group.first),
            significant(group.last),
            number(group.stability),
            ", ".join(f"{count} {kind}" for kind, count in group.kinds),
            "; ".join(group.common) or "nothing",
        )
        for group in group_facts(trends, history)
    )
    drop = ("over-represented", "kinds")
    return plain_table(title, (*columns, "kinds", "over-represented"), rows, words=(0, 5, 6), drop=drop)


def evidence_table(trends: Trends) -> FittedTable:
    """A row for each number of trends that was tried; the chosen one is marked."""
    rows = (
        (
            f"{line['n_clusters']}{' *' if line['chosen'] else ''}",
            *(number(math.nan if line[name] is None else line[name]) for name in ("silhouette", "gap", "gap_error")),
            number(math.nan if line["stability"] is None else line["stability"]),
            line["why_not"],
        )
        for line in trends.evidence
    )
    columns = ("trends", "silhouette", "gap", "error", "stability", "why not")
    title = "evidence for the number of trends (* taken)"
    return plain_table(title, columns, rows, words=(5,), drop=("why not",))


def trends_lines(trends: Trends) -> list[str]:
    """How certain the trends are, what was done to the numbers, and what a reader has to know."""
    lines = []
    if math.isfinite(trends.stability):
        low, high = trends.stability_interval
        lines.append(
            f"stability: {number(trends.stability)} [{number(low)}, {number(high)}] (1 the same every time, 0 chance)"
        )
    done = [f"{line['step']} ({line['count']})" for line in trends.cleaning if line["count"]]
    lines.append(f"cleaning: {', '.join(done) or 'nothing'}")
    if trends.dropped:
        lines.append(f"left out by the recipe: {', '.join(map(printable, trends.dropped))}")
    lines.extend(f"{name}: {', '.join(map(printable, trends.groups[name]))}" for name in ALONE if trends.groups[name])
    return lines + [f"note: {printable(note)}" for note in trends.notes]


def _shown(layers: Sequence[LayerChange], every: bool) -> tuple[list[tuple[LayerChange, int]], str]:
    """Layers of the table, each with its row of the history, and what the title says of those left out.

    Of many layers, those that change most come first and those that change least last; undefined ones are left out.
    """
    rows = list(zip(layers, range(len(layers)), strict=True))
    if every or len(rows) <= MOST_LAYERS:
        return rows, ""
    ranked = sorted((pair for pair in rows if math.isfinite(pair[0].median)), key=lambda pair: -pair[0].median)
    half = MOST_LAYERS // 2
    shown = ranked[:half] + ranked[half:][-half:]
    return shown, (
        f"; the {len(shown)} of {len(rows)} layers that change most and least, {len(rows) - len(shown)} are left out "
        "(layerlore show RUN --all shows them)"
    )


def _logarithmic(measure: str, table: np.ndarray) -> bool:
    return measure not in FROM_START and not (table < 0).any()


def _checks(health: Health, layer: str) -> str:
    return ", ".join(dict.fromkeys(one.check for one in health.findings if one.layer == layer)) or "-"
