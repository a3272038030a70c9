"""The stages of `explain`, each resumable sample by sample.

*scores* of all samples come first, because *splits* need the units of all
samples; *calibration* needs the thresholds of all splits. A stage writes a
sample's arrays and then marks it finished. Every sample is computed
independently of the others, so a resumed run has the same bits.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor, nn

from layerlore.engines import Progress, default_budget, is_out_of_memory
from layerlore.errors import BudgetError, ConvergenceWarning, InputError, RunError
from layerlore.interactions.alignment import Guides, SplitSettings, effects_of, split_layers
from layerlore.interactions.bootstrap import ratio
from layerlore.interactions.calibration import Yardsticks, in_units
from layerlore.interactions.moebius import orders
from layerlore.interactions.realign import calibrate, other_effects
from layerlore.interactions.salience import SALIENCE, largest_effect, sum_by_order
from layerlore.interactions.scores import Score
from layerlore.interactions.scoring import Scorer, check_scores
from layerlore.networks import device_of, evaluating, to_model
from layerlore.players import Plan
from layerlore.probes import Probes
from layerlore.storage import Run

STAGES = ("scores", "splits", "calibration")
GAMES_AT_ONCE = 64
"""Games solved together: enough to fill the solver's batches, few enough that little is lost when a run is killed."""
NUMBERS_AT_ONCE = 1 << 22
"""Scores held while splits are made, where one sample's games are fewer."""


@dataclass(frozen=True)
class Task:
    """All that decides the numbers of an explanation.

    Attributes:
        inputs: samples on the CPU ``[n_samples, *sample]``.
        baselines: likewise.
        plans: players of each sample.
        levels: background levels.
        targets: classes ``[n_samples, n_targets]``.
        other: for each sample and target a sample of another class, or -1.
        layers: names by depth, ``output`` last.
        guides: who is pulled toward whom.
        settings: of the splits.
        noise: share of ``|v(N) - v(empty)|`` for the ceiling.
        seed: of that noise.
    """

    inputs: Float[Tensor, "n_samples *sample"]
    baselines: Float[Tensor, "n_samples *sample"]
    plans: tuple[Plan, ...]
    levels: tuple[float, ...]
    targets: Int64[Tensor, "n_samples n_targets"]
    other: Int64[np.ndarray, "n_samples n_targets"]
    layers: tuple[str, ...]
    guides: Guides
    settings: SplitSettings
    noise: float
    seed: int

    @property
    def n_samples(self) -> int:
        """Samples to explain."""
        return len(self.inputs)

    @property
    def n_players(self) -> int:
        """Players of every sample."""
        return self.plans[0].n_players

    @property
    def forward_passes(self) -> int:
        """Masked inputs that the network sees for one sample."""
        return len(self.levels) << self.n_players

    def pair(self, model: nn.Module, sample: int) -> tuple[Tensor, Tensor]:
        """A sample and its baseline, on the network's device and in its dtype."""
        both = to_model(model, torch.stack([self.inputs[sample], self.baselines[sample]]))
        assert isinstance(both, Tensor)  # noqa: S101
        return both[0], both[1]


def create_arrays(run: Run, task: Task) -> None:
    """Create all arrays of a run, and store the samples and who owns what in them."""
    games = (task.n_samples, task.targets.shape[1], len(task.layers))
    dims = ("sample", "target", "layer")
    run.create("scores", (*games, 1 << task.n_players), (*dims, "coalition"))
    run.create("effects", (*games, 2, 1 << task.n_players), (*dims, "op", "coalition"))
    for name in ("objective", "gap", "aligned_gap"):
        run.create(name, games, dims)
    run.create("converged", games, dims, "uint8")
    for name in ("ceiling", "floor"):
        run.create(name, (*games, 5, 2, task.n_players), (*dims, "sum", "op", "order_from_1"))
    run.create("inputs", task.inputs.shape, ("sample", *_axes("input", task.inputs.dim() - 1)), "float32")
    owners = [plan.owner for plan in task.plans if plan.owner is not None]
    drawn = len(owners) == task.n_samples and len({owner.shape for owner in owners}) == 1
    if drawn:
        run.create("owner", (task.n_samples, *owners[0].shape), ("sample", *_axes("owner", owners[0].dim())), "int16")
    for sample in map(int, np.flatnonzero(~run.finished("inputs", task.n_samples))):
        run.write("inputs", sample, task.inputs[sample].numpy())
        if drawn:
            run.write("owner", sample, owners[sample].cpu().numpy())
        run.finish("inputs", sample)


def _axes(name: str, count: int) -> tuple[str, ...]:
    return tuple(f"{name}_{number}" for number in range(count))


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
                run, lambda size, note, sample=sample: _score(scorer, task, sample, size, note), done, total, progress
            )
            run.write("scores", sample, scores)
            run.finish("scores", sample)
            done += task.forward_passes


def _score(scorer: Scorer, task: Task, sample: int, batch_size: int, on_batch: Callable[[int], None]) -> np.ndarray:
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
            reason = _first_line(error)
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
        with _quiet():
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
        with _quiet():
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


def noise_stage(
    run: Run, task: Task, model: nn.Module, probes: Probes, score: Score, n_samples: int, progress: Progress
) -> None:
    """Noise floor per layer, op and order: effects of float32 against float64 scores (METHODS A5)."""
    if n_samples == 0 or "noise_floor" in run.manifest:
        return
    if (
        next((weight.dtype for weight in model.parameters() if weight.is_floating_point()), torch.float64)
        == torch.float64
    ):
        run.note("the network computes in float64: its noise floor was not measured")
        return
    size = sum(tensor.numel() * 8 for tensor in (*model.parameters(), *model.buffers()))
    if size > default_budget(device_of(model)):
        run.note("the noise floor was not measured: a float64 copy of the network does not fit in memory")
        return
    try:
        exact = copy.deepcopy(model).double()
    except (TypeError, RuntimeError, NotImplementedError) as error:
        run.note(f"the noise floor was not measured: the network cannot be copied ({error})")
        return
    units = np.asarray(run.manifest["normalisers"])
    squares = np.zeros((len(task.layers), 2, task.n_players))
    scorer = Scorer.of(exact, probes, score)
    size = max(1, int(run.manifest["batch_size"]) // 2)
    for sample in range(n_samples):
        progress("noise floor", sample, n_samples)
        try:
            with evaluating(exact):
                scores = _score(scorer, task, sample, size, lambda _count: None)
        except (MemoryError, RuntimeError, InputError) as error:
            # Nothing is wrong with the run: its float64 copy may be too large, or hold float32 in its code.
            run.note(f"the noise floor was not measured: the network does not run in float64 ({_first_line(error)})")
            return
        with _quiet():
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


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


@contextmanager
def _quiet() -> Iterator[None]:
    """Games that miss the tolerance are counted and noted once, instead of warned about batch by batch."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield
