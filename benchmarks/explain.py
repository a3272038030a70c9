"""What reading all layers costs: throughput beside the plain network, and peak memory of a whole explanation.

    OMP_NUM_THREADS=1 python benchmarks/explain.py throughput
    OMP_NUM_THREADS=1 python benchmarks/explain.py memory

Throughput: scores of all 9 blocks of a ResNet-20 for masked batches of 128,
beside ``model(x)`` on the same batches, in turn, median of 7. Memory: growth of
the peak resident size after all imports in a process that explains, beside that
of one that only passes one batch of the same size through the network, plus the
bytes of the results; median of 5 fresh processes each.
"""

from __future__ import annotations

import argparse
import importlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import torch
from torch.utils.data import TensorDataset

import layerlore as ll
from layerlore.errors import LayerLoreWarning
from layerlore.interactions.scoring import Scorer
from layerlore.networks import evaluating
from layerlore.players import coalition_table, masked_inputs
from layerlore.zoo import resnet20

REPETITIONS = 7
BATCH = 128
BATCHES = 8
N_SAMPLES = 4
N_PLAYERS = 10


def network_and_probes() -> tuple[torch.nn.Module, ll.Probes]:
    """A ResNet-20 with probes on its 9 blocks; what they were trained on does not matter for speed."""
    torch.manual_seed(0)
    model = resnet20().eval()
    data = TensorDataset(torch.rand(40, 3, 32, 32), torch.arange(40) % 10)
    blocks = [f"layer{stage}.{block}" for stage in (1, 2, 3) for block in range(3)]
    return model, ll.fit_probes(model, blocks, data, max_passes=3)


def throughput() -> None:
    """Print the ratio of the two throughputs."""
    model, probes = network_and_probes()
    scorer = Scorer.of(model, probes, "log_odds")
    sample, baseline = torch.rand(3, 32, 32), torch.zeros(3, 32, 32)
    plan = ll.ImagePatches(4, count=N_PLAYERS, choose="center").plan(sample, 0)
    batches = [
        masked_inputs(sample, baseline, plan, coalition_table(N_PLAYERS, start, start + BATCH))
        for start in range(0, BATCHES * BATCH, BATCH)
    ]
    target = torch.tensor([3])

    def plain() -> None:
        for batch in batches:
            model(batch)

    def all_layers() -> None:
        for batch in batches:
            scorer.score_batch(batch, target)

    seconds: dict[str, list[float]] = {"plain": [], "all layers": []}
    with evaluating(model):
        for number in range(REPETITIONS + 1):
            for name, run in (("plain", plain), ("all layers", all_layers)):
                start = time.perf_counter()
                run()
                if number:
                    seconds[name].append(time.perf_counter() - start)
    rates = {name: BATCHES * BATCH / statistics.median(values) for name, values in seconds.items()}
    ratio = rates["all layers"] / rates["plain"]
    print("| what | inputs/s | ratio | wanted | met |")
    print("|---|---|---|---|---|")
    print(f"| plain ResNet-20, batches of {BATCH} | {rates['plain']:,.0f} | | | |")
    met = "yes" if ratio >= 0.9 else "NO"
    print(f"| log-odds of 9 blocks and the output | {rates['all layers']:,.0f} | {ratio:.3f} | 0.9 | {met} |")


def measure_once(what: str, batch_size: int, folder: Path) -> None:
    """In a process of its own: load the network and do one thing; print the growth of the peak since the imports."""
    importlib.import_module("xarray")
    importlib.import_module("zarr")
    before = current_bytes()
    model = resnet20().eval()
    model.load_state_dict(torch.load(folder / "model.pt", weights_only=True))
    results = 0
    if what == "plain":
        with torch.no_grad():
            model(torch.rand(batch_size, 3, 32, 32))
    else:
        knowledge = ll.explain(
            model,
            ll.Probes.load(folder / "probes.safetensors"),
            torch.rand(N_SAMPLES, 3, 32, 32),
            torch.arange(N_SAMPLES),
            players=ll.ImagePatches(4, count=N_PLAYERS, choose="center"),
            noise_samples=0,
            progress=False,
            batch_size=batch_size,
        )
        results = knowledge.data.nbytes
    print(peak_bytes() - before, results)


def current_bytes() -> int:
    """Resident size now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def peak_bytes() -> int:
    """Largest resident size of this process so far (that of `getrusage` also remembers the parent's)."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def memory() -> None:
    """Print peak memory for some batch sizes."""
    print("| batch | explain | network and one batch | results | ratio | wanted | met |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model, probes = network_and_probes()
        torch.save(model.state_dict(), folder / "model.pt")
        probes.save(folder / "probes.safetensors")
        for batch_size in (16, 64):
            ours, results = median_growth("explain", batch_size, folder)
            plain, _ = median_growth("plain", batch_size, folder)
            ratio = ours / (plain + results)
            cells = [f"{number / 2**20:.1f} MiB" for number in (ours, plain, results)]
            met = "yes" if ratio <= 1.5 else "NO"
            print(f"| {batch_size} | {' | '.join(cells)} | {ratio:.2f} | at most 1.5 | {met} |")


def median_growth(what: str, batch_size: int, folder: Path) -> tuple[int, int]:
    """Median growth of the peak, and bytes of results, over five fresh processes."""
    command = [sys.executable, __file__, what, "--batch-size", str(batch_size), "--folder", str(folder)]
    answers = [subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split() for _ in range(5)]
    return int(statistics.median(int(growth) for growth, _ in answers)), int(answers[0][1])


def main() -> None:
    """Run one section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("section", choices=("throughput", "memory", "explain", "plain"))
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    # The probes are not meant to be good.
    warnings.simplefilter("ignore", LayerLoreWarning)
    if arguments.section in ("explain", "plain"):
        measure_once(arguments.section, arguments.batch_size, arguments.folder)
    else:
        {"throughput": throughput, "memory": memory}[arguments.section]()


if __name__ == "__main__":
    main()
