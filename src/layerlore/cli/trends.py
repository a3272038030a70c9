"""`layerlore trends`: the run of a training in, groups of layers that change alike out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from layerlore.cli.for_scripts import one_form, print_csv, print_json
from layerlore.cli.options import AsJson
from layerlore.cli.tables import show
from layerlore.cli.training_tables import evidence_table, trends_lines, trends_table
from layerlore.dynamics.history import History, title_of
from layerlore.dynamics.trends import find_trends


def trends(
    run: Annotated[Path, typer.Argument(help="Folder of a run through training.", show_default=False)],
    measure: Annotated[
        str | None,
        typer.Option(help="Measure to compare layers by; the run's main one if left out.", show_default=False),
    ] = None,
    recipe: Annotated[str, typer.Option(help="robust, or published: the steps of the authors' notebooks.")] = "robust",
    n_clusters: Annotated[
        int | None, typer.Option(help="Number of trends; chosen by evidence if left out.", show_default=False)
    ] = None,
    method: Annotated[
        str | None, typer.Option(help="Of clustering; the recipe's own if left out.", show_default=False)
    ] = None,
    reduction: Annotated[
        str | None, typer.Option(help="pca, or umap (an extra); the recipe's own if left out.", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of starts and resamples.")] = 0,
    as_json: AsJson = False,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print a row for each layer as CSV (see layerlore show), and nothing else.")
    ] = False,
) -> None:
    """Group the layers of a run that change alike through training.

    Prints which layers form a trend, how certain the groups are and what they have in common, and keeps them in the run
    as trends.json, where the report finds them.

    \b
    Examples:
      layerlore trends runs/resnet20
      layerlore trends runs/resnet20 --measure rotation --n-clusters 4
      layerlore trends runs/resnet20 --recipe published --n-clusters 4 --json
      layerlore trends runs/resnet20 --csv > groups.csv
    """  # noqa: D301 (see app.py)
    one_form(as_json, as_csv)
    history = History.load(run)
    found = find_trends(
        history, measure, recipe=recipe, n_clusters=n_clusters, method=method, reduction=reduction, seed=seed
    )
    found.save(run)
    if as_json:
        print_json(found.to_json())
        return
    if as_csv:
        print_csv(found.to_dataframe())
        return
    title = (
        f"{len(found.layers)} layers, {len(history.steps)} steps: groups that change alike ({title_of(found.measure)})"
    )
    show(trends_table(found, history, title))
    if found.evidence:
        show(evidence_table(found))
    show(*trends_lines(found), f"run: {run}", f"next: layerlore report {run}")
