"""`check_series` and `check_history`: look, then judge."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from layerlore.dynamics.health import rules
from layerlore.dynamics.health.courses import Course, follow
from layerlore.dynamics.health.findings import CHECKS, Finding, Health, make_health
from layerlore.dynamics.series.plan import Patterns, chosen_names, has_numbers, kinds_of
from layerlore.dynamics.series.read import check_workers, each_done
from layerlore.engines import Counter, Progress, progress_bars
from layerlore.errors import InputError
from layerlore.networks.checkpoints import Checkpoint, Steps, TensorInfo, open_checkpoint, sort_checkpoints
from layerlore.networks.kinds_by_name import is_buffer


def check_series(
    paths: Iterable[Path | str] | Path | str,
    *,
    steps: Steps | None = None,
    workers: int = 1,
    progress: Progress | bool | None = None,
    include: Patterns = None,
    exclude: Patterns = None,
    key: str | None = None,
) -> Health:
    """What is wrong with a series of checkpoints, each finding with its tensor, step and evidence.

    All tensors of floating-point numbers are read once, buffers and biases too; at most three for each worker are in
    memory. What is looked for is in `layerlore.dynamics.health.CHECKS`, the rules in `layerlore.dynamics.health.rules`.

    Args:
        paths: checkpoints, as in `read_series`.
        steps: their steps, likewise.
        workers: threads that each read whole tensors.
        progress: None shows bars in a notebook and where stderr is a terminal; a function is told instead.
        include: names, ``*`` for anything; only these are looked at.
        exclude: names that are not looked at, likewise.
        key: under which files hold the state dict, where it is not clear.

    Returns:
        Findings, the gravest first. A file that cannot be opened, and tensors that do not fit each other, are findings.

    Raises:
        InputError: fewer than two paths, or steps that cannot be ordered.
    """
    check_workers(workers)
    ordered = sort_checkpoints([paths] if isinstance(paths, str | Path) else paths, steps)
    if len(ordered) < 2:
        raise InputError(f"{ordered[0][1]} is the only checkpoint: a series needs two or more")
    numbers = [step for step, _ in ordered]
    opened: list[Checkpoint | None] = []
    findings: list[Finding] = []
    for step, path in ordered:
        try:
            opened.append(open_checkpoint(path, key))
        except InputError as error:
            opened.append(None)
            findings.append(Finding("unreadable", "error", None, step, str(error), {"file": path.name}))
    kinds = _kinds(opened, include, exclude)

    def course_of(name: str) -> Course:
        return follow(name, kinds[name], opened)

    courses = []
    with progress_bars(progress) as report:
        count = Counter(report, "tensors checked", len(kinds) * len(opened))
        for found in each_done(course_of, list(kinds), workers):
            courses.append(found)
            count(len(opened))
    order = {name: place for place, name in enumerate(kinds)}
    courses.sort(key=lambda one: order[one.name])
    readable = [checkpoint is not None for checkpoint in opened]
    findings += rules.missing(courses, numbers, readable) + rules.gaps(numbers)
    for check in rules.TENSOR_CHECKS:
        findings += check(courses, numbers)
    return make_health(findings, {"steps": numbers, "n_tensors": len(courses), "checks": list(CHECKS)})


def _kinds(opened: list[Checkpoint | None], include: Patterns, exclude: Patterns) -> dict[str, str]:
    """Kinds of all tensors of numbers in any checkpoint; ``buffer`` for those that nothing trains."""
    every: dict[str, TensorInfo] = {}
    in_order = True
    for checkpoint in opened:
        if checkpoint is not None:
            in_order = in_order and checkpoint.in_order
            every |= {name: info for name, info in checkpoint.tensors.items() if name not in every}
    if not every:
        return {}
    named = chosen_names(every, include, exclude)
    kinds = kinds_of(named, in_order=in_order)
    buffers = {name: "buffer" for name, info in named.items() if has_numbers(info) and is_buffer(name, info.shape)}
    return kinds | buffers
