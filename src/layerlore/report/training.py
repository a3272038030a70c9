"""The page of a run through training: how every layer changes, and which layers change alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layerlore.dynamics.health import Health
from layerlore.dynamics.history import History, title_of
from layerlore.dynamics.trends import Trends
from layerlore.figures.axes import MOST_STEPS, unit_of
from layerlore.figures.changes import MOST_LINES, MOST_NAMED, changes_figure
from layerlore.figures.depth import depth_figure, steps_in_words
from layerlore.figures.evidence import evidence_figure
from layerlore.figures.heatmap import MOST_ROWS, heatmap_figure
from layerlore.figures.trend_kinds import trend_kinds_figure
from layerlore.figures.trend_lines import trend_lines_figure
from layerlore.figures.trend_map import shown_labels, trend_map_figure
from layerlore.report.found import found_health, found_trends
from layerlore.report.frame import embedded, filled
from layerlore.report.training_measured import looked_at, measured_history, network_name
from layerlore.report.training_summary import depth_thirds, extremes, farthest, layer_changes, settling
from layerlore.report.trends_summary import SIGNIFICANT, group_facts
from layerlore.report.words import setting

if TYPE_CHECKING:
    import plotly.graph_objects as go

FROM_START = {
    "distance_from_init": "A line that flattens is a layer that has found its place.",
    "rotation_from_init": "Unlike the distance, the angle does not see that a weight grows or shrinks as a whole.",
    "rotation": "From each snapshot to the next.",
}
"""Measures with a figure of their own where they were recorded, and what to read from it."""


def training_page(history: History, trends: Trends | None = None, health: Health | None = None) -> str:
    """The page as text.

    Args:
        history: what happened.
        trends: its trends; None takes those in the run folder, else finds them.
        health: findings about it; None takes those in the run folder, else looks for them.

    Raises:
        RunError: a file in the run folder is damaged.
        MissingExtraError: plotly or jinja2 is not installed.
    """
    trends, why = found_trends(history) if trends is None else (trends, "")
    health = found_health(history) if health is None else health
    measure, layers = history.default_measure, layer_changes(history)
    most, least = extremes(layers)
    from_start = [name for name in FROM_START if name in history.measures and name != measure]
    return filled(
        "training.html.j2",
        history=history,
        manifest=history.manifest,
        network=network_name(history),
        unit=unit_of(history),
        measure=title_of(measure),
        notes=_notes(history, health),
        layers=layers,
        most=most,
        least=least,
        settling=settling(history),
        depth=depth_thirds(layers),
        farthest=farthest(history, "distance_from_init"),
        steps_in_words=steps_in_words,
        trends=trends,
        no_trends=why,
        groups=[] if trends is None else group_facts(trends, history),
        group_of={} if trends is None else {layer: name for name, found in trends.groups.items() for layer in found},
        trend_settings=[] if trends is None else [(key, setting(value)) for key, value in trends.settings.items()],
        health=health,
        looked_at=looked_at(health),
        measured=measured_history(history, measure),
        figures={name: embedded(figure) for name, figure in _figures(history, trends, from_start).items()},
        titles={name: title_of(name) for name in history.measures},
        from_start=[(name, title_of(name), FROM_START[name]) for name in from_start],
        significance=SIGNIFICANT,
        most_named=MOST_NAMED,
        most_lines=MOST_LINES,
        most_rows=MOST_ROWS,
        most_steps=MOST_STEPS,
    )


def _notes(history: History, health: Health) -> list[str]:
    """What has to be read before everything else."""
    notes = list(history.notes)
    if history.manifest.get("finished") is False:
        notes.append(f"The run is not finished: its last record is of {unit_of(history)} {history.steps[-1]}.")
    for finding in health.findings:
        if finding.severity == "error":
            where = "" if finding.layer is None else f"{finding.layer}: "
            notes.append(where + finding.evidence)
    return notes


def _figures(history: History, trends: Trends | None, from_start: list[str]) -> dict[str, go.Figure]:
    figures = {
        "changes": changes_figure(history),
        "heatmap": heatmap_figure(history),
        "depth": depth_figure(history),
    } | {name: changes_figure(history, name) for name in from_start}
    if trends is None:
        return figures
    kinds = {weight.layer: weight.kind for weight in history.weights}
    figures["map"] = trend_map_figure(trends, kinds)
    if trends.n_trends > 1:
        figures["lines"] = trend_lines_figure(trends, unit_of(history))
    if len(set(kinds.values())) > 1 and len(shown_labels(trends)) > 1:
        figures["kinds"] = trend_kinds_figure(trends, kinds)
    if len(trends.evidence) > 1:
        figures["evidence"] = evidence_figure(trends)
    return figures
