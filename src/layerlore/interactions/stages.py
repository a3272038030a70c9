"""The stages of `explain`, each resumable sample by sample.

*scores* of all samples come first, because *splits* need the units of all
samples; *calibration* needs the thresholds of all splits. A stage writes a
sample's arrays and then marks it finished. Every sample is computed
independently of the others, so a resumed run has the same bits.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from jaxtyping import Float64
from torch import nn

from layerlore.engines import Progress, is_out_of_memory
from layerlore.errors import BudgetError, ConvergenceWarning, RunError
from layerlore.interactions.alignment import effects_of, split_layers
from layerlore.interactions.bootstrap import ratio
from layerlore.interactions.calibration import Yardsticks
from layerlore.interactions.realign import calibrate, other_effects
from layerlore.interactions.salience import SALIENCE, largest_effect
from layerlore.interactions.scores import Score
from layerlore.interactions.scoring import Scorer, check_scores
from layerlore.interactions.task import Task
from layerlore.networks import evaluating
from layerlore.probes import Probes
from layerlore.storage import Run

STAGES = ("scores", "splits", "calibration")
GAMES_AT_ONCE = 64
"""Games solved together: enough to fill the solver's batches, few enough that little is lost when a run is killed."""
NUMBERS_AT_ONCE = 1 << 22
"""Scores held while splits are made, where one sample's games are fewer."""


def score_stage(run: Run, task: Task, model: nn.Module, probes: Probes, score: Score, progress: Progress) -> None:
    """Scores of every unfinished sample; the batch is halved for good where memory runs out."""
    waiting = np.flatnonzero(~run.finished("scores", task.n_samples))
    if not len(waiting):
        return
    scorer = Scorer.of(model, probes, score)
    total, done = task.n_samples * task.forward_passes, (task.n_samples - len(waiting)) * task.forward_passes
    progress("scores", done, total)
    with evaluating(model):
        for sample in map(int, waiting):
            scores = _with_less(
                run,
                lambda size, note, sample=sample: score_sample(scorer, task, sample, size, note),
                done,
                total,
                progress,
            )
            run.write("scores", sample, scores)
            run.finish("scores", sample)
            done += task.forward_passes


def score_sample(
    scorer: Scorer, task: Task, sample: int, batch_size: int, on_batch: Callable[[int], None]
) -> np.ndarray:
    """Scores of one sample, checked."""
    own, baseline = task.pair(scorer.model, sample)
    plan, targets = task.plans[sample], task.targets[sample]
    scores = scorer.score_sample(own, baseline, plan, task.levels, targets, batch_size, on_batch)
    check_scores(scores, task.layers, sample)
    return scores


