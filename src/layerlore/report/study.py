"""The page of a study: what was run, what became of each claim, and the figures behind it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from layerlore.dynamics.history import History
from layerlore.errors import RunError
from layerlore.figures import depth_figure, ratios_figure, strength_figure
from layerlore.figures.ablation import ablation_figure
from layerlore.figures.agreement import MOST_PAIRS, agreement_figure, matrix_figure
from layerlore.figures.noise import noise_figure
from layerlore.figures.sparsity import curves_figure, sparsity_curves
from layerlore.figures.stability import stability_figure
from layerlore.figures.style import spread
from layerlore.interactions.agreement import Agreement
from layerlore.interactions.knowledge import Knowledge
from layerlore.interactions.stability import Stability
from layerlore.report.depth_tables import (
    ablation_table,
    agreement_table,
    matrix_table,
    noise_table,
    ratios_table,
    sparsity_table,
    stability_table,
    strength_table,
)
from layerlore.report.frame import PAGE, Plot, filled, plot
from layerlore.report.study_file import FAILS, HOLDS, OPEN, StudyFile, link, read_study
from layerlore.report.training_tables import thirds_table
from layerlore.report.training_views import line_view
from layerlore.report.words import setting
from layerlore.results import load

MOST_PANELS = 8
"""Layers of the ledger that are drawn for each network."""
FEW_SAMPLES = 10
LONGEST_LIST = 12
SHOWN = ("name", "title", "accuracy", "run", "training", "stability", "by_kappa", "and_only", "probes", "note")
"""Entries of a network that have a place of their own on the page; the others follow as they are."""

TITLES = {
    "layerwise": "Layerwise change of knowledge: the study, run again",
    "weightscale": "Weight change through training: the study, run again",
}


@dataclass(frozen=True)
class Shown:
    """A figure with its words.

    Attributes:
        title: what it is.
        plot: the figure with its numbers.
        caption: how to read it.
        file: name of its numbers, when they are taken away.
        terms: of the glossary.
        own_ink: whether words in it stand on colours of the figure, and keep their own.
    """

    title: str
    plot: Plot
    caption: str
    file: str
    terms: list[str]
    own_ink: bool = False


@dataclass(frozen=True)
class NetworkView:
    """All that the page shows of one network.

    Attributes:
        title: hostile, as are all texts here.
        accuracy: on the test data; None where unknown.
        links: words and addresses of the pages of its runs.
        details: further rows.
        figures: of its runs.
        note: in a sentence; empty where there is none.
        file: what the names of its files of numbers begin with.
    """

    title: str
    accuracy: float | None
    links: list[tuple[str, str]]
    details: list[tuple[str, str]]
    figures: list[Shown] = field(default_factory=list)
    note: str = ""
    file: str = ""


def study_page(folder: Path, page: Path) -> str:
    """The page as text.

    What a run folder of the study lacks is said at the top and left out: the result itself stands in `study.json`.

    Args:
        folder: of the study.
        page: file that it will be written to, which its links start from.

    Raises:
        RunError: the study is missing, foreign, damaged or unfinished.
        MissingExtraError: plotly or jinja2 is not installed.
    """
    study = read_study(folder)
    notes = list(study.notes)
    networks = [_network(study, entry, page, notes) for entry in study.networks]
    shared = _agreement(study, notes)
    return filled(
        "study.html.j2",
        styles=("runs.css",),
        study=study,
        manifest=study.manifest,
        title=TITLES.get(study.study, study.study),
        notes=_few(study) + notes,
        measured=_measured(study),
        networks=networks,
        agreement=shared,
        places=_places(networks, shared),
        counts=[(word, study.count(word)) for word in (HOLDS, FAILS, OPEN)],
        failed=[claim for claim in study.claims if claim.verdict == FAILS],
        n_tests=sum(claim.p_value == claim.p_value for claim in study.claims),
    )


def _network(study: StudyFile, entry: Mapping[str, Any], page: Path, notes: list[str]) -> NetworkView:
    title = str(entry.get("title", entry["name"]))
    links, figures = [], []
    for key, words in (("run", "what its layers know"), ("training", "how it was trained")):
        run = entry.get(key)
        if run is None:
            continue
        place = study.place(run)
        result = _kept(lambda place=place: load(place), f"{title}: figures of {run} are left out", notes)
        if isinstance(result, Knowledge):
            figures += _of_knowledge(study, entry, result, notes)
        elif isinstance(result, History) and key == "run":
            figures += _of_history(result)
        if (place / PAGE).is_file():
            told = "how its layers change" if isinstance(result, History) and key == "run" else words
            links.append((told, link(place / PAGE, page)))
    accuracy = entry.get("accuracy")
    return NetworkView(
        title=title,
        accuracy=None if accuracy is None else float(accuracy),
        links=links,
        details=[(str(key).replace("_", " "), setting(value)) for key, value in entry.items() if key not in SHOWN],
        figures=figures,
        note=str(entry.get("note", "")),
        file=re.sub(r"[^\w.-]+", "-", str(entry["name"])) + "-",
    )


def _places(networks: list[NetworkView], agreement: list[Shown]) -> list[tuple[str, str]]:
    """Where to go on the page."""
    places = [("summary", "In short"), ("claims", "The claims"), ("measured", "What was run")]
    places += [("agreement", "What the networks agree on")] if agreement else []
    places += [(f"network-{number}", network.title) for number, network in enumerate(networks, start=1)]
    return [*places, ("glossary", "Glossary")]


def _of_knowledge(study: StudyFile, entry: Mapping[str, Any], knowledge: Knowledge, notes: list[str]) -> list[Shown]:
    ledger = knowledge.ledger(knowledge.manifest["settings"]["reference"])
    rows = [str(name) for name in ledger.total.layer.values]
    few = [rows[row] for row in spread(len(rows), MOST_PANELS)]
    more = "" if len(rows) <= MOST_PANELS else f" Shown: {MOST_PANELS} of {len(rows)} layers, evenly spread."
    found = [
        Shown(
            "Completeness and redundancy through the layers",
            plot(ratios_figure(ledger), ratios_table(ledger)),
            "Completeness is the share of the output's strength that a layer holds already, redundancy the share of "
            "its own strength that is forgotten. Dashed: the ceiling, dotted: the floor.",
            "completeness-and-redundancy.csv",
            ["completeness", "redundancy", "ceiling", "floor"],
        ),
        Shown(
            "Shared, forgotten and new, by order",
            plot(strength_figure(ledger, layers=few), strength_table(ledger, 0, few)),
            "Strength of the salient interactions of each order, in units of the layer, mean over samples." + more,
            "strength.csv",
            ["shared, forgotten, new", "strength", "order", "unit of a layer"],
        ),
    ]
    curves = sparsity_curves(
        knowledge, layers=[knowledge.layers[row] for row in spread(len(knowledge.layers), MOST_PANELS)]
    )
    found.append(
        Shown(
            "How few interactions matter",
            plot(curves_figure(curves, knowledge.n_samples), sparsity_table(curves, knowledge.n_samples)),
            "Absolute effects of each layer in descending order, as a share of its largest; above the dashed line they "
            "are salient." + more,
            "sparsity.csv",
            ["effect", "salient"],
        )
    )
    if "stability" in entry:
        kept = _kept(
            lambda: Stability.load(study.place(entry["stability"])), f"{entry['name']}: stability is left out", notes
        )
        found += [] if kept is None else _under_noise(kept)
    splits: dict[str, Knowledge] = {}
    for label, place in _splits(entry):
        other = _kept(lambda place=place: load(study.place(place)), f"{entry['name']}: {label} is left out", notes)
        if isinstance(other, Knowledge):
            splits[label] = other
    if len(splits) > 1:
        words = "The same scores, split with other tolerances (kappa) or into AND interactions alone."
        shown = plot(ablation_figure(splits), ablation_table(splits))
        terms = ["split", "salient", "completeness", "redundancy"]
        found.append(Shown("Other splits of the same scores", shown, words, "other-splits.csv", terms))
    return found


def _under_noise(stability: Stability) -> list[Shown]:
    return [
        Shown(
            "Stability under noise",
            plot(stability_figure(stability), stability_table(stability)),
            "Mean over its deviation of each salient effect when noise is added to the input, by order.",
            "stability-under-noise.csv",
            ["stability under noise", "order", "salient"],
        ),
        Shown(
            "How large the noise is",
            plot(noise_figure(stability), noise_table(stability)),
            "Noise on the input beside what the players of an interaction show there. Half of all draws lie within a "
            "box, 90 % within its whiskers.",
            "noise.csv",
            ["stability under noise", "player", "order"],
        ),
    ]


def _splits(entry: Mapping[str, Any]) -> list[tuple[str, object]]:
    """Names and places of the runs that split the same scores in other ways."""
    found = [(f"kappa {kappa}", place) for kappa, place in sorted(dict(entry.get("by_kappa", {})).items())]
    return [*found, ("AND alone", entry["and_only"])] if "and_only" in entry else found


def _of_history(history: History) -> list[Shown]:
    measure = history.default_measure
    lines = line_view(history)
    return [
        Shown(
            "Change of each layer",
            lines.plot,
            "On a logarithmic axis. Colours go with depth, from blue (first layers) to orange and red (last)."
            + lines.left_out,
            f"changes-{measure}.csv",
            ["change", "relative weight change"],
        ),
        Shown(
            "Change through depth",
            plot(depth_figure(history), thirds_table(history, measure)),
            "Each layer's change in the median step of the first third and of the last third of training.",
            f"depth-{measure}.csv",
            ["first and last third", "median step"],
        ),
    ]


def _agreement(study: StudyFile, notes: list[str]) -> list[Shown]:
    if "agreement" not in study.files:
        return []
    kept = _kept(lambda: Agreement.load(study.place(study.files["agreement"])), "agreement is left out", notes)
    return [] if kept is None else agreement_shown(kept)


def agreement_shown(agreement: Agreement) -> list[Shown]:
    """Both figures of an agreement."""
    n_pairs = int(agreement.total.sizes["pair"])
    more = "" if n_pairs <= MOST_PAIRS else f" Shown: {MOST_PAIRS} of {n_pairs} pairs, evenly spread."
    return [
        Shown(
            "Intersection over union by order",
            plot(agreement_figure(agreement), agreement_table(agreement)),
            "Salient interactions that two networks share, as a share of those that either has. Dotted: what sets of "
            "the same sizes share by chance. Below: corrected for it, so that 0 is chance and 1 the same sets." + more,
            "agreement.csv",
            ["IoU", "corrected IoU", "order", "salient"],
        ),
        Shown(
            "All pairs, corrected for chance",
            plot(matrix_figure(agreement), matrix_table(agreement)),
            "AND and OR interactions of all orders together.",
            "agreement-matrix.csv",
            ["IoU", "corrected IoU"],
            own_ink=True,
        ),
    ]


def _kept(read: Callable[[], Any], lost: str, notes: list[str]) -> Any:
    """What is read, or None with a note of what is lost and why."""
    try:
        return read()
    except RunError as error:
        notes.append(f"{lost}: {error}")
        return None


def _few(study: StudyFile) -> list[str]:
    samples = study.settings.get("samples")
    notes = []
    if study.settings.get("quick"):
        notes.append("This is the quick version, for minutes on two cores: most claims cannot be decided by it.")
    if isinstance(samples, int) and samples < FEW_SAMPLES:
        notes.append(f"Only {samples} samples: intervals from so few are rough, and no test can be sure of much.")
    return notes


def brief(value: Any) -> Any:
    """A value with its long lists cut.

    >>> brief({"classes": list("abcdefghijklmnop"), "n": 3})
    {'classes': '16: a, b, c, ...', 'n': 3}
    """
    if isinstance(value, Mapping):
        return {str(key): brief(entry) for key, entry in value.items()}
    if isinstance(value, list) and len(value) > LONGEST_LIST:
        return f"{len(value)}: {', '.join(map(str, value[:3]))}, ..."
    return value


def _measured(study: StudyFile) -> list[tuple[str, str]]:
    rows = [("command", study.command)]
    rows += [(f"data: {name}".replace("_", " "), setting(brief(value))) for name, value in study.data.items()]
    rows += [(str(name).replace("_", " "), setting(brief(value))) for name, value in study.settings.items()]
    versions = ", ".join(f"{name} {version}" for name, version in study.manifest["versions"].items())
    date = study.manifest["created"][:19].replace("T", " ") + " UTC"
    return [*rows, ("date", date), ("versions", versions)]
