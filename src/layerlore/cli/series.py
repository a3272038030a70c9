"""`layerlore series`: checkpoint files in, a run folder and what is wrong with them out."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from layerlore.cli.for_scripts import print_json
from layerlore.cli.options import AsJson
from layerlore.cli.tables import show
from layerlore.cli.training_tables import changes_table, findings_table, health_words, line_words
from layerlore.dynamics.health import Health, check_series
from layerlore.dynamics.history import KIND, title_of
from layerlore.dynamics.measures import check_measures
from layerlore.dynamics.series import read_series
from layerlore.dynamics.series.plan import open_series, plan_series
from layerlore.errors import InputError, LayerLoreError, RunError
from layerlore.networks.checkpoints import Steps
from layerlore.storage import MANIFEST, read_manifest


def series(
    checkpoints: Annotated[
        list[Path],
        typer.Argument(help="Checkpoint files in any order, or folders that hold them.", show_default=False),
    ],
    out: Annotated[Path, typer.Option(help="Run folder to write.", show_default=False)],
    steps: Annotated[
        str | None,
        typer.Option(
            help="Steps of the checkpoints where their names do not tell: numbers with commas between, or a regular "
            "expression with one group.",
            show_default=False,
        ),
    ] = None,
    measures: Annotated[
        str | None,
        typer.Option(help="Measures with commas between; all that follow from sums if left out.", show_default=False),
    ] = None,
    biases: Annotated[bool, typer.Option("--biases", help="Measure biases too.")] = False,
    norms: Annotated[bool, typer.Option("--norms", help="Measure scales of normalisation layers too.")] = False,
    include: Annotated[
        list[str] | None, typer.Option(help="Only these tensors (* for anything); may be repeated.", show_default=False)
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(help="Not these tensors; may be repeated.", show_default=False)
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(help="Key under which the files hold the state dict, where it is not clear.", show_default=False),
    ] = None,
    name: Annotated[str | None, typer.Option(help="What the report calls the network.", show_default=False)] = None,
    workers: Annotated[int, typer.Option(min=1, help="Threads that each read whole tensors.")] = 1,
    check: Annotated[bool, typer.Option(help="Look for what is wrong with the series, too.")] = True,
    as_json: AsJson = False,
    force: Annotated[bool, typer.Option("--force", help="Remove what an earlier run left in the folder.")] = False,
) -> None:
    """Measure how much every layer changed between saved checkpoints, and look for what is wrong with them.

    Reads safetensors (also sharded), files of torch.save without running code in them, Lightning checkpoints, Hugging
    Face model folders and torch.distributed.checkpoint folders, tensor by tensor. The order comes from the names. A run
    that was stopped goes on, and one that is finished is read, not computed again.

    \b
    Examples:
      layerlore series checkpoints/ --out runs/resnet20
      layerlore series out/checkpoint-*/ --out runs/bert --workers 2
      layerlore series a.pt b.pt c.pt --steps 0,100,200 --out runs/mine --json
    """  # noqa: D301 (see app.py)
    asked = None if measures is None else check_measures([word.strip() for word in measures.split(",")])
    chosen = {"steps": _steps(steps), "include": include, "exclude": exclude, "key": key, "workers": workers}
    try:
        if force:
            # What is there is removed only when there is something to take its place.
            opened = open_series(checkpoints, _steps(steps), key)
            plan_series(opened, biases=biases, norms=norms, include=include, exclude=exclude)
            _remove_run(out)
        history = read_series(
            checkpoints, **chosen, measures=asked, biases=biases, norms=norms, run=out, name=name or _name(checkpoints)
        )
    except InputError:
        # The error names the first thing that is wrong; the findings name all.
        if check and not as_json:
            _show_findings(checkpoints, chosen)
        raise
    health = _health(checkpoints, chosen, out) if check else None
    if as_json:
        found = {"run": str(out), "history": history.to_json(), "health": None if health is None else health.to_json()}
        print_json(found)
        return
    unit, first = history.manifest["settings"]["unit"], history.manifest["identity"]["steps"][0]
    title = (
        f"{title_of(history.default_measure)}, between neighbouring checkpoints; {len(history.layers)} weights, "
        f"{unit}s {first} to {history.steps[-1]}"
    )
    show(changes_table(history, title), line_words(history))
    if health is not None:
        _show_health(health)
    show(f"run: {out}", f"next: layerlore report {out}, layerlore trends {out}")


def _health(checkpoints: list[Path], chosen: dict[str, object], run: Path) -> Health:
    kept = Health.load(run)
    if kept is not None:
        return kept
    health = check_series(checkpoints, **chosen)  # type: ignore[arg-type]
    health.save(run)
    return health


def _show_findings(checkpoints: list[Path], chosen: dict[str, object]) -> None:
    try:
        health = check_series(checkpoints, **chosen)  # type: ignore[arg-type]
    except LayerLoreError:
        return
    _show_health(health)


def _show_health(health: Health) -> None:
    if health.findings:
        show(findings_table(health))
    checked = health.checked
    show(f"health: {health_words(health)} in {checked['n_tensors']} tensors of {len(checked['steps'])} checkpoints")


def _steps(given: str | None) -> Steps | None:
    if given is None:
        return None
    words = [word.strip() for word in given.split(",")]
    return [int(word) for word in words] if all(word.isdecimal() for word in words) else given


def _name(checkpoints: list[Path]) -> str:
    first = checkpoints[0].absolute()
    return first.name if first.is_dir() and len(checkpoints) == 1 else first.parent.name


def _remove_run(run: Path) -> None:
    if not run.exists():
        return
    # Nothing but what this command writes is ever removed.
    if not (run / MANIFEST).is_file() or read_manifest(run)["kind"] != KIND:
        raise RunError(f"{run} is no run through training: --force removes nothing else; choose another --out")
    shutil.rmtree(run)
