"""`read_series`: saved checkpoints in, a `History` out."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import numpy as np

from layerlore.dynamics.history import History, new_manifest
from layerlore.dynamics.measures import COUNTS, MEASURES, ROBUST, check_measures, measures_of
from layerlore.dynamics.record import Record, WeightInfo
from layerlore.dynamics.series.plan import Patterns, Plan, Series, open_series, plan_series, relative_names
from layerlore.dynamics.series.progress import Found, SeriesRun, line_of
from layerlore.dynamics.series.reading import read_weight
from layerlore.dynamics.series.tied import merge_tied
from layerlore.engines import Counter, Progress, progress_bars
from layerlore.errors import InputError, QualityWarning
from layerlore.networks.checkpoints import Steps, unit_of
from layerlore.storage import digest_json


def read_series(
    paths: Iterable[Path | str] | Path | str,
    *,
    steps: Steps | None = None,
    measures: Sequence[str] | str | None = None,
    biases: bool = False,
    norms: bool = False,
    workers: int = 1,
    run: Path | str | None = None,
    progress: Progress | bool | None = None,
    include: Patterns = None,
    exclude: Patterns = None,
    key: str | None = None,
    name: str | None = None,
) -> History:
    """How much every weight changed between the checkpoints of one training run.

    The numbers are those of a `WeightTracker` that records at the same steps. Weights are read one after the other,
    each tensor of each file once, and at most three tensors for each worker are in memory.

    Args:
        paths: checkpoints in any order, or folders that hold them: safetensors (also sharded), files of ``torch.save``
            (read with ``weights_only=True``), Lightning checkpoints, model folders of Hugging Face, folders of
            `torch.distributed.checkpoint`. The first by step is taken as the initial weights.
        steps: their steps; None finds them in the names (see `sort_checkpoints`).
        measures: names in `MEASURES` or `ROBUST`; None takes all that follow from sums.
        biases: measure biases too.
        norms: measure scales of normalisation layers, and other tensors with fewer than two dimensions, too.
        workers: threads that each read whole weights.
        run: folder to write the history into; a reading that was stopped goes on there, and a finished one is read.
        progress: None shows bars in a notebook and where stderr is a terminal; a function is told instead.
        include: names, ``*`` for anything; only these, biases and norms among them.
        exclude: names that are left out, likewise.
        key: under which files hold the state dict, where it is not clear.
        name: what reports call the network.

    Returns:
        A history with one record for each checkpoint but the first. The kinds of layers are told from names and
        shapes. Weights saved under two names count once.

    Raises:
        InputError: fewer than two checkpoints, a step that is missing or there twice, a file that is damaged or needs
            code to be run, or weights that are not the same in all checkpoints: which, is said.
        RunError: the run folder holds something else, or cannot be written.
    """
    chosen = check_measures(measures)
    check_workers(workers)
    series = open_series([paths] if isinstance(paths, str | Path) else paths, steps, key)
    options = {"biases": biases, "norms": norms, "include": include, "exclude": exclude}
    return history_of(series, chosen, options, workers=workers, run=run, progress=progress, name=name)


def history_of(
    series: Series,
    measures: tuple[str, ...],
    options: dict[str, Any],
    *,
    workers: int = 1,
    run: Path | str | None = None,
    progress: Progress | bool | None = None,
    name: str | None = None,
) -> History:
    """`read_series` of checkpoints that are opened already; ``options`` are those of `plan_series`."""
    plan = plan_series(series, **options)
    identity = {
        "source": "series",
        "steps": series.steps,
        "checkpoints": relative_names(series),
        "files": digest_json([checkpoint.stamp() for checkpoint in series.checkpoints]),
        "measures": list(measures),
        **{option: list(value) if isinstance(value, tuple) else value for option, value in options.items()},
    }
    settings = {"name": name, "unit": unit_of(checkpoint.path for checkpoint in series.checkpoints)}
    folder = None if run is None else SeriesRun(run, identity)
    if folder is not None and folder.is_finished:
        return History.load(folder.path)
    found = _read_all(plan, measures, folder, workers, progress)
    weights = merge_tied(series, plan.weights, {layer: sums for layer, (sums, _) in found.items()})
    records = _records(series, weights, found, measures)
    notes = [*plan.notes, *_quality(weights, records)]
    fields = {"settings": settings, "notes": notes, "weights": [weight.to_json() for weight in weights], "events": []}
    if folder is None:
        return History.from_records(weights, records, new_manifest(identity, finished=True) | fields)
    folder.finish(records, **fields)
    return History.load(folder.path)


def _read_all(
    plan: Plan, measures: tuple[str, ...], folder: SeriesRun | None, workers: int, progress: Progress | bool | None
) -> Found:
    n_steps = len(plan.series.steps)
    found = {} if folder is None else folder.finished_weights(n_steps - 1)
    left = [weight.layer for weight in plan.weights if weight.layer not in found]
    lines = None if folder is None else folder.lines()
    with progress_bars(progress) as report:
        count = Counter(report, "tensors read", n_steps * len(plan.weights))
        count(n_steps * (len(plan.weights) - len(left)))

        def read(layer: str) -> tuple[str, np.ndarray, np.ndarray]:
            return (layer, *read_weight(plan.series, layer, measures))

        try:
            for layer, sums, robust in each_done(read, left, workers):
                found[layer] = (sums, robust)
                if lines is not None:
                    lines.append(line_of(layer, sums, robust))
                count(n_steps)
        finally:
            if lines is not None:
                lines.close()
    return found


def check_workers(workers: object) -> None:
    """Raise `InputError` unless it is a number of threads."""
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        raise InputError(f"workers={workers!r} must be a whole number from 1")


def each_done(read: Callable[[str], Any], names: Sequence[str], workers: int) -> Iterable[Any]:
    """What ``read`` gives for each name, as it is done; after an error nothing new is begun."""
    if workers == 1:
        yield from map(read, names)
        return
    with ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(read, name) for name in names]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _records(series: Series, weights: Sequence[WeightInfo], found: Found, measures: tuple[str, ...]) -> list[Record]:
    robust = [measure for measure in measures if measure in ROBUST]
    from_sums = [measure for measure in measures if measure in MEASURES]
    columns = (*measures, *COUNTS)
    sums = np.stack([found[weight.layer][0] for weight in weights])
    records = []
    for pair, step in enumerate(series.steps[1:]):
        values = measures_of(sums[:, pair], from_sums)
        for place, measure in enumerate(robust):
            values[measure] = np.array([found[weight.layer][1][pair, place] for weight in weights])
        table = np.stack([values[column] for column in columns], axis=1)
        rows = {weight.layer: row for weight, row in zip(weights, table.tolist(), strict=True)}
        records.append(Record(step, columns, rows))
    return records


def _quality(weights: Sequence[WeightInfo], records: Sequence[Record]) -> list[str]:
    broken = [
        weight.layer for weight in weights if any(record.value(weight.layer, "nonfinite") > 0 for record in records)
    ]
    if not broken:
        return []
    note = (
        f"{len(broken)} weights hold NaN or infinite elements at some step, such as {broken[0]!r}: their measures are "
        "NaN there"
    )
    warnings.warn(note, QualityWarning, stacklevel=4)
    return [note]
