"""What several trainings say side by side, as numbers that sentences, tables and figures are made of."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from layerlore.dynamics.health import Health
from layerlore.dynamics.history import History
from layerlore.dynamics.trends import Trends, TrendsAgreement, trends_agreement
from layerlore.errors import InputError
from layerlore.figures.axes import unit_of
from layerlore.figures.compared_training import MedianCourse, median_course
from layerlore.figures.depth import median_of_finite
from layerlore.report.comparison_depth import finite
from layerlore.report.comparison_names import network_of
from layerlore.report.found import found_health, found_trends
from layerlore.report.training_summary import Middle, Settling, settling
from layerlore.report.training_views import room, thinned

MOST_NUMBERS = 9_000
"""Numbers that the heat maps of all runs hold together."""


@dataclass(frozen=True)
class TrainingFacts:
    """One training among those compared.

    Attributes:
        name: of the run.
        network: what it calls its network; empty where it does not say.
        n_layers: weights that were followed.
        n_steps: steps recorded.
        unit: what a step is called.
        settling: of the measure compared; None with one step or without numbers.
        health: findings about it.
        trends: its trends; None where there are none.
        no_trends: why there are none.
    """

    name: str
    network: str
    n_layers: int
    n_steps: int
    unit: str
    settling: Settling | None
    health: Health
    trends: Trends | None
    no_trends: str


@dataclass(frozen=True)
class SharedLayer:
    """A layer that all trainings have.

    Attributes:
        layer: its name.
        medians: change in the median step of each run; NaN where undefined.
        ratio: the largest of them divided by the smallest; NaN where one is undefined or 0.
    """

    layer: str
    medians: list[float]
    ratio: float


@dataclass(frozen=True, eq=False)
class TrainingComparison:
    """Several trainings side by side.

    Attributes:
        measure: that all of them recorded; empty where there is none, and nothing below but the facts.
        facts: of each.
        courses: of the median layers.
        layers: that all have, by depth.
        n_layers: different layers of all runs together.
        cells: each history thinned to what its heat map draws.
        trends: how far the trends agree; None where that cannot be said.
        why_not: why it cannot; empty where it can.
    """

    measure: str
    facts: list[TrainingFacts]
    courses: list[MedianCourse]
    layers: list[SharedLayer]
    n_layers: int
    cells: dict[str, History]
    trends: TrendsAgreement | None
    why_not: str

    @property
    def names(self) -> list[str]:
        """Of the runs."""
        return [found.name for found in self.facts]

    @property
    def trend_pairs(self) -> list[tuple[str, str, float]]:
        """Pairs of runs with the adjusted Rand index of their trends, those that agree most first."""
        if self.trends is None:
            return []
        with_trends = [found.name for found in self.facts if found.trends is not None]
        pairs = [
            (with_trends[one], with_trends[two], float(self.trends.rand[one, two]))
            for one, two in combinations(range(len(with_trends)), 2)
        ]
        return sorted(pairs, key=lambda pair: -pair[2])


def compare_training(results: Mapping[str, History]) -> TrainingComparison:
    """Put trainings side by side by a measure that all recorded.

    Args:
        results: one or more, by the name of their run.

    Raises:
        RunError: trends or findings in a run folder are damaged.
    """
    measure = shared_measure(list(results.values()))
    facts = [_facts(name, history, measure) for name, history in results.items()]
    trends, why_not = _trends(facts)
    return TrainingComparison(
        measure=measure,
        facts=facts,
        courses=[median_course(name, history, measure) for name, history in results.items()] if measure else [],
        layers=shared_layers(list(results.values()), measure) if measure and len(results) > 1 else [],
        n_layers=len({layer for history in results.values() for layer in history.layers}),
        cells={name: _thinned(history, len(results)) for name, history in results.items()} if measure else {},
        trends=trends,
        why_not=why_not,
    )


def shared_measure(histories: list[History]) -> str:
    """A measure that all recorded: the main one of the first where they did; empty where there is none."""
    wanted = [histories[0].default_measure, *histories[0].measures]
    return next((name for name in wanted if all(name in history.measures for history in histories)), "")


def shared_layers(histories: list[History], measure: str) -> list[SharedLayer]:
    """Layers that all trainings have under one name, by their depth in the first.

    Raises:
        InputError: the measure was not recorded in all.
    """
    found = [
        dict(zip(history.layers, median_of_finite(history.values(measure)).tolist(), strict=True))
        for history in histories
    ]
    common = [layer for layer in histories[0].layers if all(layer in medians for medians in found)]
    return [_shared(layer, [medians[layer] for medians in found]) for layer in common]


def most_different(layers: list[SharedLayer], most: int) -> list[SharedLayer]:
    """Layers whose changes differ most between the runs, of those with a ratio."""
    return sorted((row for row in layers if math.isfinite(row.ratio)), key=lambda row: -row.ratio)[:most]


def facts_json(found: TrainingFacts) -> dict[str, Any]:
    """The facts of one run in types that JSON knows; NaN is None."""
    severities = ("error", "warning", "note")
    course = found.settling
    return {key: getattr(found, key) for key in ("name", "network", "n_layers", "n_steps", "unit")} | {
        "first_third": None if course is None else _middle_json(course.first),
        "last_third": None if course is None else _middle_json(course.last),
        "layers_that_settle": None if course is None else course.n_less,
        "health": {severity: found.health.count(severity) for severity in severities},
        "n_trends": None if found.trends is None else found.trends.n_trends,
    }


def layer_json(row: SharedLayer, names: list[str]) -> dict[str, Any]:
    """A layer in types that JSON knows; NaN is None."""
    medians = dict(zip(names, map(finite, row.medians), strict=True))
    return {"layer": row.layer, "medians": medians, "ratio": finite(row.ratio)}


def _middle_json(found: Middle) -> dict[str, float | None]:
    return {"value": finite(found.value), "low": finite(found.low), "high": finite(found.high)}


def _shared(layer: str, medians: list[float]) -> SharedLayer:
    known = all(math.isfinite(value) and value > 0 for value in medians)
    return SharedLayer(layer, medians, max(medians) / min(medians) if known else math.nan)


def _facts(name: str, history: History, measure: str) -> TrainingFacts:
    trends, no_trends = found_trends(history)
    return TrainingFacts(
        name=name,
        network=network_of(history),
        n_layers=len(history.layers),
        n_steps=len(history.steps),
        unit=unit_of(history),
        settling=settling(history, measure) if measure else None,
        health=found_health(history),
        trends=trends,
        no_trends=no_trends,
    )


def _trends(facts: list[TrainingFacts]) -> tuple[TrendsAgreement | None, str]:
    """How far the trends agree, of runs that have trends; else why that cannot be said."""
    found = [fact.trends for fact in facts if fact.trends is not None]
    if len(found) < 2:
        return None, "fewer than two of the runs have trends"
    measures = sorted({trends.measure for trends in found})
    if len(measures) > 1:
        return None, f"the trends are of different measures ({', '.join(measures)})"
    try:
        return trends_agreement(found), ""
    except InputError as error:
        return None, str(error)


def _thinned(history: History, n_runs: int) -> History:
    most = max(MOST_NUMBERS // n_runs, 1)
    return thinned(history, *room(len(history.layers), len(history.steps), most))
