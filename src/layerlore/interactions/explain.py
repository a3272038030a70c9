"""From a network, its probes and samples to `Knowledge`: the pipeline through depth."""

from __future__ import annotations

import math
import platform
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from layerlore.engines import Progress, progress_bars
from layerlore.errors import InputError, QualityWarning, check_choice
from layerlore.interactions import stages
from layerlore.interactions.alignment import SplitSettings, reference_guides
from layerlore.interactions.cost import Cost, estimate, plan_batch
from layerlore.interactions.knowledge import KIND, Knowledge
from layerlore.interactions.scores import SCORES, Score, score_outputs
from layerlore.interactions.scoring import unmasked_logits
from layerlore.interactions.sparsest import MAX_ITERATIONS
from layerlore.interactions.targets import Targets, predicted_classes, resolve_targets, samples_of_another_class
from layerlore.networks import check_finite_weights, check_logits, device_of
from layerlore.players import Baseline, Players, baseline_settings, resolve_baseline
from layerlore.probes import Probes, poor
from layerlore.storage import Run, digest_array, digest_tensors

NOISE = 0.01
"""Noise of the ceiling's copy, as a share of ``|v(N) - v(empty)|``."""


def explain(
    model: nn.Module,
    probes: Probes,
    inputs: Tensor | np.ndarray,
    targets: Targets,
    *,
    players: Players,
    baseline: Baseline = "mean",
    score: Score = "log_odds",
    layers: Sequence[str] | None = None,
    labels: Sequence[int] | np.ndarray | Tensor | None = None,
    kappa: float = 0.04,
    tolerance: float = 0.02,
    pull: float = 0.1,
    reference: str = "final",
    solver: str = "certified",
    max_iterations: int = MAX_ITERATIONS,
    noise: float = NOISE,
    noise_samples: int = 1,
    seed: int = 0,
    run: Path | str | None = None,
    batch_size: int | None = None,
    budget: int | None = None,
    split_device: str = "cpu",
    progress: Progress | bool | None = None,
    dry_run: bool = False,
) -> Knowledge | Cost:
    """Explain samples at every layer: which AND and OR interactions of their players each layer holds.

    Two stages, each resumable sample by sample: the scores of all layers on all ``2**n_players`` masked versions of
    every sample, then the sparsest splits of these games, pulled toward the reference layer's, and their calibration.
    The network is in eval mode and left as found.

    Args:
        model: the network that the probes were trained on.
        probes: from `fit_probes`.
        inputs: samples ``[n_samples, *sample]``, as the network takes them; on any device.
        targets: class to explain: one for each sample (usually its label), several for each ``[n_samples, n_targets]``,
            ``"predicted"``, or one class for all.
        players: how samples are divided, such as `ImagePatches`; 2 to 24 players.
        baseline: what replaces players that are absent: ``"mean"`` of the training inputs, ``"zero"``, a number, a
            tensor, `Blur` or a callable.
        score: ``"log_odds"``, ``"logit"``, or ``function(outputs, target)`` giving one number per input from
            ``float64[batch, n_outputs]``.
        layers: some of the probes' layers; None takes all.
        labels: true classes, kept beside the results; taken from ``targets`` if those are one class for each sample.
        kappa: tolerance on the scores, see `sparsest`.
        tolerance: certified gap at which a split counts as solved.
        pull: pull of every layer's split toward the reference's; 0 gives the paper's independent splits.
        reference: ``"final"``, ``"previous"`` or a layer's name: what the splits are pulled toward.
        solver: ``"certified"`` or ``"paper"``.
        max_iterations: of the solver, for each game.
        noise: noise of the ceiling's copy, as a share of ``|v(N) - v(empty)|``.
        noise_samples: samples on which the noise floor is measured, with a float64 copy of the network; 0 for none.
        seed: of that noise.
        run: folder to write and resume; None keeps everything in memory.
        batch_size: masked inputs per forward pass; None takes up to 128 that fit. A resumed run keeps its own.
        budget: bytes for a batch on the network's device; None takes half of what is free.
        split_device: where splits are computed.
        progress: show progress bars; None where stderr is a terminal. A function is called with what is being done,
            how much is done, and of how much.
        dry_run: return the `Cost` instead of doing the work.

    Returns:
        `Knowledge`, or with ``dry_run`` a `Cost`.

    Raises:
        InputError: inputs, targets, players or options that cannot be used; scores that are not finite.
        ProbeError: probes of another network.
        RunError: the folder belongs to another explanation, or cannot be written.
        BudgetError: not one masked input fits.

    Source: METHODS A1 to A6; Cheng et al. 2024. Cost: ``n_samples * 2**n_players`` forward passes, whatever the number
    of layers, and ``O(n 2**n)`` per iteration and game.
    """
    settings = SplitSettings(kappa, solver, tolerance, max_iterations, pull, split_device)
    _check_options(score, solver, noise, noise_samples, seed, batch_size)
    _check_split(settings)
    probes = probes if layers is None else probes.select([layers] if isinstance(layers, str) else list(layers))
    device_of(model)
    check_finite_weights(model)
    probes.check_network(model)
    samples = _samples(inputs)
    outputs = probes.identity["outputs"]
    logits = unmasked_logits(model, samples, outputs, batch_size or 64)
    _check_outputs(logits, probes, score)
    if probes.loss == "squared" and isinstance(targets, str):
        raise InputError(f"targets={targets!r} needs a classifier, these probes predict numbers: pass output numbers")
    n_classes = probes.n_outputs if probes.loss == "squared" else max(probes.n_outputs, 2)
    classes = resolve_targets(targets, logits, n_classes)
    task = _task(probes, samples, classes, players, baseline, settings, reference, noise, seed)
    function = _column if probes.loss == "squared" and score == "logit" else score
    # A score that cannot be used is told before anything is written.
    score_outputs(logits, classes[0], function)
    size, each = plan_batch(model, task, batch_size, budget)
    if dry_run:
        return estimate(model, probes, task, function, size, each)
    truth = _labels(labels, targets, classes, n_classes, probes.loss)
    folder = Run.open(run, KIND, _identity(probes, task, players, baseline, score) | {"labels": truth})
    if "coords" not in folder.manifest:
        folder.update(batch_size=size, **_description(model, probes, task, logits, truth, players, baseline, reference))
    for note in _probe_notes(probes):
        folder.note(note)
    with progress_bars(progress) as report:
        stages.create_arrays(folder, task)
        stages.score_stage(folder, task, model, probes, function, report)
        if "normalisers" not in folder.manifest:
            stages.measure_units(folder, task)
        stages.split_stage(folder, task, report)
        if "thresholds" not in folder.manifest:
            stages.measure_thresholds(folder, task)
        stages.calibration_stage(folder, task, report)
        stages.noise_stage(folder, task, model, probes, function, min(noise_samples, task.n_samples), report)
    knowledge = Knowledge.of(folder)
    for note in knowledge.notes:
        warnings.warn(note, QualityWarning, stacklevel=2)
    return knowledge


