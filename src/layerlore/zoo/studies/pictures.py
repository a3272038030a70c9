"""The papers' figures of a study, as png files for print and for its Markdown page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layerlore.dynamics.history import History
from layerlore.dynamics.trends import Trends
from layerlore.dynamics.trends.result import FILE as TRENDS
from layerlore.errors import InputError, RunError
from layerlore.figures import printed
from layerlore.figures.axes import unit_of
from layerlore.figures.style import spread
from layerlore.interactions.knowledge import Knowledge
from layerlore.results import load
from layerlore.zoo.studies.gradients import read_gradients
from layerlore.zoo.studies.names import plain_name
from layerlore.zoo.studies.result import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FOLDER = "figures"
MOST_SAMPLES = 2
"""Samples whose interactions are drawn for each network."""
MOST_PANELS = 5
"""Layers of the ledger that are drawn for each network."""


@dataclass(frozen=True)
class Picture:
    """A figure that was written.

    Attributes:
        file: relative to the study folder.
        caption: in a sentence.
    """

    file: str
    caption: str


def draw_pictures(study: Study) -> tuple[Picture, ...]:
    """Draw what the run folders of a study hold into its folder ``figures``.

    Args:
        study: saved or loaded.

    Raises:
        InputError: it lives in memory.
        RunError: a run folder of it is missing or damaged, or a file could not be written.
        MissingExtraError: matplotlib is not installed.
    """
    if study.path is None:
        raise InputError("this study lives in memory and has no folder: save it first")
    found = []
    try:
        (study.path / FOLDER).mkdir(exist_ok=True)
    except OSError as error:
        raise RunError(f"could not create {study.path / FOLDER} ({error.strerror or error})") from error
    for name, caption, figure in _figures(study, study.path):
        file = f"{FOLDER}/{plain_name(name)}.png"
        printed.save_figure(figure, study.path / file)
        found.append(Picture(file, caption))
    return tuple(found)


def _figures(study: Study, folder: Path) -> Iterator[tuple[str, str, Figure]]:
    for entry in study.networks:
        if "run" not in entry:
            continue
        name, title = str(entry["name"]), str(entry.get("title", entry["name"]))
        result = load(folder / str(entry["run"]))
        if isinstance(result, Knowledge):
            yield from _of_knowledge(folder, dict(entry), name, title, result)
        else:
            yield from _of_history(name, title, result)
    if "agreement" in study.files:
        from layerlore.interactions.agreement import Agreement

        agreement = Agreement.load(folder / study.files["agreement"])
        words = "What the networks agree on: intersection over union by order, and corrected for chance"
        yield "agreement", words, printed.agreement_figure(agreement)
        yield "agreement_pairs", "Agreement of all pairs, corrected for chance", printed.matrix_figure(agreement)


def _of_knowledge(
    folder: Path, entry: dict[str, Any], name: str, title: str, knowledge: Knowledge
) -> Iterator[tuple[str, str, Figure]]:
    ledger = knowledge.ledger(knowledge.manifest["settings"]["reference"])
    rows = [str(layer) for layer in ledger.total.layer.values]
    few = [rows[row] for row in spread(len(rows), MOST_PANELS)]
    words = f"{title}: completeness and redundancy through the layers"
    yield f"{name}_ratios", words, printed.ratios_figure(ledger)
    words = f"{title}: strength shared, forgotten and new, by order"
    yield f"{name}_ledger", words, printed.strength_figure(ledger, layers=few)
    if "stability" in entry:
        from layerlore.interactions.stability import Stability

        found = Stability.load(folder / str(entry["stability"]))
        words = f"{title}: stability under noise, by order (median)"
        yield f"{name}_stability", words, printed.stability_figure(found, "median")
        words = f"{title}: noise of the inputs, as a share of the signal, by order"
        yield f"{name}_noise", words, printed.noise_figure(found)
    if "gradients" in entry:
        gradients = read_gradients(folder / str(entry["gradients"]))
        for sample in range(min(MOST_SAMPLES, knowledge.n_samples)):
            words = f"{title}: the strongest interactions of sample {sample} at the output, beside other attributions"
            figure = printed.explanation_figure(knowledge, sample, gradients=gradients, width=printed.PAGE)
            yield f"{name}_sample_{sample}", words, figure
    yield f"{name}_sparsity", f"{title}: few interactions are strong", printed.sparsity_figure(knowledge)
    places = {f"kappa {kappa}": place for kappa, place in sorted(dict(entry.get("by_kappa", {})).items())}
    places |= {"AND alone": entry["and_only"]} if "and_only" in entry else {}
    loaded = {label: load(folder / str(place)) for label, place in places.items()}
    splits = {label: other for label, other in loaded.items() if isinstance(other, Knowledge)}
    if len(splits) > 1:
        yield f"{name}_splits", f"{title}: other splits of the same scores", printed.ablation_figure(splits)


def _of_history(name: str, title: str, history: History) -> Iterator[tuple[str, str, Figure]]:
    yield f"{name}_changes", f"{title}: change of each layer through training", printed.changes_figure(history)
    if history.path is None or not (history.path / TRENDS).is_file():
        return
    trends = Trends.load(history.path)
    if trends.n_trends < 2 or not trends.belongs_to(history):
        return
    yield f"{name}_trends", f"{title}: the layers as points, by trend", printed.trend_map_figure(trends)
    yield f"{name}_lines", f"{title}: mean change of each trend", printed.trend_lines_figure(trends, unit_of(history))
    words = f"{title}: share of the spread that each component holds"
    yield f"{name}_scree", words, printed.scree_figure(trends, history)
