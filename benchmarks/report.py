"""What the report of a large run costs: wall time and peak memory of `layerlore report`, on one core.

    OMP_NUM_THREADS=1 python benchmarks/report.py [--samples 100 --layers 20 --players 16] [--keep FOLDER]

A run of 100 samples, 20 layers with the output and 16 players holds 262 million effects, 3.1 GB with its scores. It is
written into a temporary folder as `explain` writes it, with effects that are planted instead of solved: some dozens of
AND and OR interactions in each sample, of which a layer holds the more the deeper it is, beside others that it
drops later, and noise of a thousandth of the largest effect on every coalition, so that no file compresses. Scores are
what the effects rebuild. Measured in a fresh process, imports included, held to one core of the processor: seconds
until the page is written, those that the processor worked for it (other work on the machine takes turns), and the peak
of the resident memory. With ``--keep`` the folder stays, and is used again.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from layerlore.interactions.calibration import in_units, oriented_shares
from layerlore.interactions.moebius import orders, reconstruct
from layerlore.interactions.salience import SALIENCE, largest_effect
from layerlore.storage import Run
from layerlore.version import __version__

WANTED_SECONDS, WANTED_BYTES, WANTED_PAGE = 60, 2 * 10**9, 8 * 10**6
PLANTED, DROPPED = 48, 24
"""Interactions that the output of a sample holds, and others that each layer may hold."""
NOISE = 1e-3
N_CLASSES = 10

CHILD = """
import os, resource, sys, time
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
start = time.perf_counter()
from layerlore.report import report
path = report(sys.argv[1], sys.argv[2])
peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(time.perf_counter() - start, time.process_time(), peak, path.stat().st_size)
"""


def planted(rng: np.random.Generator, n_layers: int, n_players: int) -> np.ndarray:
    """Effects ``[target, layer, op, coalition]`` of one sample."""
    size = 1 << n_players
    effects = NOISE * rng.standard_normal((1, n_layers, 2, size))
    depth = np.linspace(0.2, 1.0, n_layers)
    # Each order is half as common as the one before.
    order = orders(n_players)[1:]
    likely = 0.5**order / np.bincount(order)[order]
    for count, held in ((PLANTED, depth), (DROPPED, 1.0 - depth)):
        places = 1 + rng.choice(size - 1, count, replace=False, p=likely / likely.sum())
        ops = rng.integers(2, size=count)
        strengths = rng.exponential(0.3, count) * rng.choice([-1.0, 1.0], count)
        there = rng.random(count) < held[:, None]
        layer, which = np.nonzero(there)
        effects[0, layer, ops[which], places[which]] += strengths[which]
    effects[..., 1, orders(n_players) == 1] = 0.0
    effects[..., 0] = 0.0
    return effects


def write_run(path: Path, n_samples: int, n_layers: int, n_players: int) -> None:
    """A finished run folder with planted effects."""
    rng = np.random.default_rng(0)
    layers = [f"blocks.{depth}" for depth in range(n_layers - 1)] + ["output"]
    classes = [[sample % N_CLASSES] for sample in range(n_samples)]
    guides = [n_layers - 1] * (n_layers - 1) + [None]
    split = {"kappa": 0.04, "solver": "certified", "tolerance": 0.02, "max_iterations": 20000}
    split |= {"pull": 0.1, "device": "cpu"}
    run = Run.open(
        path,
        "knowledge",
        {
            "network": "0" * 64,
            "probes": "1" * 64,
            "layers": layers,
            "inputs": "2" * 64,
            "players": {"players": "ImagePatches", "size": [4, 4]},
            "baseline": "mean",
            "score": "log_odds",
            "guides": guides,
            "split": split,
            "noise": 0.01,
            "seed": 0,
        },
    )
    games, dims = (n_samples, 1, n_layers), ("sample", "target", "layer")
    run.create("scores", (*games, 1 << n_players), (*dims, "coalition"))
    run.create("effects", (*games, 2, 1 << n_players), (*dims, "op", "coalition"))
    for name in ("objective", "gap", "aligned_gap"):
        run.create(name, games, dims)
    run.create("converged", games, dims, "uint8")
    for name in ("ceiling", "floor"):
        run.create(name, (*games, 5, 2, n_players), (*dims, "sum", "op", "order_from_1"))
    side = 4 * int(np.ceil(np.sqrt(n_players)))
    run.create("inputs", (n_samples, 1, side, side), ("sample", "input_0", "input_1", "input_2"), "float32")
    run.create("owner", (n_samples, side, side), ("sample", "owner_0", "owner_1"), "int16")
    patch = np.arange(side) // 4
    owner = patch[:, None] * (side // 4) + patch
    units, largest = np.zeros((1, n_layers)), np.zeros((1, n_layers))
    for sample in range(n_samples):
        effects = planted(rng, n_layers, n_players)
        scores = np.asarray(reconstruct(effects[..., 0, :], effects[..., 1, :]))
        units += np.abs(scores[..., -1] - scores[..., 0]) / n_samples
        largest = np.maximum(largest, largest_effect(effects))
        run.write("scores", sample, scores)
        run.write("effects", sample, effects)
        run.write("objective", sample, np.abs(effects).sum((-2, -1)))
        for name in ("gap", "aligned_gap"):
            run.write(name, sample, rng.uniform(0, 0.02, games[1:]))
        run.write("converged", sample, np.ones(games[1:], np.uint8))
        run.write("inputs", sample, rng.random((1, side, side), np.float32))
        run.write("owner", sample, np.where(owner < n_players, owner, -1).astype(np.int16))
    thresholds = SALIENCE * largest
    for sample in range(n_samples):
        found = run.read("effects", sample)[:, -1]
        other = run.read("effects", (sample + 1) % n_samples)[:, -1]
        for name, line in (("ceiling", 0.99 * found), ("floor", other)):
            theirs = in_units(found, units[:, -1])
            limit = thresholds[:, -1] / units[:, -1]
            sums = oriented_shares(in_units(line, units[:, -1]), theirs, limit, limit, True)
            run.write(name, sample, np.broadcast_to(sums[:, None], (1, n_layers, 5, 2, n_players)))
    for stage in ("inputs", "scores", "splits", "calibration"):
        run.finished(stage, n_samples)
        for sample in range(n_samples):
            run.finish(stage, sample)
    quality = {"read_out": "flatten", "penalty": 1.0, "converged": True, "train_loss": 0.2, "train_accuracy": 0.95}
    quality |= {"validation_loss": 0.3, "validation_accuracy": 0.9}
    run.update(
        batch_size=128,
        coords={
            "layer": layers,
            "target": ["target"],
            "target_class": classes,
            "predicted": [found for (found,) in classes],
            "label": [found for (found,) in classes],
            "n_players": n_players,
            "players": [[f"patch {player}" for player in range(n_players)]] * n_samples,
            "other": [[(sample + 1) % n_samples] for sample in range(n_samples)],
        },
        settings={"network": "Planted", "reference": "final", "device": "cpu"},
        quality=[{"layer": layer} | quality for layer in layers],
        chance=1 / N_CLASSES,
        versions={"layerlore": __version__, "numpy": np.__version__},
        normalisers=units.tolist(),
        thresholds=thresholds.tolist(),
    )


def measured(folder: Path, page: Path) -> tuple[float, float, int, int]:
    """Seconds, those of the processor, peak bytes and bytes of the page, of a report made in a process of its own."""
    found = subprocess.run(
        [sys.executable, "-c", CHILD, str(folder), str(page)],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    seconds, busy, peak, size = found.stdout.split()
    return float(seconds), float(busy), int(peak), int(size)


def main() -> None:
    """Print time, memory and size of the page beside what is wanted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--layers", type=int, default=20)
    parser.add_argument("--players", type=int, default=16)
    parser.add_argument("--keep", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = arguments.keep or Path(name) / "run"
        if not folder.exists():
            write_run(folder, arguments.samples, arguments.layers, arguments.players)
        seconds, busy, peak, size = measured(folder, Path(name) / "report.html")
    n_effects = arguments.samples * arguments.layers * 2 << arguments.players
    print(f"{arguments.samples} samples, {arguments.layers} layers, n = {arguments.players}: {n_effects:,} effects")
    print("| what | measured | wanted | met |")
    print("|---|---|---|---|")
    for what, value, wanted, unit, scale in (
        ("time of `report` with imports, one core", seconds, WANTED_SECONDS, "s", 1.0),
        ("of these the processor's", busy, WANTED_SECONDS, "s", 1.0),
        ("peak of resident memory", peak, WANTED_BYTES, "MB", 1e-6),
        ("size of the page", size, WANTED_PAGE, "MB", 1e-6),
    ):
        met = "yes" if value <= wanted else "NO"
        print(f"| {what} | {scale * value:.1f} {unit} | at most {scale * wanted:.0f} {unit} | {met} |")


if __name__ == "__main__":
    main()
