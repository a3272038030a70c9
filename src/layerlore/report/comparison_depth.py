"""What several explanations say side by side, as numbers that sentences, tables and figures are made of."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from layerlore.errors import InputError
from layerlore.figures.compared_depth import DepthCourse, OutputStrength, depth_course, output_strength
from layerlore.figures.style import spread
from layerlore.interactions.agreement import Agreement, agreement
from layerlore.interactions.knowledge import Knowledge
from layerlore.interactions.ledger import RATIOS
from layerlore.interactions.salience import n_interactions
from layerlore.report.comparison_names import network_of
from layerlore.report.summary import Estimate, estimate_at, mean_estimate

TOLD_LAYERS = 3
"""Layers of each run that the table shows: the first, the middle and the last."""


@dataclass(frozen=True)
class LayerShares:
    """A layer beside what its run compares it with.

    Attributes:
        layer: its name.
        depth: relative, from 0 to 1, the output's.
        completeness: share of the other's strength that it holds.
        redundancy: share of its own strength that is forgotten.
    """

    layer: str
    depth: float
    completeness: Estimate
    redundancy: Estimate


@dataclass(frozen=True)
class DepthFacts:
    """One explanation among those compared.

    Attributes:
        name: of the run.
        network: what it calls its network.
        n_layers: layers explained, the output among them.
        n_samples: samples.
        n_players: players of each.
        accuracy: of the network on validation data; NaN where unknown.
        layers: some of its layers, evenly spread.
        salient: salient interactions of the output, mean over samples.
        density: the same as a share of all interactions that there could be.
        target: which of several targets is shown; empty where there is one.
    """

    name: str
    network: str
    n_layers: int
    n_samples: int
    n_players: int
    accuracy: float
    layers: list[LayerShares]
    salient: Estimate
    density: float
    target: str


@dataclass(frozen=True, eq=False)
class PairAgreement:
    """What the outputs of two networks share, both ops and all orders together.

    Attributes:
        first: name of a run.
        second: of the other.
        iou: intersection over union of their salient interactions, mean over samples.
        chance: what sets of these sizes share by chance.
        corrected: the first beyond the second.
    """

    first: str
    second: str
    iou: Estimate
    chance: float
    corrected: Estimate


@dataclass(frozen=True, eq=False)
class DepthComparison:
    """Several explanations side by side.

    Attributes:
        facts: of each.
        courses: through the layers.
        strengths: of the outputs.
        agreement: of the outputs; None where there is none.
        why_not: why there is no agreement; empty where there is.
        references: what the runs compare their layers with; one entry where all do the same.
    """

    facts: list[DepthFacts]
    courses: list[DepthCourse]
    strengths: list[OutputStrength]
    agreement: Agreement | None
    why_not: str
    references: list[str]

    @property
    def pairs(self) -> list[PairAgreement]:
        """Pairs of networks, those that agree most first; those without a number last."""
        found = [] if self.agreement is None else _pairs(self.agreement)
        return sorted(found, key=lambda pair: -pair.corrected.value if pair.corrected.known else math.inf)


def compare_depth(results: Mapping[str, Knowledge]) -> DepthComparison:
    """Put explanations side by side; each is compared with its own output as it was explained.

    Args:
        results: one or more, by the name of their run.
    """
    ledgers = {name: found.ledger(found.manifest["settings"]["reference"]) for name, found in results.items()}
    courses = [depth_course(name, found, ledgers[name]) for name, found in results.items()]
    strengths = [output_strength(name, found) for name, found in results.items()]
    shared, why_not = _agreement(results)
    parts = zip(results.items(), courses, strengths, strict=True)
    return DepthComparison(
        facts=[_facts(name, found, course, strength) for (name, found), course, strength in parts],
        courses=courses,
        strengths=strengths,
        agreement=shared,
        why_not=why_not,
        references=list(dict.fromkeys(ledger.reference for ledger in ledgers.values())),
    )


def layer_shares(course: DepthCourse, row: int) -> LayerShares:
    """One row of a course."""
    completeness, redundancy = (estimate_at(course.values, name, row) for name in RATIOS)
    return LayerShares(course.layers[row], float(course.depth[row]), completeness, redundancy)


def facts_json(found: DepthFacts) -> dict[str, Any]:
    """The facts of one run in types that JSON knows; NaN is None."""
    plain = {key: getattr(found, key) for key in ("name", "network", "n_layers", "n_samples", "n_players", "target")}
    return plain | {
        "accuracy": finite(found.accuracy),
        "salient": estimate_json(found.salient),
        "density": finite(found.density),
        "layers": [
            {
                "layer": row.layer,
                "depth": row.depth,
                "completeness": estimate_json(row.completeness),
                "redundancy": estimate_json(row.redundancy),
            }
            for row in found.layers
        ],
    }


def pair_json(pair: PairAgreement) -> dict[str, Any]:
    """An agreement of two in types that JSON knows; NaN is None."""
    return {
        "first": pair.first,
        "second": pair.second,
        "iou": estimate_json(pair.iou),
        "chance": finite(pair.chance),
        "corrected": estimate_json(pair.corrected),
    }


def estimate_json(found: Estimate) -> dict[str, float | None]:
    """A number and its interval; None where it is not defined."""
    return {"value": finite(found.value), "low": finite(found.low), "high": finite(found.high)}


def finite(value: float) -> float | None:
    """A number, or None where there is none.

    >>> finite(0.5), finite(math.nan)
    (0.5, None)
    """
    return value if math.isfinite(value) else None


def _facts(name: str, knowledge: Knowledge, course: DepthCourse, strength: OutputStrength) -> DepthFacts:
    targets = knowledge.manifest["coords"]["target"]
    salient = mean_estimate(strength.salient)
    return DepthFacts(
        name=name,
        network=network_of(knowledge),
        n_layers=len(knowledge.layers),
        n_samples=knowledge.n_samples,
        n_players=knowledge.n_players,
        accuracy=_accuracy(knowledge),
        layers=[layer_shares(course, row) for row in spread(len(course.layers), TOLD_LAYERS)],
        salient=salient,
        density=salient.value / n_interactions(knowledge.n_players),
        target=str(targets[0]) if len(targets) > 1 else "",
    )


def _accuracy(knowledge: Knowledge) -> float:
    output = [row for row in knowledge.manifest["quality"] if row["layer"] == knowledge.layers[-1]]
    return float(np.array(output[0].get("validation_accuracy"), dtype=np.float64)) if output else math.nan


def _agreement(results: Mapping[str, Knowledge]) -> tuple[Agreement | None, str]:
    """What the outputs share; aligned splits, which would have to be solved, are left out."""
    if len(results) < 2:
        return None, "It takes two explanations."
    try:
        return agreement(*results.values(), names=list(results), pull=0.0), ""
    except InputError as error:
        return None, str(error)


def _pairs(found: Agreement) -> list[PairAgreement]:
    total = found.total.sel(op="all")
    rows = {str(name): values.values for name, values in total.variables.items()}
    return [
        PairAgreement(
            str(rows["model_a"][pair]),
            str(rows["model_b"][pair]),
            estimate_at(rows, "iou", pair),
            float(rows["chance"][pair]),
            estimate_at(rows, "corrected", pair),
        )
        for pair in range(total.sizes["pair"])
    ]
