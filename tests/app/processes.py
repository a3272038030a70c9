"""A server and a training as processes of their own, as people run them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

SERVE = "from layerlore.cli import main; main()"
TRAINING = Path(__file__).with_name("live_training.py")
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
"""One arena: what the allocator sets aside for each thread would hide what the program holds."""


@contextmanager
def server(folder: Path, *options: str) -> Iterator[tuple[str, int]]:
    """`layerlore serve` on a free port: its address without the last slash, and its process id."""
    words = [sys.executable, "-c", SERVE, "serve", str(folder), "--port", "0", *options]
    with started(words) as process:
        yield process.stdout.readline().rsplit(" at ", 1)[1].strip().rstrip("/"), process.pid


class Training:
    """A training that is being recorded.

    Attributes:
        recorded: when each step was, in seconds since 1970.
    """

    def __init__(self, process: subprocess.Popen) -> None:
        self.recorded: dict[int, float] = {}
        self._process = process
        Thread(target=self._listen, daemon=True).start()

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def _listen(self) -> None:
        for line in self._process.stdout:
            # The last line of a process that was stopped may be a part of one.
            if line.endswith("\n"):
                step, when = line.split()
                self.recorded[int(step)] = float(when)


@contextmanager
def training(run: Path, *, pause: float, n_steps: int = 100_000, kind: str = "plain") -> Iterator[Training]:
    """A training on digits with so many seconds between its steps."""
    with started([sys.executable, str(TRAINING), str(run), str(pause), str(n_steps), kind]) as process:
        yield Training(process)


@contextmanager
def started(words: list[str]) -> Iterator[subprocess.Popen]:
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
