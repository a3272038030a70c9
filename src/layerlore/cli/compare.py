"""`layerlore compare`: several run folders in, what sets them apart out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from layerlore.cli.for_scripts import print_json
from layerlore.cli.notices import printable
from layerlore.cli.options import AsJson
from layerlore.cli.tables import number, plain_table, show, significant
from layerlore.dynamics.health.findings import SEVERITIES
from layerlore.dynamics.history import title_of
from layerlore.report.comparison import Comparison, load_run, references_in_words
from layerlore.report.comparison import compare as put_side_by_side
from layerlore.report.comparison_depth import DepthComparison
from layerlore.report.comparison_settings import THROUGH_DEPTH, THROUGH_TRAINING
from layerlore.report.comparison_training import TrainingComparison, TrainingFacts, most_different
from layerlore.report.summary import Estimate
from layerlore.report.training_summary import Middle

if TYPE_CHECKING:
    from layerlore.cli.fitting import FittedTable

MOST_LAYERS = 20
"""Layers with the same name that are shown: those that differ most between the runs."""


def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN RUN...", help="Folders of runs.", show_default=False)],
    every: Annotated[bool, typer.Option("--all", help="Show all layers with the same name, however many.")] = False,
    as_json: AsJson = False,
) -> None:
    """Set several runs side by side.

    Settings in which the runs differ come first: numbers of runs that were made in different ways say little about the
    networks. Explanations are compared by completeness and redundancy over relative depth, and by what their outputs
    agree on where samples and players are the same; trainings by the change of the median layer, of layers with the
    same name, and by their trends. Nothing is solved again.

    \b
    Examples:
      layerlore compare runs/demo/mlp7 runs/demo/small_resnet
      layerlore compare runs/seed0 runs/seed1 runs/seed2 --all
      layerlore compare runs/seed0 runs/seed1 --json | jq '.training.trends_agreement'
      layerlore report runs/seed0 runs/seed1      the same as a page, with figures
    """  # noqa: D301 (see app.py)
    found = put_side_by_side([load_run(run) for run in runs])
    if as_json:
        print_json(found.to_json())
        return
    show(*_differences(found))
    if found.depth is not None:
        show(*_depth(found.depth))
    if found.training is not None:
        show(*_training(found.training, every))
    show(f"next: layerlore report {printable(' '.join(map(str, runs)))}")


def _differences(found: Comparison) -> Iterator[FittedTable | str]:
    if not found.differences:
        yield "the settings that these runs recorded are the same"
    for half in (THROUGH_DEPTH, THROUGH_TRAINING):
        rows = [row for row in found.differences if row.half == half]
        if rows:
            columns = ("setting", *map(printable, rows[0].values))
            cells = [(row.name, *row.values.values()) for row in rows]
            title = f"runs {half} differ in more than their networks: read the rest with care"
            yield plain_table(title, columns, cells, left=len(columns))


def _depth(found: DepthComparison) -> Iterator[FittedTable | str]:
    yield plain_table(
        "what the outputs hold",
        ("run", "network", "layers", "samples", "players", "accuracy", "salient per sample", "density"),
        [
            (
                facts.name,
                facts.network,
                str(facts.n_layers),
                str(facts.n_samples),
                str(facts.n_players),
                number(facts.accuracy),
                _estimate(facts.salient, 1),
                significant(facts.density),
            )
            for facts in found.facts
        ],
        left=2,
        drop=("network", "players", "samples"),
    )
    yield plain_table(
        f"through the layers, compared with {printable(references_in_words(found))}",
        ("run", "layer", "depth", "completeness", "redundancy"),
        [
            (facts.name, row.layer, number(row.depth), _estimate(row.completeness), _estimate(row.redundancy))
            for facts in found.facts
            for row in facts.layers
        ],
        left=2,
    )
    if found.agreement is None:
        yield f"agreement: none. {printable(found.why_not)}"
        return
    yield plain_table(
        "what the outputs share: IoU of their salient interactions (corrected: 0 chance, 1 the same)",
        ("run", "run ", "IoU", "by chance", "corrected"),
        [
            (pair.first, pair.second, _estimate(pair.iou), number(pair.chance), _estimate(pair.corrected))
            for pair in found.pairs
        ],
        left=2,
    )


def _training(found: TrainingComparison, every: bool) -> Iterator[FittedTable | str]:
    if not found.measure:
        yield "the trainings have no measure in common: their changes cannot be set side by side"
    yield plain_table(
        f"change of the median layer ({printable(title_of(found.measure))})" if found.measure else "trainings",
        ("run", "layers", "steps", "first third", "last third", "less at the end", "trends", "findings"),
        [_training_row(facts) for facts in found.facts],
        words=(0, 7),
        drop=("findings", "steps"),
    )
    if found.layers:
        yield _layers(found, every)
    elif len(found.facts) > 1 and found.measure:
        yield "no layer has the same name in all runs"
    if found.trends is None:
        yield f"trends cannot be compared: {printable(found.why_not)}"
        return
    yield plain_table(
        f"whether the same of {len(found.trends.layers)} layers change alike (adjusted Rand index: 1 the same groups, "
        "0 chance)",
        ("run", "run ", "index"),
        [(one, two, number(rand)) for one, two, rand in found.trend_pairs],
        left=2,
    )


def _layers(found: TrainingComparison, every: bool) -> FittedTable:
    rows = found.layers if every else most_different(found.layers, MOST_LAYERS)
    few = "" if len(rows) == len(found.layers) else f"; the {len(rows)} that differ most, --all shows them all"
    names = [printable(name) for name in found.names]
    return plain_table(
        f"median change of the {len(found.layers)} layers with the same name{few}",
        ("layer", *names, "largest / smallest"),
        [(row.layer, *map(significant, row.medians), significant(row.ratio)) for row in rows],
        drop=names[:0:-1],
    )


def _training_row(facts: TrainingFacts) -> tuple[str, ...]:
    course = facts.settling
    moved = ("-",) * 3
    if course is not None:
        moved = (_middle(course.first), _middle(course.last), f"{course.n_less} of {course.n_layers}")
    counts = [(severity, facts.health.count(severity)) for severity in SEVERITIES]
    found = ", ".join(f"{count} {severity}{'s' * (count != 1)}" for severity, count in counts if count)
    trends = "-" if facts.trends is None else str(facts.trends.n_trends)
    return (facts.name, str(facts.n_layers), str(facts.n_steps), *moved, trends, found or "none")


def _estimate(found: Estimate, digits: int = 2) -> str:
    if not found.known:
        return "-"
    ends = f" [{found.low:.{digits}f}, {found.high:.{digits}f}]" if found.low == found.low else ""
    return f"{found.value:.{digits}f}{ends}"


def _middle(found: Middle) -> str:
    return f"{significant(found.value)} [{significant(found.low)}, {significant(found.high)}]"
