"""The page of a run through depth: what every layer knows, shares and forgets."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layerlore.figures import (
    agreement_figure,
    gaps_figure,
    matrix_figure,
    noise_figure,
    probes_figure,
    ratios_figure,
    stability_figure,
    strength_figure,
)
from layerlore.figures.ledger import BARS, picked_strength_figure
from layerlore.figures.sparsity import ACCURACY, curves_figure, curves_of
from layerlore.figures.style import spread
from layerlore.figures.survival import survival_figure
from layerlore.interactions.agreement import Agreement
from layerlore.interactions.knowledge import Knowledge
from layerlore.interactions.stability import Stability
from layerlore.report.browser import Browser, browser
from layerlore.report.depth_beside import beside
from layerlore.report.depth_findings import Findings, findings, reading
from layerlore.report.depth_pass import DepthPass, depth_pass
from layerlore.report.depth_tables import (
    agreement_table,
    gaps_table,
    matrix_table,
    noise_table,
    probes_table,
    ratios_table,
    sparsity_table,
    stability_table,
    strength_table,
    survival_table,
)
from layerlore.report.frame import Plot, embedded_json, filled, plot
from layerlore.report.measured import REFERENCES, measured, worst_gap
from layerlore.report.summary import LayerFacts, Step, layer_facts, steps

if TYPE_CHECKING:
    from markupsafe import Markup

MOST_PANELS, MOST_LINES = 12, 8
"""Layers that a figure with one panel, or one line, for each shows at most."""
FEW_SAMPLES, FEW_PANELS = 10, 8
FEW_PAIRS = 2
"""Networks up to which a matrix of all pairs says nothing that the lines do not."""


@dataclass(frozen=True)
class TargetView:
    """All that the page shows of one target.

    Attributes:
        name: of the target.
        steps: rows of the ledger.
        told: those that are told in sentences.
        findings: what stands out.
        facts: of every layer.
        rows: names of the rows of the ledger.
        rows_json: the same for the page's script, inert.
        shown_row: position of the row that the reader sees first.
        plots: figures of this target, by name.
        lives: rows of how long interactions last.
        browser: its strongest interactions, to pick from.
    """

    name: str
    steps: list[Step]
    told: list[Step]
    findings: Findings
    facts: list[LayerFacts]
    rows: list[str]
    rows_json: Markup
    shown_row: int
    plots: dict[str, Plot]
    lives: list[dict[str, Any]]
    browser: Browser

    @property
    def headline(self) -> Step:
        """The step that is told first: one in the middle of the network."""
        return self.told[len(self.told) // 2]


def depth_page(knowledge: Knowledge, within: Path | None = None) -> str:
    """The page as text.

    Layers are compared with the reference that the run was explained with, so that nothing is solved again, and every
    sample is read once.

    Args:
        knowledge: from `explain` or `load`.
        within: see `beside`.

    Raises:
        MissingExtraError: plotly or jinja2 is not installed.
    """
    found, others = depth_pass(knowledge), beside(knowledge, within)
    return filled(
        "depth.html.j2",
        extra=("depth.js", "browser.js"),
        styles=("depth.css", "browser.css"),
        knowledge=knowledge,
        manifest=knowledge.manifest,
        ledger=found.ledger,
        few=knowledge.n_samples < FEW_SAMPLES,
        targets=[_target(knowledge, found, target) for target in range(int(knowledge.data.sizes["target"]))],
        reading=reading(knowledge),
        probes=plot(probes_figure(knowledge), probes_table(knowledge)),
        stability=others.stability,
        steady={} if others.stability is None else _steady(others.stability),
        agreement=others.agreement,
        agreed={} if others.agreement is None else _agreed(others.agreement),
        not_shown=others.notes,
        most_panels=MOST_PANELS,
        few_panels=FEW_PANELS,
        traces_of_a_row=BARS,
        accuracy=ACCURACY,
        most_lines=MOST_LINES,
        measured=measured(knowledge, found.ledger),
        measured_against=REFERENCES.get(found.ledger.reference, f"the layer {found.ledger.reference}"),
        worst_gap=worst_gap(knowledge),
    )


def _target(knowledge: Knowledge, found: DepthPass, target: int) -> TargetView:
    compared = steps(found.ledger, knowledge.layers, target)
    rows = [str(name) for name in found.ledger.total.layer.values]
    return TargetView(
        name=_target_name(knowledge, target),
        steps=compared,
        told=[compared[row] for row in spread(len(compared), 3)],
        findings=findings(found, compared, target),
        facts=layer_facts(knowledge, found, target),
        rows=rows,
        rows_json=embedded_json(json.dumps(rows)),
        shown_row=(len(rows) - 1) // 2,
        plots=_plots(knowledge, found, target, rows),
        lives=[
            {str(name): value for name, value in row.items()}
            for row in survival_table(found.survival, target).to_dict("records")
        ],
        browser=browser(knowledge, target),
    )


def _plots(knowledge: Knowledge, found: DepthPass, target: int, rows: list[str]) -> dict[str, Plot]:
    ledger = found.ledger
    few_rows = [rows[row] for row in spread(len(rows), MOST_PANELS)]
    few_layers = [knowledge.layers[layer] for layer in spread(len(knowledge.layers), MOST_LINES)]
    curves = curves_of(knowledge, found.sizes, target, few_layers)
    return {
        "ratios": plot(ratios_figure(ledger, target), ratios_table(ledger, target)),
        "strength": plot(strength_figure(ledger, target, few_rows), strength_table(ledger, target, few_rows)),
        "picked": plot(
            picked_strength_figure(ledger, target, (len(rows) - 1) // 2), strength_table(ledger, target, rows)
        ),
        "lives": plot(survival_figure(found.survival, target), survival_table(found.survival, target)),
        "sparsity": plot(curves_figure(curves, knowledge.n_samples), sparsity_table(curves, knowledge.n_samples)),
        "gaps": plot(gaps_figure(knowledge, target), gaps_table(knowledge, target)),
    }


def _steady(stability: Stability) -> dict[str, Plot]:
    return {
        "stability": plot(stability_figure(stability), stability_table(stability)),
        "noise": plot(noise_figure(stability), noise_table(stability)),
    }


def _agreed(agreement: Agreement) -> dict[str, Plot]:
    lines = {"orders": plot(agreement_figure(agreement), agreement_table(agreement))}
    if len(agreement.names) <= FEW_PAIRS:
        return lines
    return lines | {"matrix": plot(matrix_figure(agreement), matrix_table(agreement))}


def _target_name(knowledge: Knowledge, target: int) -> str:
    coords = knowledge.manifest["coords"]
    classes = {row[target] for row in coords["target_class"]}
    one = f" (class {classes.pop()} in every sample)" if len(classes) == 1 else ""
    return coords["target"][target] + one
