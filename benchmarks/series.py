"""What reading a series of checkpoints costs: time beside reading the bytes once, and peak memory.

    OMP_NUM_THREADS=1 python benchmarks/series.py speed [--workers 2] [--cold]
    OMP_NUM_THREADS=1 python benchmarks/series.py memory

A series of 20 safetensors files of 100 MB (25 million float32 in 15 tensors, the largest 40 MB) is written into a
temporary folder. Speed: `read_series` with the default measures, and with ``rwc_l1`` alone, beside reading each file
whole into one buffer that is used again, in turn, median of 5; and beside reading pieces of 8 MB, which stay in the
cache of the processor. Warm: all files are in the page cache. Cold: the system is told to forget them before each
reading. Memory: growth of the peak resident size in a fresh process for each format, once all imports are done (a
series of two tiny files is read first, which loads the compiled kernels: about 130 MB), less three times the largest
tensor for each worker.
"""

from __future__ import annotations

import argparse
import importlib
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save_file

from layerlore.dynamics.series import read_series

N_FILES = 20
SHAPES = [(2500, 4000), *[(1000, 1000)] * 13, (1000, 2000)]
"""25 million elements."""
REPETITIONS = 5
FORMATS = ("safetensors", "pt", "dcp")


def write_series(folder: Path, fmt: str, n_files: int = N_FILES) -> list[Path]:
    """A random walk of weights, a file for each step."""
    torch.manual_seed(0)
    weights = {f"layers.{place}.weight": torch.randn(shape) * 0.02 for place, shape in enumerate(SHAPES)}
    paths = []
    for step in range(n_files):
        for weight in weights.values():
            weight.add_(torch.randn_like(weight), alpha=1e-4)
        path = folder / (f"step_{step}.{fmt}" if fmt != "dcp" else f"step_{step}")
        if fmt == "safetensors":
            save_file(weights, path)
        elif fmt == "pt":
            torch.save(weights, path)
        else:
            dcp = importlib.import_module("torch.distributed.checkpoint")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                dcp.save({"model": weights}, checkpoint_id=path, no_dist=True)
        paths.append(path)
    return paths


def read_bytes(paths: list[Path], size: int) -> None:
    """All bytes of all files once, into one buffer."""
    buffer = memoryview(bytearray(size))
    for path in paths:
        with path.open("rb", buffering=0) as file:
            while file.readinto(buffer):
                pass


def forget(paths: list[Path]) -> None:
    """Have the system drop the files from its page cache."""
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def speed(workers: int, cold: bool) -> None:
    """Print times and ratios."""
    with tempfile.TemporaryDirectory() as name:
        paths = write_series(Path(name), "safetensors")
        size = sum(path.stat().st_size for path in paths)
        runs: dict[str, Callable[[], object]] = {
            "whole files": lambda: read_bytes(paths, size // len(paths)),
            "pieces of 8 MB": lambda: read_bytes(paths, 8 * 2**20),
            "all": lambda: read_series(paths, workers=workers),
            "rwc_l1": lambda: read_series(paths, workers=workers, measures="rwc_l1"),
        }
        seconds: dict[str, list[float]] = {what: [] for what in runs}
        for number in range(REPETITIONS + 1):
            for what, run in runs.items():
                if cold:
                    forget(paths)
                start = time.perf_counter()
                run()
                if number:
                    seconds[what].append(time.perf_counter() - start)
    middle = {what: statistics.median(each) for what, each in seconds.items()}
    state = "cold" if cold else "warm"
    print(f"{len(paths)} files, {size / 1e6:,.0f} MB, {state}")
    print("| what | workers | seconds | whole files once | ratio | wanted | met | pieces once | ratio |")
    print("|---|---|---|---|---|---|---|---|---|")
    whole, pieces = middle["whole files"], middle["pieces of 8 MB"]
    for what in ("rwc_l1", "all"):
        ours = middle[what]
        met = "yes" if ours <= 3 * whole else "NO"
        print(
            f"| read_series, {what} | {workers} | {ours:.2f} | {whole:.2f} | {ours / whole:.2f} | at most 3 | {met} | "
            f"{pieces:.2f} | {ours / pieces:.2f} |"
        )


def memory() -> None:
    """Print the growth of the peak in fresh processes."""
    largest = max(4 * rows * columns for rows, columns in SHAPES)
    print("| format | workers | growth of the peak, MB | 3 tensors per worker, MB | above them, MB | wanted | met |")
    print("|---|---|---|---|---|---|---|")
    for fmt in FORMATS:
        with tempfile.TemporaryDirectory() as name:
            write_series(Path(name), fmt, 6)
            for workers in (1, 2):
                command = [sys.executable, __file__, "child", "--folder", name, "--workers", str(workers)]
                answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
                growth, allowed = int(answer) / 1e6, 3 * workers * largest / 1e6
                met = "yes" if growth - allowed <= 100 else "NO"
                cells = [fmt, str(workers), *(f"{number:.0f}" for number in (growth, allowed, growth - allowed))]
                print(f"| {' | '.join(cells)} | at most 100 | {met} |")


def child(folder: Path, workers: int) -> None:
    """In a process of its own: read a series, print the growth of the peak since the imports."""
    with tempfile.TemporaryDirectory() as name:
        tiny = [Path(name) / f"step_{step}.safetensors" for step in range(2)]
        for path in tiny:
            save_file({"weight": torch.rand(4, 4)}, path)
        read_series(tiny)
    # The peak is counted from here: compiling took more for a moment.
    Path("/proc/self/clear_refs").write_text("5")
    before = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    read_series(sorted(folder.iterdir()), workers=workers)
    status = Path("/proc/self/status").read_text()
    print(int(status.split("VmHWM:")[1].split()[0]) * 1024 - before)


def main() -> None:
    """Run one section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("section", choices=("speed", "memory", "child"))
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--cold", action="store_true")
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.section == "child":
        child(arguments.folder, arguments.workers)
    elif arguments.section == "memory":
        memory()
    else:
        speed(arguments.workers, arguments.cold)


if __name__ == "__main__":
    main()
