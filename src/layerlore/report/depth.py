"""The page of a run through depth: what every layer knows, shares and forgets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from layerlore.figures import gaps_figure, probes_figure, ratios_figure, sparsity_figure, strength_figure
from layerlore.figures.style import spread
from layerlore.interactions.knowledge import Knowledge
from layerlore.interactions.ledger import Ledger
from layerlore.report.examples import Example, examples
from layerlore.report.frame import embedded, filled
from layerlore.report.measured import measured, worst_gap
from layerlore.report.summary import LayerFacts, Step, layer_facts, steps

if TYPE_CHECKING:
    from markupsafe import Markup

MOST_PANELS, MOST_LINES = 12, 8
"""Layers that a figure with one panel, or one line, for each shows at most."""
FEW_SAMPLES = 10


@dataclass(frozen=True)
class TargetView:
    """All that the page shows of one target.

    Attributes:
        name: of the target.
        steps: rows of the ledger.
        told: those that are told in sentences.
        facts: of every layer.
        figures: of this target, by name.
        examples: samples with their strongest interactions.
    """

    name: str
    steps: list[Step]
    told: list[Step]
    facts: list[LayerFacts]
    figures: dict[str, Markup]
    examples: list[Example]


def depth_page(knowledge: Knowledge) -> str:
    """The page as text.

    Layers are compared with the reference that the run was explained with, so that nothing is solved again.

    Raises:
        MissingExtraError: plotly or jinja2 is not installed.
    """
    ledger = knowledge.ledger(knowledge.manifest["settings"]["reference"])
    return filled(
        "depth.html.j2",
        knowledge=knowledge,
        manifest=knowledge.manifest,
        ledger=ledger,
        few=knowledge.n_samples < FEW_SAMPLES,
        targets=[_target(knowledge, ledger, target) for target in range(int(knowledge.data.sizes["target"]))],
        probes_figure=embedded(probes_figure(knowledge)),
        most_panels=MOST_PANELS,
        most_lines=MOST_LINES,
        measured=measured(knowledge, ledger),
        worst_gap=worst_gap(knowledge),
    )


def _target(knowledge: Knowledge, ledger: Ledger, target: int) -> TargetView:
    found = steps(ledger, knowledge.layers, target)
    rows = [str(name) for name in ledger.total.layer.values]
    few_rows = [rows[row] for row in spread(len(rows), MOST_PANELS)]
    few_layers = [knowledge.layers[layer] for layer in spread(len(knowledge.layers), MOST_LINES)]
    figures = {
        "ratios": ratios_figure(ledger, target),
        "strength": strength_figure(ledger, target, few_rows),
        "sparsity": sparsity_figure(knowledge, target, few_layers),
        "gaps": gaps_figure(knowledge, target),
    }
    return TargetView(
        name=_target_name(knowledge, target),
        steps=found,
        told=[found[row] for row in spread(len(found), 3)],
        facts=layer_facts(knowledge, target),
        figures={name: embedded(figure) for name, figure in figures.items()},
        examples=examples(knowledge, target),
    )


def _target_name(knowledge: Knowledge, target: int) -> str:
    coords = knowledge.manifest["coords"]
    classes = {row[target] for row in coords["target_class"]}
    one = f" (class {classes.pop()} in every sample)" if len(classes) == 1 else ""
    return coords["target"][target] + one
