"""The page of several runs side by side, and the same comparison as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from layerlore.dynamics.health import Health
from layerlore.dynamics.health.findings import SEVERITIES
from layerlore.dynamics.history import History, title_of
from layerlore.errors import InputError
from layerlore.figures.compared_depth import compared_ratios_figure, compared_strength_figure
from layerlore.figures.compared_training import compared_cells_figure, compared_changes_figure
from layerlore.interactions.knowledge import Knowledge
from layerlore.report.comparison_depth import DepthComparison, compare_depth, facts_json, pair_json
from layerlore.report.comparison_names import numbered, run_names
from layerlore.report.comparison_settings import Difference, differences
from layerlore.report.comparison_tables import cells_table, courses_table, medians_table, strengths_table
from layerlore.report.comparison_training import TrainingComparison, compare_training, layer_json, most_different
from layerlore.report.comparison_training import facts_json as training_json
from layerlore.report.frame import PAGE, Plot, filled, plot
from layerlore.report.measured import REFERENCES
from layerlore.report.study import agreement_shown
from layerlore.report.study_file import KIND as STUDY
from layerlore.report.study_file import link
from layerlore.results import load
from layerlore.storage import read_manifest, write_text
from layerlore.version import __version__

FILE = "comparison.html"
MOST_RUNS = 12
"""Runs that can still be told apart in one figure."""
MOST_PAIRS, MOST_LAYERS = 6, 3
"""Pairs of networks, and layers, that a sentence names at most."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """Several runs side by side.

    Attributes:
        results: by the name of their run, no two alike.
        differences: settings in which they differ, besides their networks.
        depth: of the explanations; None where there is none.
        training: of the trainings; None where there is none.
    """

    results: dict[str, Knowledge | History]
    differences: list[Difference]
    depth: DepthComparison | None
    training: TrainingComparison | None

    def to_json(self) -> dict[str, Any]:
        """In types that JSON knows; NaN is None."""
        return {
            "runs": list(self.results),
            "differences": [{"half": row.half, "name": row.name, "values": row.values} for row in self.differences],
            "depth": None if self.depth is None else _depth_json(self.depth),
            "training": None if self.training is None else _training_json(self.training),
        }


def compare(results: Sequence[Knowledge | History], names: Sequence[str] | None = None) -> Comparison:
    """Put results side by side; the two halves are compared apart.

    Args:
        results: two to `MOST_RUNS` of them.
        names: what they are called, made different where they are alike; None calls them by their folders.

    Raises:
        InputError: too few or too many results, or another number of names.
        RunError: trends or findings in a run folder are damaged.
    """
    if not 2 <= len(results) <= MOST_RUNS:
        raise InputError(f"{len(results)} runs were given: a comparison shows 2 to {MOST_RUNS}; leave some out")
    if names is not None and len(names) != len(results):
        raise InputError(f"{len(names)} names were given for {len(results)} runs: each needs one")
    named = dict(zip(run_names(results) if names is None else numbered(names), results, strict=True))
    depth = {name: found for name, found in named.items() if isinstance(found, Knowledge)}
    training = {name: found for name, found in named.items() if isinstance(found, History)}
    return Comparison(
        named,
        differences(named),
        compare_depth(depth) if depth else None,
        compare_training(training) if training else None,
    )


def comparison_page(
    results: Sequence[Knowledge | History], names: Sequence[str] | None = None, path: Path | None = None
) -> str:
    """The page as text.

    Args:
        results: see `compare`, as is the other.
        names: what they are called.
        path: file that it will be written to, which links to the runs' own pages start from; None leaves them out.

    Raises:
        InputError: see `compare`.
        RunError: see `compare`.
        MissingExtraError: plotly or jinja2 is not installed.
    """
    found = compare(results, names)
    created = max(str(result.manifest["created"]) for result in results)
    shared = found.depth.agreement if found.depth is not None else None
    return filled(
        "comparison.html.j2",
        styles=("runs.css",),
        found=found,
        manifest={"versions": {"layerlore": __version__}, "created": created},
        links=_links(found.results, path),
        notes=_notes(found),
        depth=found.depth,
        training=found.training,
        measure="" if found.training is None or not found.training.measure else title_of(found.training.measure),
        found_of=_found_of,
        differing=[] if found.training is None else most_different(found.training.layers, MOST_LAYERS),
        figures=_figures(found),
        agreement=[] if shared is None else agreement_shown(shared),
        most_pairs=MOST_PAIRS,
        references="" if found.depth is None else references_in_words(found.depth),
        places=_places(found),
    )


def report_comparison(runs: Sequence[Path | str | Knowledge | History], path: Path | str | None = None) -> Path:
    """Write the page of several runs side by side, whole or not at all.

    Args:
        runs: folders of runs, or results.
        path: file to write; None takes `comparison_file`.

    Returns:
        The path of the file.

    Raises:
        InputError: see `compare`; a study among the runs; or results that live in memory, and no path.
        RunError: a run is missing, damaged or unfinished, or the file cannot be written.
        MissingExtraError: plotly or jinja2 is not installed.
    """
    results = [run if isinstance(run, Knowledge | History) else load_run(run) for run in runs]
    folders = [result.path for result in results if result.path is not None]
    if path is None and len(folders) < len(results):
        raise InputError("some of these results live in memory and have no folder: pass path= to say where to write")
    path = comparison_file(folders) if path is None else Path(path)
    write_text(path, comparison_page(results, path=path))
    return path


def load_run(path: Path | str) -> Knowledge | History:
    """The result in a run folder.

    Raises:
        InputError: it is the folder of a study.
        RunError: missing, foreign, damaged or unfinished.
    """
    if read_manifest(path)["kind"] == STUDY:
        raise InputError(f"{path} is a study, which has a page of its own: name the runs within it to compare them")
    return load(path)


def comparison_file(folders: Sequence[Path]) -> Path:
    """Where the comparison of some runs goes: beside them where they lie in one folder, else in the current one."""
    parents = {folder.absolute().parent for folder in folders}
    return (folders[0].parent if len(parents) == 1 else Path()) / FILE


def _notes(found: Comparison) -> list[str]:
    """What the runs themselves say, and what stops them from being compared."""
    notes = []
    if found.depth is not None and found.training is not None:
        notes.append(
            "Some of these runs say what layers know, the others how layers change: the two kinds are compared apart."
        )
    if found.depth is not None and len(found.depth.references) > 1:
        notes.append(
            "The explanations compare their layers with different references "
            f"({', '.join(found.depth.references)}): their completeness and redundancy mean different things."
        )
    if found.training is not None and not found.training.measure:
        notes.append("The trainings have no measure in common: their changes cannot be set side by side.")
    return notes + [f"{name}: {note}" for name, result in found.results.items() for note in result.notes]


def _found_of(health: Health) -> list[tuple[str, int]]:
    """How many findings there are of each severity that occurs."""
    return [(severity, health.count(severity)) for severity in SEVERITIES if health.count(severity)]


def _links(results: Mapping[str, Knowledge | History], path: Path | None) -> dict[str, str]:
    """Addresses of the runs' own pages, where they have one."""
    pages = {name: result.path / PAGE for name, result in results.items() if result.path is not None}
    return {name: link(page, path) for name, page in pages.items() if path is not None and page.is_file()}


def _figures(found: Comparison) -> dict[str, Plot]:
    figures: dict[str, Plot] = {}
    if found.depth is not None:
        courses, strengths = found.depth.courses, found.depth.strengths
        figures["ratios"] = plot(compared_ratios_figure(courses), courses_table(courses))
        figures["strength"] = plot(compared_strength_figure(strengths), strengths_table(strengths))
    if found.training is not None and found.training.measure:
        medians, cells, measure = found.training.courses, found.training.cells, found.training.measure
        figures["changes"] = plot(compared_changes_figure(medians, measure), medians_table(medians))
        figures["cells"] = plot(compared_cells_figure(cells, measure), cells_table(cells, measure))
    return figures


def _places(found: Comparison) -> list[tuple[str, str]]:
    """Where to go on the page."""
    places = [("differences", "Where the runs differ"), ("summary", "In short")]
    places += [] if found.depth is None else [("depth", "What the layers know")]
    places += [] if found.training is None else [("training", "How the layers change")]
    return [*places, ("glossary", "Glossary")]


def references_in_words(found: DepthComparison) -> str:
    """What the explanations compare their layers with."""
    return " or ".join(REFERENCES.get(name, name) for name in found.references)


def _depth_json(found: DepthComparison) -> dict[str, Any]:
    return {
        "runs": [facts_json(facts) for facts in found.facts],
        "agreement": [pair_json(pair) for pair in found.pairs],
        "why_no_agreement": found.why_not,
        "references": found.references,
    }


def _training_json(found: TrainingComparison) -> dict[str, Any]:
    pairs = [{"first": one, "second": two, "rand": rand} for one, two, rand in found.trend_pairs]
    return {
        "measure": found.measure,
        "runs": [training_json(facts) for facts in found.facts],
        "layers": [layer_json(row, found.names) for row in found.layers],
        "trends_agreement": pairs,
        "why_no_trends_agreement": found.why_not,
    }
