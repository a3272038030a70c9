"""Speed of one record of weight changes, beside what it replaces and beside the memory it has to read.

ResNet-50's 54 weights with two or more dimensions (25.5 M float32), changed by a step of training each time. One
thread. Everything is measured in turn in one run, so that other work on the machine meets all alike; medians.

- **bound**: read the two copies once and write one: ``np.add(earlier, later, out=earlier)`` for each weight. Into a
  third array it takes longer, because a processor reads what it is about to overwrite; also in the table.
- **published**: the authors' recipe (METHODS B1): copy every weight to a NumPy array, ``mean(|prev - cur| / |prev|)``,
  keep the copies.
- **foreach**: ``rwc_l1`` by ``torch._foreach_*`` on all weights at once, and the copy for the next record.
- ours: `layerlore.dynamics.change.sum_weights` and `measures_of`, the snapshot updated in the same pass
  (``keep=True``).

    OMP_NUM_THREADS=1 python benchmarks/change.py [cpu | gpu]

``gpu`` does the same on CUDA, where the bound is an addition on the device; without a device it says so.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from layerlore.dynamics import kernels
from layerlore.dynamics.change import ratio_summaries, sum_weights
from layerlore.dynamics.kernels import add_sums
from layerlore.dynamics.measures import MEASURES, measures_of, needed_sums
from layerlore.dynamics.sums import SUMS

REPETITIONS = 15
ALL = tuple(MEASURES)
NOT_FROM_INIT = tuple(name for name in MEASURES if not MEASURES[name].needs_initial)
Sides = dict[str, Callable[[], object]]


def resnet50_shapes() -> list[tuple[int, ...]]:
    """Shapes of the convolutions and the classifier, in order of definition."""
    shapes: list[tuple[int, ...]] = [(64, 3, 7, 7)]
    channels = 64
    for width, blocks in ((64, 3), (128, 4), (256, 6), (512, 3)):
        for block in range(blocks):
            shapes += [(width, channels, 1, 1), (width, width, 3, 3), (4 * width, width, 1, 1)]
            if block == 0:
                shapes.append((4 * width, channels, 1, 1))
            channels = 4 * width
    return [*shapes, (1000, channels)]


def snapshots(device: str) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """Initial weights, weights before and weights after a step."""
    generator = torch.Generator().manual_seed(0)
    initial, earlier, later = [], [], []
    for shape in resnet50_shapes():
        start, far, near = (torch.randn(shape, generator=generator) / 50 for _ in range(3))
        initial.append(start.to(device))
        earlier.append((start + 0.5 * far).to(device))
        later.append((start + 0.5 * far + 1e-3 * near).to(device))
    return initial, earlier, later


class Published:
    """The authors' loop: what it keeps are its own copies."""

    def __init__(self, earlier: Sequence[Tensor]) -> None:
        self.previous = [weight.cpu().numpy().copy() for weight in earlier]

    def record(self, later: Sequence[Tensor]) -> list[float]:
        """Changes since the last call."""
        current = [weight.detach().cpu().numpy().copy() for weight in later]
        changes = [float(np.mean(np.abs(p - c) / np.abs(p))) for p, c in zip(self.previous, current, strict=True)]
        self.previous = current
        return changes


def foreach_l1(earlier: list[Tensor], later: list[Tensor]) -> Tensor:
    changes = torch._foreach_norm(torch._foreach_sub(later, earlier), 1)
    starts = torch._foreach_norm(earlier, 1)
    found = torch.stack(changes) / torch.stack(starts)
    torch._foreach_copy_(earlier, later)
    return found.cpu()


def by_kernel(
    name: str, earlier: list[Tensor], later: list[Tensor], initial: list[Tensor] | None, measures: Sequence[str]
) -> dict[str, np.ndarray]:
    """What `sum_weights` does on the CPU, with a kernel of our choice."""
    rows = np.zeros((len(later), len(SUMS)))
    more = tuple(measures) != ("rwc_l1",)
    for place, (w, v) in enumerate(zip(earlier, later, strict=True)):
        add_sums(w, v, None if initial is None else initial[place], rows[place], more=more, keep=True, kernel=name)
    return measures_of(rows, measures)


