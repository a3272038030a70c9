"""Explanations that are killed on the way, each in a process of its own: ``python -m reference.killed FOLDER``.

The process starts one child for each place, and each child kills itself there with SIGKILL, which nothing can catch.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import torch

from layerlore import Columns, explain
from layerlore.interactions.knowledge import Knowledge
from layerlore.storage import Run
from reference.tiny_networks import QUICK, table

PLAYERS = Columns([0, 1, [2, 3]])
OPTIONS = {**QUICK, "pull": 0.1, "noise_samples": 1, "batch_size": 3}
STAGES = ("inputs", "scores", "splits", "calibration")
PLACES = (
    *(f"{stage} {when}" for stage in STAGES for when in ("before", "after")),
    "effects written",
    *(f"{entry} known" for entry in ("coords", "normalisers", "thresholds", "noise_floor")),
)
"""Before and after the second sample of a stage is marked finished, in the middle of writing it, and right after an
entry is in the manifest."""


def run_explanation(run: Path | None) -> Knowledge:
    """The explanation that is killed, and resumed."""
    case = table()
    result = explain(case.model, case.probes, case.inputs, case.labels, players=PLAYERS, run=run, **OPTIONS)
    assert isinstance(result, Knowledge)
    return result


def die_at(place: str) -> None:
    """Have this process kill itself at a place."""
    what, when = place.split()
    finish, update, write = Run.finish, Run.update, Run.write

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def finish_or_die(run: Run, stage: str, index: int) -> None:
        if (stage, index, when) == (what, 1, "before"):
            die()
        finish(run, stage, index)
        if (stage, index, when) == (what, 1, "after"):
            die()

    def update_or_die(run: Run, **fields: object) -> None:
        update(run, **fields)
        if when == "known" and what in fields:
            die()

    def write_or_die(run: Run, name: str, index: int, values: object) -> None:
        write(run, name, index, values)  # type: ignore[arg-type]
        if (name, index, when) == (what, 1, "written"):
            die()

    Run.finish, Run.update, Run.write = finish_or_die, update_or_die, write_or_die


def main(folder: Path) -> None:
    """Leave one killed run for each place in ``folder``."""
    torch.set_num_threads(1)
    table()
    for place in PLACES:
        child = os.fork()
        if child == 0:
            die_at(place)
            run_explanation(folder / place)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL):
            raise SystemExit(f"the process was not killed at {place!r}: status {status}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
