"""Which measure of change tells known kinds of layers apart best?"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import layerlore as ll
from layerlore.dynamics import separation
from networks import history, known_kinds

NETWORKS = {"efficientnet": 1500, "bert": 4000}
"""Networks, and how many training samples they see in each epoch."""
HEADER = "| measure | accuracy | range over seeds | chance | largest p |\n|---|---|---|---|---|"


def main() -> None:
    """Train where nothing is there yet, then print one row for each network and measure."""
    options = _options()
    for name in NETWORKS:
        runs = [_run(name, seed, options) for seed in range(options.seeds)]
        for standardise, words in (("off", "level and course"), ("scale", "course alone")):
            print(f"\n{name}, {words}\n{HEADER}")
            for row in table(runs, standardise):
                print(row)


def table(runs: list[ll.History], standardise: str) -> list[str]:
    """A row of a Markdown table for each measure, the best one first; means over seeds."""
    rows = []
    for measure in runs[0].measures:
        found = [separation(run, measure, dict(known_kinds(run)), standardise=standardise) for run in runs]
        accuracies = [result.accuracy for result in found]
        chance = float(np.mean([result.chance for result in found]))
        assert 0 <= min(accuracies) <= max(accuracies) <= 1
        assert abs(chance - 1 / len(found[0].per_group)) < 0.1, "permuted groups are not at chance"
        rows.append((float(np.mean(accuracies)), measure, accuracies, chance, max(result.p for result in found)))
    return [
        f"| {measure} | {mean:.2f} | {min(every):.2f} to {max(every):.2f} | {chance:.2f} | {p:.3f} |"
        for mean, measure, every, chance, p in sorted(rows, reverse=True)
    ]


def _run(name: str, seed: int, options: argparse.Namespace) -> ll.History:
    path = options.out / f"{name}_{seed}"
    if path.exists():
        return ll.History.load(path)
    found, right = history(name, options.data, samples=NETWORKS[name], epochs=options.epochs, seed=seed)
    found.save(path)
    print(f"{name}, seed {seed}: right on {right:.1%} of the training samples in the last epoch", flush=True)
    return found


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with cifar10/ and sst2/ in it")
    parser.add_argument("--out", type=Path, default=Path("runs/measures"), help="folder for the histories")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each network")
    parser.add_argument("--epochs", type=int, default=10, help="of each training")
    return parser.parse_args()


if __name__ == "__main__":
    main()