def _with_less(
    run: Run, attempt: Callable[[int, Callable[[int], None]], np.ndarray], done: int, total: int, progress: Progress
) -> np.ndarray:
    """Try with the run's batch size, and with half of it as long as memory runs out."""
    while True:
        passed = 0

        def note(count: int) -> None:
            nonlocal passed
            passed += count
            progress("scores", done + passed, total)

        size = int(run.manifest["batch_size"])
        try:
            return attempt(size, note)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error) or isinstance(error, BudgetError):
                raise
            if size == 1:
                raise BudgetError(
                    f"a single masked input does not fit in memory ({error}): use a device with more memory, "
                    "fewer layers, or pooled read-outs"
                ) from error
            reason = first_line(error)
        # Outside the except block, so that the failed pass is not kept alive by its traceback.
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        run.update(batch_size=size // 2)
        run.note(f"out of memory with {size} masked inputs at once; continued with {size // 2} ({reason})")


def measure_units(run: Run, task: Task) -> Float64[np.ndarray, "n_targets n_layers"]:
    """Normalisers of all layers (METHODS A5), kept in the manifest."""
    units = np.zeros((task.targets.shape[1], len(task.layers)))
    for sample in range(task.n_samples):
        scores = run.read("scores", sample)
        units += np.abs(scores[..., -1] - scores[..., 0]) / task.n_samples
    # Notes come before what marks them as taken: a run killed in between takes them again.
    for target, layer in np.argwhere(units == 0):
        run.note(
            f"layer {task.layers[layer]!r} gives every sample the same score with all players as with none (target "
            f"{target}): it has no unit, and its ledger is undefined"
        )
    run.update(normalisers=units.tolist())
    return units


def split_stage(run: Run, task: Task, progress: Progress) -> None:
    """Splits of every unfinished sample."""
    units = np.asarray(run.manifest["normalisers"])
    waiting = np.flatnonzero(~run.finished("splits", task.n_samples))
    games = task.targets.shape[1] * len(task.layers)
    done, total = (task.n_samples - len(waiting)) * games, task.n_samples * games
    at_once = max(1, min(GAMES_AT_ONCE, NUMBERS_AT_ONCE >> task.n_players) // games)
    progress("splits", done, total)
    for start in range(0, len(waiting), at_once):
        chunk = waiting[start : start + at_once]
        scores = np.stack([run.read("scores", int(sample)) for sample in chunk])
        with quiet():
            split = split_layers(scores, units, task.guides, task.settings)
        effects = effects_of(split)
        for row, sample in enumerate(map(int, chunk)):
            run.write("effects", sample, effects[row])
            for name in ("objective", "gap", "aligned_gap", "converged"):
                run.write(name, sample, np.asarray(getattr(split, name))[row])
            run.finish("splits", sample)
            done += games
            progress("splits", done, total)


def measure_thresholds(run: Run, task: Task) -> Float64[np.ndarray, "n_targets n_layers"]:
    """Salience thresholds of all layers (METHODS A5), kept in the manifest; games over the tolerance are noted."""
    largest = np.stack([largest_effect(run.read("effects", sample)) for sample in range(task.n_samples)]).max(axis=0)
    thresholds = SALIENCE * largest
    missed = ~(run.read("converged") > 0)
    if missed.any() and task.settings.solver == "certified":
        pulled = [guide is not None and task.settings.pull > 0 for guide in task.guides]
        gaps = np.where(pulled, run.read("aligned_gap"), run.read("gap"))
        run.note(
            f"{int(missed.sum())} of {missed.size} games missed the tolerance {task.settings.tolerance:g} (worst "
            f"certified gap {gaps[missed].max():.3g}): their effects may not be the sparsest"
        )
    run.update(thresholds=thresholds.tolist())
    return thresholds


def calibration_stage(run: Run, task: Task, progress: Progress) -> None:
    """Ceiling and floor of every unfinished sample."""
    units = np.asarray(run.manifest["normalisers"])
    measures = Yardsticks(units, ratio(np.asarray(run.manifest["thresholds"]), units))
    waiting = np.flatnonzero(~run.finished("calibration", task.n_samples))
    progress("calibration", task.n_samples - len(waiting), task.n_samples)
    for number, sample in enumerate(map(int, waiting), start=1):
        there = other_effects(lambda index: run.read("effects", index), task.other[sample])
        with quiet():
            high, low = calibrate(
                run.read("scores", sample),
                run.read("effects", sample),
                there,
                sample,
                task.guides,
                measures,
                task.settings,
                task.noise,
                task.seed,
            )
        run.write("ceiling", sample, high)
        run.write("floor", sample, low)
        run.finish("calibration", sample)
        progress("calibration", task.n_samples - len(waiting) + number, task.n_samples)
    if (task.other < 0).any():
        run.note(
            "all samples have the same target class: the ledger has no floor, for there is no sample of another class"
        )


def check_finished(run: Run) -> None:
    """Raise unless every stage of every sample is finished.

    Raises:
        RunError: says which stage is open and how far it got.
    """
    coords = run.manifest.get("coords")
    if coords is None:
        raise RunError(f"{run.path} was started and holds nothing yet: call explain with the same arguments again")
    n_samples = len(coords["predicted"])
    for stage in STAGES:
        done = int(run.finished(stage, n_samples).sum())
        if done < n_samples:
            raise RunError(
                f"{run.path} is not finished: {done} of {n_samples} samples have their {stage}. Call explain with "
                "the same arguments again, it goes on from there"
            )


def first_line(error: BaseException) -> str:
    """What an error says, in one line."""
    return next(iter(str(error).splitlines()), type(error).__name__)


@contextmanager
def quiet() -> Iterator[None]:
    """Games that miss the tolerance are counted and noted once, instead of warned about batch by batch."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield
