"""The published tables of WeightScale through `find_trends`, in both recipes: same clusters, more stable ones."""

from __future__ import annotations

import argparse
import csv
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import layerlore as ll
from layerlore.dynamics.trends import Trends, find_trends
from layerlore.dynamics.trends.overlap import adjusted_rand
from layerlore.networks.kinds_by_name import kind_of_weight

NOTEBOOKS = {
    "efficientnet-b4_cifar-10": "CIFAR-10/EfficientNet/cifar-10-efficient.ipynb",
    "resnet34_cifar-10": "CIFAR-10/ResNet50/cifar-10-resnet50.ipynb",
    "efficientnet-b4_cifar-100": "CIFAR-100/EfficientNet/cifar-100-efficient.ipynb",
    "resnet34_cifar-100": "CIFAR-100/ResNet50/cifar-100-resnet50.ipynb",
}
LEAST_AGREEMENT = {"cifar-10": 0.8, "cifar-100": 1.0}
SMALLEST_TREND = 3
SIGNIFICANT = 0.05
OTHER_NUMBERS = (2, 3, 4, 5, 6)


@dataclass(frozen=True)
class Published:
    """One table and the clusters that the authors' notebook prints for it."""

    name: str
    history: ll.History
    clusters: dict[str, int]

    @property
    def n_clusters(self) -> int:
        """As many as the notebook has."""
        return len(set(self.clusters.values()))

    @property
    def wanted(self) -> float:
        """Least adjusted Rand index of the published recipe with the notebook."""
        return LEAST_AGREEMENT[self.name.split("_")[1]]


def main() -> None:
    """Print the tables of the README and assert what they claim."""
    options = _options()
    tables = [read_published(options.data, name) for name in NOTEBOOKS]
    print(f"published recipe against the notebooks, {options.seeds} seeds: least and greatest adjusted Rand index")
    for table in tables:
        agreement = [against_notebook(table, seed) for seed in range(options.seeds)]
        print(f"  {table.name:<28} k={table.n_clusters}  {min(agreement):.3f} {max(agreement):.3f}")
        assert min(agreement) >= table.wanted, f"{table.name}: {min(agreement)} is below {table.wanted}"
    print(f"\nboth recipes at the published k, {options.resamples} resamples")
    for table in tables:
        compare(table, options.resamples)
    print("\nrobust recipe, number of trends by the evidence")
    for table in tables:
        show_choice(find_trends(table.history, resamples=options.resamples), table.name)
    if options.more:
        print("\nstability of both recipes, whatever the number of trends")
        for table in tables:
            show_other_numbers(table, options.resamples)


def read_published(folder: Path, name: str) -> Published:
    """Read a table and its clusters.

    Args:
        folder: holds ``<name>.csv`` (a row per layer: its name, then a number per epoch) and
            ``published_clusters.json``.
        name: one of `NOTEBOOKS`.
    """
    with (folder / f"{name}.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    names = [row[0] for row in rows]
    values = np.array([[float(number) for number in row[1:]] for row in rows])
    steps = [int(column.removeprefix("epoch_")) for column in header[1:]]
    kinds = [kind_of_weight(layer, (), names) for layer in names]
    history = ll.History.from_table(names, values, steps, "rwc_elementwise", kinds=kinds)
    notebook = json.loads((folder / "published_clusters.json").read_text())[NOTEBOOKS[name]]
    clusters = {layer: int(label) for label, members in notebook["clusters"].items() for layer in members}
    return Published(name, history, clusters)


def against_notebook(table: Published, seed: int) -> float:
    """Adjusted Rand index of the published recipe with the notebook's clusters."""
    found = find_trends(table.history, recipe="published", n_clusters=table.n_clusters, resamples=10, seed=seed)
    assert set(found.layers) == set(table.clusters), f"{table.name}: other layers than in the notebook"
    return adjusted_rand(np.array([table.clusters[layer] for layer in found.layers]), found.labels)


def compare(table: Published, resamples: int) -> None:
    """Both recipes with as many trends as published: sizes, outliers, stability."""
    published, robust = (
        find_trends(table.history, recipe=recipe, n_clusters=table.n_clusters, resamples=resamples)
        for recipe in ("published", "robust")
    )
    for found in (published, robust):
        print(f"  {table.name:<28} {found.recipe:<10} {describe(found)}")
    sizes = [len(robust.members(label)) for label in robust.trends]
    assert robust.n_trends == table.n_clusters, f"{table.name}: {robust.n_trends} trends"
    assert min(sizes) >= SMALLEST_TREND, f"{table.name}: a trend of {min(sizes)} layers"
    assert robust.stability > published.stability, f"{table.name}: {robust.stability} against {published.stability}"


def describe(found: Trends) -> str:
    """Sizes, singletons, outliers and stability in one line."""
    sizes = [len(found.members(label)) for label in found.trends]
    low, high = found.stability_interval
    return (
        f"sizes {sizes!s:<18} singletons {sizes.count(1)}  outliers {len(found.members(-1))}  "
        f"stability {found.stability:.3f} [{low:.2f}, {high:.2f}]"
    )


def show_choice(found: Trends, name: str) -> None:
    """The trends that the evidence speaks for, and what their members have in common."""
    print(f"  {name}: {describe(found)}")
    for note in found.notes:
        print(f"      {note}")
    for line in found.composition:
        if line["label"] >= 0 and line["p_adjusted"] < SIGNIFICANT and found.n_trends > 1:
            print(
                f"      trend {line['label']}: {line['members']} of {line['group_size']} are {line['value']} "
                f"({line['expected']:.1f} by chance, p = {line['p_adjusted']:.1g})"
            )
    assert all(len(found.members(label)) >= SMALLEST_TREND for label in found.trends), f"{name}: a trend is too small"


def show_other_numbers(table: Published, resamples: int) -> None:
    """Stability of both recipes for 2 to 6 trends."""
    for k in OTHER_NUMBERS:
        published, robust = (
            find_trends(table.history, recipe=recipe, n_clusters=k, resamples=resamples).stability
            for recipe in ("published", "robust")
        )
        print(f"  {table.name:<28} k={k}  published {published:.3f}  robust {robust:.3f}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the four tables and the clusters")
    parser.add_argument("--seeds", type=int, default=50, help="seeds of the published recipe (default 50)")
    parser.add_argument("--resamples", type=int, default=400, help="of the bootstrap (default 400)")
    parser.add_argument("--more", action="store_true", help="stability for 2 to 6 trends as well")
    return parser.parse_args()


if __name__ == "__main__":
    main()
