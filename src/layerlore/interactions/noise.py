"""Stage of `explain`: the noise floor, from scores in float64."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import torch

from layerlore.engines import Progress, default_budget
from layerlore.errors import InputError, first_line
from layerlore.interactions.alignment import effects_of, split_layers
from layerlore.interactions.calibration import in_units
from layerlore.interactions.moebius import orders
from layerlore.interactions.salience import sum_by_order
from layerlore.interactions.scoring import Scorer
from layerlore.interactions.stages import score_sample
from layerlore.interactions.task import Task
from layerlore.networks import device_of, dtype_of, evaluating
from layerlore.storage import Run


def noise_stage(run: Run, task: Task, scorer: Scorer, n_samples: int, progress: Progress) -> None:
    """Noise floor per layer, op and order: effects of float32 against float64 scores (METHODS A5)."""
    if n_samples == 0 or "noise_floor" in run.manifest:
        return
    model = scorer.model
    if dtype_of(model) == torch.float64:
        run.note("the network computes in float64: its noise floor was not measured")
        return
    size = sum(tensor.numel() * 8 for tensor in (*model.parameters(), *model.buffers()))
    if size > default_budget(device_of(model)):
        run.note("the noise floor was not measured: a float64 copy of the network does not fit in memory")
        return
    try:
        exact = replace(scorer, model=copy.deepcopy(model).double())
    except (TypeError, RuntimeError, NotImplementedError) as error:
        run.note(f"the noise floor was not measured: the network cannot be copied ({error})")
        return
    units = np.asarray(run.manifest["normalisers"])
    squares = np.zeros((len(task.layers), 2, task.n_players))
    size = max(1, int(run.manifest["batch_size"]) // 2)
    for sample in range(n_samples):
        progress("noise floor", sample, n_samples)
        try:
            with evaluating(exact.model):
                scores = score_sample(exact, task, sample, size, lambda _count: None)
        except (MemoryError, RuntimeError, InputError) as error:
            # Nothing is wrong with the run: its float64 copy may be too large, or hold float32 in its code.
            run.note(f"the noise floor was not measured: the network does not run in float64 ({first_line(error)})")
            return
        effects = effects_of(split_layers(scores[None], units, task.guides, task.settings))[0]
        difference = in_units(effects - run.read("effects", sample), units)
        squares += sum_by_order(difference**2).mean(axis=0) / n_samples
    progress("noise floor", n_samples, n_samples)
    counts = np.bincount(orders(task.n_players))[1:]
    floor = np.sqrt(squares / counts)
    _note_orders_in_noise(run, task, floor, units, counts)
    run.update(noise_floor=[[[_finite(x) for x in op] for op in layer] for layer in floor.tolist()])


def _note_orders_in_noise(run: Run, task: Task, floor: np.ndarray, units: np.ndarray, counts: np.ndarray) -> None:
    squares = np.zeros_like(floor)
    for sample in range(task.n_samples):
        squares += sum_by_order(in_units(run.read("effects", sample), units) ** 2).mean(axis=0) / task.n_samples
    under = (np.sqrt(squares / counts) <= floor) & (squares > 0)
    for layer, op in np.argwhere(under.any(axis=-1)):
        found = ", ".join(str(order + 1) for order in np.flatnonzero(under[layer, op]))
        run.note(
            f"layer {task.layers[layer]!r}: {('AND', 'OR')[op]} effects of order {found} are not above the noise floor"
        )


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