def in_turn(sides: Sides, restore: Callable[[], None], finish: Callable[[], None]) -> dict[str, float]:
    """Median seconds of each, measured one after the other over and over; the snapshot is restored before each."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for repetition in range(-1, REPETITIONS):
        for name, run in sides.items():
            restore()
            finish()
            start = time.perf_counter()
            run()
            finish()
            if repetition >= 0:
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def table(seconds: dict[str, float], bound: str, wanted: dict[str, tuple[str, float]]) -> None:
    """Print milliseconds, the ratio to the bound and to the published code, and whether what was wanted is met."""
    print("| what | ms | of the bound | published / this | wanted | met |\n|---|---|---|---|---|---|")
    for name, value in seconds.items():
        to_bound, to_published = value / seconds[bound], seconds["published"] / value
        word, limit = wanted.get(name, ("", 0.0))
        met = "" if not word else "yes" if to_bound <= limit and to_published >= 2 else "NO"
        print(f"| {name} | {value * 1e3:.1f} | {to_bound:.2f} | {to_published:.1f} | {word} | {met} |")


def same_numbers(initial: list[Tensor], earlier: list[Tensor], later: list[Tensor]) -> None:
    """A fast wrong answer would stop the run."""
    sums = sum_weights(earlier, later, initial, SUMS).numpy()
    found = measures_of(sums, ALL)
    assert np.allclose(found["rwc_elementwise"], Published(earlier).record(later), rtol=1e-6)
    copies = [weight.clone() for weight in earlier]
    assert np.allclose(found["rwc_l1"], foreach_l1(copies, later), rtol=1e-4)
    if earlier[0].device.type == "cpu":
        for name in ("compiled", "chunked"):
            copies = [weight.clone() for weight in earlier]
            other = by_kernel(name, copies, later, initial, ALL)
            assert all(np.allclose(other[measure], found[measure], rtol=1e-9) for measure in ALL)


def on_cpu() -> None:
    """The table of the CPU."""
    begin = time.perf_counter()
    kernel = kernels.kernel_in_use()
    print(f"kernel: {kernel}; {time.perf_counter() - begin:.2f} s to load it\n")
    initial, earlier, later = snapshots("cpu")
    same_numbers(initial, earlier, later)
    saved = [weight.clone() for weight in earlier]
    third = [torch.empty_like(weight) for weight in earlier]
    published = Published(saved)
    few, some, all_ = (needed_sums(names) for names in (("rwc_l1",), NOT_FROM_INIT, ALL))
    pairs = [tuple(x.numpy() for x in trio) for trio in zip(earlier, later, third, strict=True)]

    def restore() -> None:
        torch._foreach_copy_(earlier, saved)

    sides: Sides = {
        "bound: np.add, onto the earlier copy": lambda: [np.add(w, v, out=w) for w, v, _ in pairs],
        "np.add, into a third array": lambda: [np.add(w, v, out=o) for w, v, o in pairs],
        "published": lambda: published.record(later),
        "foreach, rwc_l1": lambda: foreach_l1(earlier, later),
        "rwc_l1": lambda: measures_of(sum_weights(earlier, later, None, few, keep=True).numpy(), ["rwc_l1"]),
        "without looking back": lambda: measures_of(
            sum_weights(earlier, later, None, some, keep=True).numpy(), NOT_FROM_INIT
        ),
        "all measures": lambda: measures_of(sum_weights(earlier, later, initial, all_, keep=True).numpy(), ALL),
        "rwc_l1, nothing kept": lambda: sum_weights(earlier, later, None, few),
        "all measures, nothing kept": lambda: sum_weights(earlier, later, initial, all_),
        "chunked kernel, rwc_l1": lambda: by_kernel("chunked", earlier, later, None, ["rwc_l1"]),
        "chunked kernel, all measures": lambda: by_kernel("chunked", earlier, later, initial, ALL),
    }
    wanted = {"rwc_l1": ("within 2.5 of the bound, 2x published", 2.5), "all measures": ("within 5 of the bound", 5.0)}
    table(in_turn(sides, restore, lambda: None), next(iter(sides)), wanted)
    begin = time.perf_counter()
    for w, v in zip(saved, later, strict=True):
        ratio_summaries(w, v)
    print(f"\nmedian and trimmed mean of all weights (on request): {time.perf_counter() - begin:.2f} s")


def on_gpu() -> None:
    """The table of a CUDA device, without targets: the one that is set is a share of a training step."""
    if not torch.cuda.is_available():
        print("no CUDA device here: nothing was measured")
        return
    initial, earlier, later = snapshots("cuda")
    same_numbers(initial, earlier, later)
    saved = [weight.clone() for weight in earlier]
    published = Published(saved)
    few, all_ = needed_sums(["rwc_l1"]), needed_sums(ALL)
    sides: Sides = {
        "bound: add on the device, onto the earlier copy": lambda: torch._foreach_add_(earlier, later),
        "published": lambda: published.record(later),
        "foreach, rwc_l1": lambda: foreach_l1(earlier, later),
        "rwc_l1": lambda: measures_of(sum_weights(earlier, later, None, few, keep=True).numpy(), ["rwc_l1"]),
        "all measures": lambda: measures_of(sum_weights(earlier, later, initial, all_, keep=True).numpy(), ALL),
    }
    seconds = in_turn(sides, lambda: torch._foreach_copy_(earlier, saved), torch.cuda.synchronize)
    print(torch.cuda.get_device_name(), "\n")
    table(seconds, next(iter(sides)), {})


def main() -> None:
    """Measure on the CPU, or with ``gpu`` on CUDA."""
    modes = {"cpu": on_cpu, "gpu": on_gpu}
    mode = sys.argv[1] if len(sys.argv) > 1 else "cpu"
    if mode not in modes:
        sys.exit(f"{mode!r} is no mode; choose one of {', '.join(modes)}")
    torch.set_num_threads(1)
    modes[mode]()


if __name__ == "__main__":
    main()
