"""What noise draws cost beside explanations: forward passes counted, time of the process measured.

    OMP_NUM_THREADS=1 python benchmarks/stability.py digits
    OMP_NUM_THREADS=1 python benchmarks/stability.py resnet20

digits: MLP-7 of width 128 on scikit-learn's digits, two probed layers and the output, 7 players: splitting is most of
the work. resnet20: a ResNet-20 that was not trained, three blocks and the output, 5 players: forward passes are. One
explanation and one stability run of R draws in turn, after one of each to warm up, as often as asked; medians of the
times of the process. What is allowed is R + 1 explanations, and R where the clean inputs were explained before.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import TensorDataset

import layerlore as ll
from layerlore.errors import LayerLoreWarning
from layerlore.interactions.stability import stability
from layerlore.zoo import load_data, mlp7, resnet20, train

DRAWS, N_SAMPLES = 4, 3


@dataclass
class Counted:
    """A network that counts the inputs it sees."""

    model: nn.Module
    seen: int = field(default=0)

    def __post_init__(self) -> None:
        self.model.register_forward_pre_hook(self.count)

    def count(self, _module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        """The hook."""
        self.seen += len(inputs[0])

    def of(self, work: Callable[[], Any]) -> tuple[int, float, Any]:
        """Inputs seen and seconds of this process, and what the work returns."""
        self.seen, began = 0, time.process_time()
        found = work()
        return self.seen, time.process_time() - began, found


def digits() -> tuple[nn.Module, ll.Probes, Tensor, Tensor, dict[str, Any]]:
    data = load_data("digits")
    torch.manual_seed(0)
    model = train(mlp7(64, 10, width=128), data, epochs=8, learning_rate=2e-3)
    probes = ll.fit_probes(model, ["relu2", "relu5"], data.train)
    images, labels = data.test.tensors
    return (
        model,
        probes,
        images[:N_SAMPLES],
        labels[:N_SAMPLES],
        {"players": ll.ImagePatches(2, count=7, choose="center")},
    )


def resnet() -> tuple[nn.Module, ll.Probes, Tensor, Tensor, dict[str, Any]]:
    torch.manual_seed(0)
    model = resnet20().eval()
    data = TensorDataset(torch.rand(40, 3, 32, 32), torch.arange(40) % 10)
    probes = ll.fit_probes(model, ["layer1.1", "layer2.1", "layer3.1"], data, max_passes=3)
    players = ll.ImagePatches(8, count=5, choose="center")
    return model, probes, torch.rand(N_SAMPLES, 3, 32, 32), torch.arange(N_SAMPLES), {"players": players}


def measure(what: str, repetitions: int) -> None:
    model, probes, images, labels, options = {"digits": digits, "resnet20": resnet}[what]()
    counted = Counted(model)
    options |= {"progress": False}

    def explain() -> ll.Knowledge:
        found = ll.explain(model, probes, images, labels, noise_samples=0, **options)
        assert isinstance(found, ll.Knowledge)
        return found

    knowledge = explain()
    work = {
        "explain": explain,
        "stability": lambda: stability(model, probes, images, labels, draws=DRAWS, **options),
        "given": lambda: stability(model, probes, images, labels, draws=DRAWS, knowledge=knowledge, **options),
    }
    passes: dict[str, int] = {}
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for number in range(repetitions + 1):
        for name, run in work.items():
            passes[name], taken, _ = counted.of(run)
            if number:
                seconds[name].append(taken)
    middle = {name: statistics.median(values) for name, values in seconds.items()}
    print(f"{what}: {DRAWS} draws, one explanation {passes['explain']:,} forward passes and {middle['explain']:.2f} s")
    print("| what | forward passes | of one explanation | seconds | of one explanation | allowed | met |")
    print("|---|---|---|---|---|---|---|")
    for name, words, allowed in (
        ("stability", "stability", DRAWS + 1),
        ("given", "stability, clean inputs explained before", DRAWS),
    ):
        ratios = passes[name] / passes["explain"], middle[name] / middle["explain"]
        met = "yes" if max(ratios) <= allowed else "NO"
        cells = f"{passes[name]:,} | {ratios[0]:.2f} | {middle[name]:.2f} | {ratios[1]:.2f}"
        print(f"| {words} | {cells} | {allowed} | {met} |")


def main() -> None:
    """Run one section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("section", choices=("digits", "resnet20"))
    parser.add_argument("--repetitions", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    # The probes of a network that was not trained are not meant to be good.
    warnings.simplefilter("ignore", LayerLoreWarning)
    measure(arguments.section, arguments.repetitions)


if __name__ == "__main__":
    main()
