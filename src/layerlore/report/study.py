"""The page of a study: what was run, what became of each claim, and the figures behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layerlore.dynamics.history import History
from layerlore.errors import RunError
from layerlore.figures import changes_figure, depth_figure, ratios_figure, strength_figure
from layerlore.figures.ablation import ablation_figure
from layerlore.figures.agreement import agreement_figure, matrix_figure
from layerlore.figures.stability import stability_figure
from layerlore.figures.style import spread
from layerlore.interactions.agreement import Agreement
from layerlore.interactions.knowledge import Knowledge
from layerlore.report.frame import embedded, filled
from layerlore.report.study_file import FAILS, HOLDS, OPEN, StudyFile, link, read_study
from layerlore.report.words import setting
from layerlore.results import load

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from markupsafe import Markup

PAGE = "report.html"
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
        figure: as JSON.
        caption: how to read it.
        own_ink: whether words in it stand on colours of the figure, and keep their own.
    """

    title: str
    figure: Markup
    caption: str
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
    """

    title: str
    accuracy: float | None
    links: list[tuple[str, str]]
    details: list[tuple[str, str]]
    figures: list[Shown] = field(default_factory=list)
    note: str = ""


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
        study=study,
        manifest=study.manifest,
        title=TITLES.get(study.study, study.study),
        notes=_few(study) + notes,
        measured=_measured(study),
        networks=networks,
        agreement=shared,
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
    )


def _of_knowledge(study: StudyFile, entry: Mapping[str, Any], knowledge: Knowledge, notes: list[str]) -> list[Shown]:
    ledger = knowledge.ledger(knowledge.manifest["settings"]["reference"])
    rows = [str(name) for name in ledger.total.layer.values]
    few = [rows[row] for row in spread(len(rows), MOST_PANELS)]
    more = "" if len(rows) <= MOST_PANELS else f" Shown: {MOST_PANELS} of {len(rows)} layers, evenly spread."
    found = [
        _shown(
            "Completeness and redundancy through the layers",
            ratios_figure(ledger),
            "Completeness is the share of the output's strength that a layer holds already, redundancy the share of "
            "its own strength that is forgotten. Dashed: the ceiling, dotted: the floor.",
        ),
        _shown(
            "Shared, forgotten and new, by order",
            strength_figure(ledger, layers=few),
            "Strength of the salient interactions of each order, in units of the layer, mean over samples." + more,
        ),
    ]
    if "stability" in entry:
        kept = _kept(
            lambda: _stability(study.place(entry["stability"])), f"{entry['name']}: stability is left out", notes
        )
        if kept is not None:
            words = "Mean over its deviation of each salient effect when noise is added to the input, by order."
            found.append(_shown("Stability under noise", stability_figure(kept), words))
    splits: dict[str, Knowledge] = {}
    for label, place in _splits(entry):
        other = _kept(lambda place=place: load(study.place(place)), f"{entry['name']}: {label} is left out", notes)
        if isinstance(other, Knowledge):
            splits[label] = other
    if len(splits) > 1:
        words = "The same scores, split with other tolerances (kappa) or into AND interactions alone."
        found.append(_shown("Other splits of the same scores", ablation_figure(splits), words))
    return found


def _splits(entry: Mapping[str, Any]) -> list[tuple[str, object]]:
    """Names and places of the runs that split the same scores in other ways."""
    found = [(f"kappa {kappa}", place) for kappa, place in sorted(dict(entry.get("by_kappa", {})).items())]
    return [*found, ("AND alone", entry["and_only"])] if "and_only" in entry else found


def _stability(file: Path) -> Any:
    from layerlore.interactions.stability import Stability

    return Stability.load(file)


def _of_history(history: History) -> list[Shown]:
    return [
        _shown(
            "Change of each layer",
            changes_figure(history),
            "On a logarithmic axis. Colours go with depth, from blue (first layers) to orange and red (last).",
        ),
        _shown(
            "Change through depth",
            depth_figure(history),
            "Each layer's change in the median step of the first third and of the last third of training.",
        ),
    ]


def _agreement(study: StudyFile, notes: list[str]) -> list[Shown]:
    if "agreement" not in study.files:
        return []
    kept = _kept(lambda: Agreement.load(study.place(study.files["agreement"])), "agreement is left out", notes)
    if kept is None:
        return []
    return [
        _shown(
            "Intersection over union by order",
            agreement_figure(kept),
            "Salient interactions that two networks share, as a share of those that either has. Dotted: what sets of "
            "the same sizes share by chance. Below: corrected for it, so that 0 is chance and 1 the same sets.",
        ),
        _shown(
            "All pairs, corrected for chance",
            matrix_figure(kept),
            "AND and OR interactions of all orders together.",
            own_ink=True,
        ),
    ]


def _shown(title: str, figure: go.Figure, caption: str, own_ink: bool = False) -> Shown:
    return Shown(title, embedded(figure), caption, own_ink)


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
