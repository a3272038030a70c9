"""The page of a run through training: how every layer changes, and which layers change alike."""

from __future__ import annotations

from layerlore.dynamics.health import Health
from layerlore.dynamics.history import History, title_of
from layerlore.dynamics.trends import Trends
from layerlore.figures.axes import unit_of
from layerlore.figures.changes import MOST_NAMED
from layerlore.figures.depth import steps_in_words
from layerlore.figures.evidence import evidence_figure
from layerlore.figures.trend_kinds import trend_kinds_figure
from layerlore.figures.trend_lines import trend_lines_figure
from layerlore.figures.trend_map import shown_labels, trend_map_figure
from layerlore.report.found import found_health, found_trends
from layerlore.report.frame import Plot, filled, plot
from layerlore.report.training_advice import advice_of
from layerlore.report.training_measured import looked_at, measured_history, network_name
from layerlore.report.training_summary import (
    depth_thirds,
    extremes,
    farthest,
    layer_changes,
    learning,
    settled,
    settling,
)
from layerlore.report.training_tables import evidence_table, kinds_table, places_table, profiles_table
from layerlore.report.training_views import measure_views
from layerlore.report.trends_summary import LESS, MORE, SIGNIFICANT, group_facts
from layerlore.report.words import setting


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
    most_settled, least_settled = settled(layers)
    return filled(
        "training.html.j2",
        extra=("measures.js",),
        styles=("runs.css",),
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
        most_settled=most_settled,
        least_settled=least_settled,
        learning=learning(layers),
        depth=depth_thirds(layers),
        farthest=farthest(history, "distance_from_init"),
        steps_in_words=steps_in_words,
        trends=trends,
        no_trends=why,
        groups=[] if trends is None else group_facts(trends, history),
        group_of={} if trends is None else {layer: name for name, found in trends.groups.items() for layer in found},
        trend_settings=[] if trends is None else [(key, setting(value)) for key, value in trends.settings.items()],
        by_layer={row.layer: row for row in layers},
        less=LESS,
        more=MORE,
        health=health,
        advice_of=advice_of,
        looked_at=looked_at(health),
        measured=measured_history(history, measure),
        views=measure_views(history),
        figures={} if trends is None else _figures(history, trends),
        titles={name: title_of(name) for name in history.measures},
        significance=SIGNIFICANT,
        most_named=MOST_NAMED,
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


def _figures(history: History, trends: Trends) -> dict[str, Plot]:
    kinds = {weight.layer: weight.kind for weight in history.weights}
    figures = {"map": plot(trend_map_figure(trends, kinds), places_table(trends, kinds))}
    if trends.n_trends > 1:
        figures["lines"] = plot(trend_lines_figure(trends, unit_of(history)), profiles_table(trends))
    if len(set(kinds.values())) > 1 and len(shown_labels(trends)) > 1:
        figures["kinds"] = plot(trend_kinds_figure(trends, kinds), kinds_table(trends, kinds))
    if len(trends.evidence) > 1:
        figures["evidence"] = plot(evidence_figure(trends), evidence_table(trends))
    return figures
