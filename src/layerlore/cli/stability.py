"""`layerlore stability`: the explanation that a file describes, once more under noise."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import layerlore as ll
from layerlore.cli.explain import explained, probed
from layerlore.cli.objects import importable
from layerlore.cli.options import AsJson, Changes, RunFolder
from layerlore.cli.preparing import Work, prepare
from layerlore.cli.reading import read_recipe
from layerlore.cli.tables import bracketed, plain_table, show
from layerlore.errors import check_choice
from layerlore.interactions.bootstrap import CONFIDENCE
from layerlore.interactions.stability import DRAWS, SIGMA, Stability
from layerlore.interactions.stability_given import check_noise
from layerlore.report.depth_beside import STABILITY

if TYPE_CHECKING:
    from layerlore.cli.fitting import FittedTable

NOT_HERE = ("labels", "name")
"""What `explain` is told and `stability` has no use for."""


def stability(
    config: Annotated[Path, typer.Argument(help="YAML file, as for explain.", show_default=False)],
    changes: Changes = None,
    run: RunFolder = None,
    sigma: Annotated[float, typer.Option(help="Standard deviation of the noise, in units of the inputs.")] = SIGMA,
    draws: Annotated[int, typer.Option(help="Noisy copies of every sample, at least 2.")] = DRAWS,
    layers: Annotated[
        list[str] | None,
        typer.Option("--layer", help="A layer's name; may be repeated. All if left out.", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure how steady a network's interactions are where noise is added to its inputs.

    Explains the clean inputs first, or reads the run where that is done; then every noisy copy costs about half as much
    again. The result is written into the run folder as stability.json, where the report finds it.

    \b
    Example:
      layerlore stability explain.yaml --draws 4 --layer relu6
    """  # noqa: D301 (see app.py)
    # All that can be wrong is said before anything long begins.
    check_noise(sigma, draws, seed=0, confidence=CONFIDENCE, resamples=1)
    recipe = read_recipe(config, changes or (), run)
    with importable(recipe.folder), redirect_stdout(sys.stderr) if as_json else nullcontext():
        work = prepare(recipe)
        for layer in layers or ():
            check_choice(layer, [*work.shapes, "output"], "--layer")
        found = _measured(work, sigma, draws, layers)
    found.save(work.run / STABILITY)
    if as_json:
        print(json.dumps(found.to_json(), allow_nan=False))
    else:
        show(stability_table(found), f"stability: {work.run / STABILITY}", f"next: layerlore report {work.run}")


def stability_table(found: Stability) -> FittedTable:
    """A row for each layer, op and order in which anything counts."""
    table = found.to_dataframe()
    rows = (
        (
            str(row["layer"]),
            f"{row['op'].upper()} {row['order']}",
            *(bracketed(row, name) for name in ("mean", "aligned_mean")),
            str(int(row["n_effects"])),
            str(int(row["n_left_out"])),
        )
        for row in table.loc[table["n_effects"] > 0].to_dict("records")
    )
    settings = found.settings
    title = f"stability: mean over deviation of effects, {settings['draws']} draws of sigma {settings['sigma']:g}"
    columns = ("layer", "op, order", "stability", "aligned", "effects", "under the noise floor")
    return plain_table(title, columns, rows, left=2)


def _measured(work: Work, sigma: float, draws: int, layers: list[str] | None) -> Stability:
    options = {name: value for name, value in work.explaining.items() if name not in NOT_HERE}
    targets = options.pop("targets")
    return ll.stability(
        work.model,
        probed(work),
        work.inputs,
        targets,
        sigma=sigma,
        draws=draws,
        layers=layers,
        knowledge=explained(work),
        **options,
    )
