"""What watching costs: time beside training without a tracker, memory, and what a bfloat16 snapshot gets wrong.

    OMP_NUM_THREADS=1 python benchmarks/tracker.py time
    OMP_NUM_THREADS=1 python benchmarks/tracker.py snapshots
    python benchmarks/tracker.py gpu

time: steps of a ResNet-20, batch 128, of two networks that start alike, one with a tracker that records all default
measures at every step; in turn, the order changing, median of the ratios of neighbours. Beside it the record's own
time as a share of a step, which other programs on the machine disturb less, and as a share of an epoch of 391 steps.
Times are those of the process (CPU time) on a CPU, those on the wall on a GPU.

snapshots: a small residual network trains on digits while trackers with exact and with bfloat16 snapshots watch: bytes
per parameter, and the error of each measure relative to the exact one, over weights and records.

gpu: steps of a transformer with 100 M parameters in bfloat16 autocast, every step recorded.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from layerlore.dynamics import MEASURES
from layerlore.dynamics.tracker import WeightTracker
from layerlore.errors import QualityWarning
from layerlore.zoo import load_data, resnet20, small_resnet

BATCH = 128
STEPS_PER_EPOCH = 391
PAIRS = 100


def seconds(work: Callable[[], object]) -> float:
    """Time of this process on a CPU, where others may want the same cores; time on the wall with a GPU."""
    on_gpu = torch.cuda.is_available()
    clock = time.perf_counter if on_gpu else time.process_time
    start = clock()
    work()
    if on_gpu:
        torch.cuda.synchronize()
    return clock() - start


def compared(plain: Callable[[], object], watched: Callable[[], object], tracker: WeightTracker, pairs: int) -> None:
    """Print what the tracker adds to a step."""
    ratios, steps, own = [], [], []
    for number in range(pairs + 2):
        if number % 2:
            without, training = seconds(plain), seconds(watched)
        else:
            training, without = seconds(watched), seconds(plain)
        recording = seconds(tracker.step)
        if number > 1:
            ratios.append((training + recording) / without)
            steps.append(without)
            own.append(recording)
    step, record = statistics.median(steps), statistics.median(own)
    print("| what | measured | at most | met |")
    print("|---|---|---|---|")
    print(f"| a step without tracker | {step * 1e3:.1f} ms | | |")
    print(f"| a record of {len(tracker.weights)} weights | {record * 1e3:.3f} ms | | |")
    ratio = statistics.median(ratios) - 1
    spread = statistics.quantiles(ratios, n=4)
    print(
        f"| every step: steps with tracker against steps without, neighbours in turn | {ratio:+.2%} "
        f"(quartiles {spread[0] - 1:+.2%} to {spread[2] - 1:+.2%}) | | |"
    )
    wanted = 0.01 if torch.cuda.is_available() else 0.03
    share = record / step / STEPS_PER_EPOCH
    met, met_in_epochs = ("yes" if holds else "NO" for holds in (record / step <= wanted, share <= 0.002))
    print(f"| every step: the record's own time | {record / step:.3%} | {wanted:.0%} | {met} |")
    print(f"| every epoch of {STEPS_PER_EPOCH} steps: likewise | {share:.5%} | 0.2% | {met_in_epochs} |")


def trainer(model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor, device: str = "cpu") -> Callable[[], None]:
    """One step of training at each call."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)

    def step() -> None:
        optimiser.zero_grad()
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            logits = model(inputs)
        nn.functional.cross_entropy(logits.float(), labels).backward()
        optimiser.step()

    return step


def times() -> None:
    """Overhead of watching a ResNet-20."""
    images, labels = torch.rand(BATCH, 3, 32, 32), torch.arange(BATCH) % 10
    plain = trainer(seeded(resnet20), images, labels)
    model = seeded(resnet20)
    watched = trainer(model, images, labels)
    compared(plain, watched, WeightTracker(model), PAIRS)


def seeded(make: Callable[[], nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    return make()


def snapshots() -> None:
    """Memory of the three kinds of snapshots, and the error of bfloat16."""
    warnings.simplefilter("ignore", QualityWarning)
    data = load_data("digits").train
    images, labels = data.tensors
    print("| snapshot | measures | bytes per parameter |")
    print("|---|---|---|")
    n_elements = sum(weight.numel() for weight in small_resnet(10).parameters() if weight.dim() > 1)
    for mode in ("device", "cpu", "bf16"):
        for what, measures in (("all of MEASURES (with initial copies)", list(MEASURES)), ("rwc_l1 only", "rwc_l1")):
            tracker = WeightTracker(small_resnet(10), measures=measures, snapshot=mode)
            print(f"| {mode} | {what} | {tracker.memory / n_elements:.1f} |")
    print()
    print("| learning rate | recorded | measure | exact, median | error of bf16: median | worst | bias |")
    print("|---|---|---|---|---|---|---|")
    for rate in (1e-3, 1e-4, 1e-5):
        model = seeded(lambda: small_resnet(10))
        optimiser = torch.optim.Adam(model.parameters(), lr=rate)
        per_epoch = len(images) // BATCH
        trackers = {
            (every, mode): WeightTracker(model, every=every, snapshot=mode, measures=list(MEASURES))
            for every in (1, per_epoch)
            for mode in ("device", "bf16")
        }
        for _ in range(5):
            for chosen in torch.randperm(len(images), generator=torch.Generator().manual_seed(0)).split(BATCH)[
                :per_epoch
            ]:
                optimiser.zero_grad()
                nn.functional.cross_entropy(model(images[chosen]), labels[chosen]).backward()
                optimiser.step()
                for tracker in trackers.values():
                    tracker.step()
        for every, what in ((1, "every step"), (per_epoch, f"every epoch ({per_epoch} steps)")):
            exact, rounded = (trackers[every, mode].history() for mode in ("device", "bf16"))
            for measure in MEASURES:
                truth = exact.values(measure)
                error = rounded.values(measure) / truth - 1
                print(
                    f"| {rate:g} | {what} | {measure} | {np.median(truth):.2g} | {np.median(np.abs(error)):.1%} | "
                    f"{np.abs(error).max():.1%} | {np.mean(error):+.1%} |"
                )


def gpu() -> None:
    """Overhead on a GPU."""
    if not torch.cuda.is_available():
        print("no CUDA device here: nothing was measured")
        return

    def transformer() -> nn.Module:
        layer = nn.TransformerEncoderLayer(768, 12, 3072, dropout=0.0, batch_first=True, norm_first=True)
        body = nn.TransformerEncoder(layer, 12, enable_nested_tensor=False)
        return nn.Sequential(nn.Embedding(20_000, 768), body, Last(), nn.Linear(768, 10)).cuda()

    tokens, labels = torch.randint(0, 20_000, (32, 512), device="cuda"), torch.arange(32, device="cuda") % 10
    plain = trainer(seeded(transformer), tokens, labels, "cuda")
    model = seeded(transformer)
    print(f"{sum(weight.numel() for weight in model.parameters()) / 1e6:.0f} M parameters, batch 32 x 512 tokens")
    for mode in ("device", "bf16"):
        print(f"\nsnapshot {mode!r}")
        compared(plain, trainer(model, tokens, labels, "cuda"), WeightTracker(model, snapshot=mode), PAIRS)


class Last(nn.Module):
    """The last position of a sequence."""

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """``[batch, position, width]`` to ``[batch, width]``."""
        return hidden[:, -1]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["time", "snapshots", "gpu"])
    {"time": times, "snapshots": snapshots, "gpu": gpu}[parser.parse_args().what]()
