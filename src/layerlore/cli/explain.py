"""`layerlore explain`: a configuration file in, a run folder out."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext, redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, cast

import typer

import layerlore as ll
from layerlore.cli.forecast import forecast
from layerlore.cli.objects import importable
from layerlore.cli.options import AsJson, Changes, RunFolder
from layerlore.cli.preparing import Work, prepare
from layerlore.cli.reading import read_recipe
from layerlore.cli.tables import certificate, ledger_table, show
from layerlore.engines import Progress, progress_bars
from layerlore.interactions.cost import Cost

EXAMPLE = """\
model: {path: "layerlore.zoo:LeNet5", arguments: {}, weights: mnist_cnn.pt}
data: {name: mnist, root: data}
layers: null
read_out: flatten
samples: {count: 20, split: test, seed: 0}
players: {kind: image_patches, size: 3, count: 10}
baseline: mean
targets: truth
run: runs/mnist
"""
"""The file that the help shows; a test reads it."""

HELP = (
    """Explain a network's layers as a YAML file describes it, into a run folder.

All of the file is checked before anything runs. A run that was stopped goes on from its last finished sample, and one
that is finished is read, not computed again.

\b
Example:
  layerlore explain explain.yaml --set samples.count=5 --dry-run
  layerlore explain explain.yaml --set data.root=/data/mnist

\b
explain.yaml:
"""
    + "".join(f"  {line}\n" for line in EXAMPLE.splitlines())
    + """
\b
Other forms and keys:
  data: {path: "module:function", arguments: {}}   returns an object with .train and .test
  data.train_count: 10000                          that many training samples for the probes
  layers: "layer*" or a list of names              null takes the sensible default
  players.kind: image_patches, superpixels or columns, with the options of that class
  baseline: mean, zero, a number or {blur: 2.0}
  targets: truth, predicted, a class or a list of classes
  score: log_odds, logit or {path: "module:function"}
  penalties, kappa, tolerance, pull, reference, batch_size, budget ("2GiB"), seed, device
  name: what the report calls the network

Paths in the file start from the file's folder, and modules beside it can be named; paths given to --set and the run
folder start from the current folder. The probes are kept beside the run, as RUN.probes.safetensors.
"""
)


def explain(
    config: Annotated[Path, typer.Argument(help="YAML file.", show_default=False)],
    changes: Changes = None,
    run: RunFolder = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything and print the cost.")] = False,
    as_json: AsJson = False,
) -> None:
    """Explain the layers of a network as a file describes it; users read `HELP`."""
    recipe = read_recipe(config, changes or (), run)
    # What the user's own modules print must not get among the JSON.
    with importable(recipe.folder), redirect_stdout(sys.stderr) if as_json else nullcontext():
        work = prepare(recipe)
        result = forecast(work) if dry_run else explained(work)
    if isinstance(result, Cost):
        print(
            json.dumps(asdict(result)) if as_json else f"{result}\nprobes           {len(work.shapes)}, not in the time"
        )
    elif as_json:
        print(json.dumps(result.to_json(work.explaining.get("reference", "final")), allow_nan=False))
    else:
        title = f"what the layers share with their reference, {result.n_samples} samples"
        show(ledger_table(result, title), certificate(result), f"run: {work.run}", f"next: layerlore report {work.run}")


def explained(work: Work) -> ll.Knowledge:
    """Train or read the probes, then explain into the run folder."""
    return cast("ll.Knowledge", ll.explain(work.model, probed(work), work.inputs, **work.explaining, run=work.run))


def probed(work: Work) -> ll.Probes:
    """The probes, read from beside the run where they are there."""
    with progress_bars() as report:
        return ll.fit_probes(
            work.model, list(work.shapes), work.train, **work.probing, path=work.probes_path, progress=one_bar(report)
        )


def one_bar(report: Progress) -> Progress:
    """Passes over the data as one bar that counts them, where each would be a bar of its own."""
    passes: list[str] = []

    def told(what: str, _done: int, _total: int | None) -> None:
        if what not in passes:
            passes.append(what)
            report("probes: passes", len(passes), None)

    return told
