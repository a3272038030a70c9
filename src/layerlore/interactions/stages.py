"""The stages of `explain`, each resumable sample by sample.

*scores* of all samples come first, because *splits* need the units of all
samples; *calibration* needs the thresholds of all splits. A stage writes a
sample's arrays and then marks it finished. Every sample is computed
independently of the others, so a resumed run has the same bits.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from layerlore.engines import Counter, Progress, with_less
from layerlore.errors import RunError
from layerlore.interactions.alignment import effects_of, split_layers
from layerlore.interactions.bootstrap import ratio
from layerlore.interactions.calibration import Yardsticks
from layerlore.interactions.realign import calibrate, other_effects
from layerlore.interactions.salience import SALIENCE, largest_effect
from layerlore.interactions.scoring import Scorer, check_scores
from layerlore.interactions.splitting import Splitting
from layerlore.interactions.task import Task
from layerlore.networks import evaluating
from layerlore.storage import Run

STAGES = ("scores", "splits", "calibration")
GAMES_AT_ONCE = 64
"""Games solved together: enough to fill the solver's batches, few enough that little is lost when a run is killed."""
NUMBERS_AT_ONCE = 1 << 22
"""Scores held while splits are made, where one sample's games are fewer."""


def score_stage(run: Run, task: Task, scorer: Scorer, progress: Progress) -> None:
    """Scores of every unfinished sample; the batch is halved for good where memory runs out."""
    waiting = _waiting(run, task, "scores")
    done, total = (task.n_samples - len(waiting)) * task.forward_passes, task.n_samples * task.forward_passes
    progress("scores", done, total)

    def smaller(size: int, reason: str) -> None:
        run.update(batch_size=size)
        run.note(f"out of memory with {2 * size} masked inputs at once; continued with {size} ({reason})")

    with evaluating(scorer.model):
        for sample in waiting:

            def attempt(size: int, sample: int = sample, done: int = done) -> np.ndarray:
                return score_sample(scorer, task, sample, size, Counter(progress, "scores", total, done))

            scores = with_less(
                attempt,
                int(run.manifest["batch_size"]),
                one="masked input",
                advice="use a device with more memory, fewer layers, or pooled read-outs",
                on_less=smaller,
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


def _waiting(run: Run, task: Splitting, stage: str) -> list[int]:
    """Samples for which a stage is not finished."""
    return np.flatnonzero(~run.finished(stage, task.n_samples)).tolist()


def measure_units(run: Run, task: Task) -> None:
    """Put the normalisers of all layers (METHODS A5) into the manifest, unless they are there."""
    if "normalisers" in run.manifest:
        return
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


def split_stage(run: Run, task: Splitting, progress: Progress) -> None:
    """Splits of every unfinished sample."""
    units = np.asarray(run.manifest["normalisers"])
    waiting = _waiting(run, task, "splits")
    games = task.targets.shape[1] * len(task.layers)
    done, total = (task.n_samples - len(waiting)) * games, task.n_samples * games
    at_once = max(1, min(GAMES_AT_ONCE, NUMBERS_AT_ONCE >> task.n_players) // games)
    progress("splits", done, total)
    for start in range(0, len(waiting), at_once):
        chunk = waiting[start : start + at_once]
        scores = np.stack([run.read("scores", sample) for sample in chunk])
        split = split_layers(scores, units, task.guides, task.settings)
        effects = effects_of(split)
        for row, sample in enumerate(chunk):
            run.write("effects", sample, effects[row])
            for name in ("objective", "gap", "aligned_gap", "converged"):
                run.write(name, sample, np.asarray(getattr(split, name))[row])
            run.finish("splits", sample)
            done += games
            progress("splits", done, total)


def measure_thresholds(run: Run, task: Splitting) -> None:
    """Put the salience thresholds of all layers (METHODS A5) into the manifest, and note games over the tolerance."""
    if "thresholds" in run.manifest:
        return
    largest = np.stack([largest_effect(run.read("effects", sample)) for sample in range(task.n_samples)]).max(axis=0)
    missed = ~(run.read("converged") > 0)
    if missed.any() and task.settings.solver == "certified":
        pulled = [guide is not None and task.settings.pull > 0 for guide in task.guides]
        gaps = np.where(pulled, run.read("aligned_gap"), run.read("gap"))
        run.note(
            f"{int(missed.sum())} of {missed.size} games missed the tolerance {task.settings.tolerance:g} (worst "
            f"certified gap {gaps[missed].max():.3g}): their effects may not be the sparsest"
        )
    run.update(thresholds=(SALIENCE * largest).tolist())


def calibration_stage(run: Run, task: Splitting, progress: Progress) -> None:
    """Ceiling and floor of every unfinished sample."""
    units = np.asarray(run.manifest["normalisers"])
    measures = Yardsticks(units, ratio(np.asarray(run.manifest["thresholds"]), units))
    waiting = _waiting(run, task, "calibration")
    progress("calibration", task.n_samples - len(waiting), task.n_samples)
    for number, sample in enumerate(waiting, start=1):
        high, low = calibrate(
            run.read("scores", sample),
            run.read("effects", sample),
            other_effects(lambda index: run.read("effects", index), task.other[sample]),
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