def _task(
    probes: Probes,
    samples: Tensor,
    classes: Tensor,
    players: Players,
    baseline: Baseline,
    settings: SplitSettings,
    reference: str,
    noise: float,
    seed: int,
) -> stages.Task:
    plans = tuple(players.plan(sample, index) for index, sample in enumerate(samples))
    counts = {plan.n_players for plan in plans}
    if len(counts) > 1:
        raise InputError(f"samples have different numbers of players ({sorted(counts)}): give count= to the players")
    names = (*probes.layers, "output")
    return stages.Task(
        inputs=samples,
        baselines=resolve_baseline(baseline, samples, probes.input_mean),
        plans=plans,
        levels=players.background_levels,
        targets=classes,
        other=samples_of_another_class(classes),
        layers=names,
        guides=reference_guides(names, reference),
        settings=settings,
        noise=noise,
        seed=seed,
    )


def _samples(inputs: Tensor | np.ndarray) -> Tensor:
    array = inputs if isinstance(inputs, Tensor) else np.asarray(inputs)
    if not (array.is_floating_point() if isinstance(array, Tensor) else array.dtype.kind == "f"):
        raise InputError(
            f"inputs have dtype {str(array.dtype).removeprefix('torch.')}: convert and scale them as in training, "
            "for example inputs.float() / 255 for images"
        )
    # A copy of an array: PyTorch takes neither read-only ones nor those with negative strides.
    samples = array.detach().cpu() if isinstance(array, Tensor) else torch.from_numpy(array.copy())
    if samples.dim() < 2 or not len(samples):
        raise InputError(
            f"inputs have shape {tuple(samples.shape)}: a batch of samples [n_samples, *sample] is needed (for one "
            "sample add an axis, inputs[None])"
        )
    bad = (~torch.isfinite(samples)).flatten(1).any(1).nonzero()
    if len(bad):
        raise InputError(f"sample {int(bad[0])} of inputs holds NaN or infinity: remove or mend it")
    return samples


def _check_options(
    score: Score, solver: str, noise: float, noise_samples: int, seed: int, batch_size: int | None
) -> None:
    if isinstance(score, str):
        check_choice(score, SCORES, "score")
    check_choice(solver, ("certified", "paper"), "solver")
    if not (math.isfinite(noise) and noise >= 0):
        raise InputError(f"noise={noise} must be a finite number of at least 0 (0.01 is one percent)")
    if noise_samples < 0:
        raise InputError(f"noise_samples={noise_samples} must be at least 0")
    if seed < 0:
        raise InputError(f"seed={seed} must be at least 0")
    if batch_size is not None and batch_size < 1:
        raise InputError(f"batch_size={batch_size} must be at least 1")


