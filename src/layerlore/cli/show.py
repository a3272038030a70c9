"""`layerlore show`: what a run folder holds, as tables of the terminal, JSON or CSV."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from layerlore.cli.for_scripts import one_form, print_csv, print_json
from layerlore.cli.options import AsJson
from layerlore.cli.study import claims_table
from layerlore.cli.tables import certificate, certified, depth_table, ledger_of, ledger_table
from layerlore.cli.tables import show as print_parts
from layerlore.cli.training_tables import changes_table, findings_table, health_words, line_words
from layerlore.dynamics.history import History, title_of
from layerlore.errors import InputError
from layerlore.figures.axes import unit_of
from layerlore.figures.depth import steps_in_words
from layerlore.interactions.knowledge import Knowledge
from layerlore.report.found import found_health
from layerlore.results import load
from layerlore.storage import read_manifest
from layerlore.zoo.studies.result import KIND as STUDY
from layerlore.zoo.studies.result import Study
from layerlore.zoo.studies.verdict import VERDICTS

if TYPE_CHECKING:
    import pandas as pd

Result = Knowledge | History | Study


def show(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run or of a study.", show_default=False)],
    measure: Annotated[
        str | None,
        typer.Option(help="Measure of change to show; the run's main one if left out.", show_default=False),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Show all layers, however many.")] = False,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print the main table as CSV, and nothing else.")] = False,
) -> None:
    """Print what a run folder holds, here in the terminal; no network runs, and nothing is written.

    A run of explain: the ledger, lines through the layers, and how far the splits can be from the best ones. A run of
    series or of a WeightTracker: how much every layer changes, and what is wrong with it; also while it is being
    recorded. A study: its claims with their verdicts.

    A terminal that is too narrow for a table gets fewer columns and is told which are left out; elsewhere (a pipe, a
    file) all columns stand.

    \b
    Examples:
      layerlore show runs/mnist
      layerlore show runs/resnet20 --measure rotation --all
      layerlore show runs/resnet20 --csv > changes.csv
      layerlore show runs/mnist --json | jq '.ledger.total[].completeness'

    \b
    --csv has one row for
      explain     each target, layer, op and order
                  (op "all" without an order: all of a layer)
      training    each layer and step, with all measures
      a study     each claim

    In CSV, NaN is an empty cell, control characters become question marks, and an apostrophe goes before a text that
    begins with = + - or @, which a spreadsheet would compute. JSON holds everything, names as they are and null for
    NaN, and always has the keys kind, run, name and notes.
    """  # noqa: D301 (see app.py)
    one_form(as_json, as_csv)
    found = Study.load(run) if read_manifest(run)["kind"] == STUDY else load(run)
    if measure is not None:
        _check_measure(found, measure)
    if as_json:
        print_json(document(found, run, measure))
    elif as_csv:
        print_csv(main_table(found))
    else:
        print_parts(*parts(found, run, measure, every))


def document(found: Result, run: Path, measure: str | None = None) -> dict[str, Any]:
    """All of a result in one JSON document; the README beside this file lists its keys."""
    known: dict[str, Any] = {"run": str(run)}
    if isinstance(found, Knowledge):
        settings = found.manifest["settings"]
        known |= {"kind": "knowledge", "name": settings["network"], "certificate": certified(found)}
        return known | found.to_json(settings["reference"])
    if isinstance(found, History):
        known |= {"kind": "history", "name": found.manifest["settings"].get("name"), "unit": unit_of(found)}
        known |= {"finished": is_finished(found), "measure": measure or found.default_measure}
        return known | found.to_json() | {"health": found_health(found).to_json()}
    return known | {"kind": "study", "name": found.study} | found.to_json()


def main_table(found: Result) -> pd.DataFrame:
    """The table that `--csv` prints."""
    if not isinstance(found, Knowledge):
        return found.to_dataframe()
    import pandas as pd

    ledger = ledger_of(found)
    # Whole numbers with gaps: an order that is not there would make 1.0 of 1.
    by_order = ledger.to_dataframe().astype({"order": "Int64"})
    total = ledger.total.to_dataframe().reset_index().assign(op="all")
    return pd.concat([total, by_order]).reindex(columns=by_order.columns)


def parts(found: Result, run: Path, measure: str | None, every: bool) -> list[Any]:
    """Lines and tables, warnings first."""
    notes = [f"note: {note}" for note in found.notes]
    if isinstance(found, Knowledge):
        return [*notes, *_knowledge_parts(found), f"next: layerlore report {run}"]
    if isinstance(found, History):
        return [*_unfinished(found), *notes, *_history_parts(found, measure, every), f"next: layerlore trends {run}"]
    counts = ", ".join(f"{found.count(verdict)} {verdict}" for verdict in VERDICTS)
    return [*notes, claims_table(found), f"{len(found.claims)} claims: {counts}", f"next: layerlore report {run}"]


def is_finished(history: History) -> bool:
    """Whether nothing will be added by the tracker that writes it; a table by hand is finished."""
    return bool(history.manifest.get("finished", True))


def _knowledge_parts(knowledge: Knowledge) -> list[Any]:
    ledger = ledger_of(knowledge)
    title = (
        f"{knowledge.manifest['settings']['network']}: what the layers share with their reference "
        f"({ledger.reference}), {knowledge.n_samples} samples"
    )
    return [ledger_table(knowledge, title, ledger), depth_table(ledger), certificate(knowledge)]


def _history_parts(history: History, measure: str | None, every: bool) -> list[Any]:
    health = found_health(history)
    title = (
        f"{history.manifest['settings'].get('name') or 'network'}: {title_of(measure or history.default_measure)}, "
        f"{len(history.layers)} weights, {unit_of(history)} {steps_in_words(_ends(history))}"
    )
    table = changes_table(history, title, measure, health, every=every)
    findings = [findings_table(health)] if health.findings else []
    return [*findings, table, line_words(history, measure), f"health: {health_words(health)}"]


def _unfinished(history: History) -> list[str]:
    if is_finished(history):
        return []
    return [
        f"unfinished: this run is still being recorded, or was stopped after {unit_of(history)} {_ends(history)[1]}"
    ]


def _ends(history: History) -> tuple[int, int]:
    return int(history.steps[0]), int(history.steps[-1])


def _check_measure(found: Result, measure: str) -> None:
    if not isinstance(found, History):
        raise InputError(f"--measure {measure}: only runs through training have measures of change; leave it out here")
    found.values(measure)