def _check_split(settings: SplitSettings) -> None:
    # A game of zeros costs nothing to split and has all options looked at, before the first forward pass.
    try:
        settings.split(np.zeros(4))
    except (AssertionError, RuntimeError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"split_device={settings.device!r} cannot be used ({reason}): 'cpu' always can") from error


def _check_outputs(logits: Tensor, probes: Probes, score: Score) -> None:
    if not torch.isfinite(logits).all():
        bad = int((~torch.isfinite(logits)).any(1).nonzero()[0])
        raise InputError(f"the network's output for sample {bad} is not finite: check the inputs' scale")
    if logits.shape[1] != probes.n_outputs:
        raise InputError(f"the network gives {logits.shape[1]} outputs, its probes were trained for {probes.n_outputs}")
    if probes.loss == "squared":
        if score == "log_odds":
            raise InputError(
                "score='log_odds' needs a classifier, these probes predict numbers: pass score='logit' or a function"
            )
    elif probes.identity["outputs"] == "logits":
        check_logits(logits)


def _column(outputs: Tensor, target: int) -> Tensor:
    return outputs[:, target]


def _labels(labels: Any, targets: Targets, classes: Tensor, n_classes: int, loss: str) -> list[int] | None:
    if labels is not None:
        given = torch.as_tensor(labels).cpu()
        if given.shape != (len(classes),):
            raise InputError(
                f"labels have shape {tuple(given.shape)}: one for each of the {len(classes)} samples is needed"
            )
        _check_labels(given, n_classes, loss)
        return given.to(torch.int64).tolist()
    for_each = np.ndim(targets) > 0 and classes.shape[1] == 1 and loss != "squared"
    return classes[:, 0].tolist() if for_each else None


def _check_labels(labels: Tensor, n_classes: int, loss: str) -> None:
    if loss == "squared":
        raise InputError("labels= are true classes, and these probes predict numbers: leave labels out")
    for sample, label in enumerate(labels.tolist()):
        if label not in range(n_classes):
            raise InputError(f"label {label} of sample {sample} is no class: classes run from 0 to {n_classes - 1}")


def _identity(
    probes: Probes, task: stages.Task, players: Players, baseline: Baseline, score: Score
) -> dict[str, object]:
    plans = [(str(number), plan.owner) for number, plan in enumerate(task.plans) if plan.owner is not None]
    return {
        "network": probes.identity["network"],
        "probes": probes.digest(),
        "layers": list(task.layers),
        "inputs": digest_array(task.inputs),
        "baselines": digest_array(task.baselines.contiguous()),
        "targets": digest_array(task.targets),
        "players": players.settings(),
        "plans": digest_tensors(plans),
        "background": list(task.levels),
        "baseline": baseline_settings(baseline),
        "score": score
        if isinstance(score, str)
        else f"{score.__module__}.{getattr(score, '__qualname__', type(score).__name__)}",
        "guides": list(task.guides),
        "split": task.settings.__dict__,
        "noise": task.noise,
        "seed": task.seed,
    }


def _description(
    model: nn.Module,
    probes: Probes,
    task: stages.Task,
    logits: Tensor,
    labels: list[int] | None,
    players: Players,
    baseline: Baseline,
    reference: str,
) -> dict[str, object]:
    import zarr

    import layerlore

    names = [plan.names for plan in task.plans]
    targets = (
        ["target"] if task.targets.shape[1] == 1 else [f"target {number}" for number in range(task.targets.shape[1])]
    )
    return {
        "coords": {
            "layer": list(task.layers),
            "target": targets,
            "target_class": task.targets.tolist(),
            "predicted": predicted_classes(logits).tolist(),
            "label": labels,
            "n_players": task.n_players,
            "players": [list(found) for found in names],
            "other": task.other.tolist(),
        },
        "settings": {
            "network": type(model).__qualname__,
            "players": players.settings(),
            "baseline": baseline_settings(baseline),
            "reference": reference,
            "split": task.settings.__dict__,
            "noise": task.noise,
            "seed": task.seed,
            "device": str(device_of(model)),
        },
        "quality": probes.quality(),
        "chance": probes.chance,
        "versions": {
            "layerlore": layerlore.__version__,
            "torch": torch.__version__,
            "numpy": np.__version__,
            "zarr": zarr.__version__,
            "python": platform.python_version(),
        },
    }


def _probe_notes(probes: Probes) -> list[str]:
    notes = [
        f"the probe of layer {layer!r} is no better than chance ({probes[layer].quality.validation_accuracy:.3f} "
        f"against {probes.chance:.3f}): what it scores says little about this layer"
        for layer in poor(probes)
    ]
    return notes + [f"the probe of layer {probe.layer!r} did not converge" for probe in probes if not probe.converged]
