"""From a network, its probes and samples to `Knowledge`: the pipeline through depth."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import Tensor, nn

from layerlore.engines import Progress, progress_bars
from layerlore.errors import QualityWarning
from layerlore.interactions import stages
from layerlore.interactions.alignment import SplitSettings
from layerlore.interactions.cost import Cost, estimate
from layerlore.interactions.given import check_options, check_split, labels_of
from layerlore.interactions.knowledge import KIND, Knowledge
from layerlore.interactions.noise import noise_stage
from layerlore.interactions.prepare import prepare
from layerlore.interactions.provenance import description_of, identity_of, probe_notes
from layerlore.interactions.scores import Score
from layerlore.interactions.scoring import Scorer
from layerlore.interactions.sparsest import MAX_ITERATIONS
from layerlore.interactions.targets import Targets
from layerlore.interactions.task import Task, create_arrays
from layerlore.players import Baseline, Players
from layerlore.players.samples import Inputs
from layerlore.probes import Probes
from layerlore.storage import Run

NOISE = 0.01
"""Noise of the ceiling's copy, as a share of ``|v(N) - v(empty)|``."""


def explain(
    model: nn.Module,
    probes: Probes,
    inputs: Inputs,
    targets: Targets,
    *,
    players: Players,
    baseline: Baseline | None = None,
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
    name: str | None = None,
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
        inputs: samples ``[n_samples, *sample]``, as the network takes them, on any device: floating point, ids of
            tokens, or a mapping of names to such, which become keywords (``Words(...).inputs``).
        targets: class to explain: one for each sample (usually its label), several for each ``[n_samples, n_targets]``,
            ``"predicted"``, or one class for all.
        players: how samples are divided, such as `ImagePatches`, or `Words` of sentences; 2 to 24 players.
        baseline: what replaces players that are absent: ``"mean"`` of the training inputs, ``"zero"``, a number, a
            tensor, `Blur` or a callable; see `Words` for those of words. None takes ``"mean"`` for numbers and
            ``"[MASK]"`` for words.
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
        name: what reports call the network; its class by default. A resumed run keeps its own.
        batch_size: masked inputs per forward pass; None takes up to 128 that fit. A resumed run keeps its own.
        budget: bytes for a batch on the network's device; None takes half of what is free.
        split_device: where splits are computed.
        progress: show progress bars; None in a notebook and where stderr is a terminal. A function is called
            with what is being done, how much is done, and of how much.
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
    check_options(score, solver, noise, noise_samples, seed, batch_size)
    check_split(settings)
    probes = probes if layers is None else probes.select([layers] if isinstance(layers, str) else list(layers))
    found = prepare(
        model, probes, inputs, targets, players, baseline, score, settings, reference, noise, seed, batch_size, budget
    )
    task, scorer, logits, size = found.task, found.scorer, found.logits, found.batch_size
    noise_samples = min(noise_samples, task.n_samples)
    if dry_run:
        return estimate(scorer, task, batch_size=size, each=found.each, noise_samples=noise_samples)
    truth = labels_of(labels, targets, task.targets, probes)
    folder = Run.open(run, KIND, identity_of(probes, task, players, found.baseline, score) | {"labels": truth})
    if "coords" not in folder.manifest:
        folder.update(batch_size=size, **description_of(model, probes, task, logits, truth, reference, name))
    for note in probe_notes(probes):
        folder.note(note)
    with progress_bars(progress) as report:
        _fill(folder, task, scorer, noise_samples, report)
    knowledge = Knowledge.of(folder)
    for note in knowledge.notes:
        warnings.warn(note, QualityWarning, stacklevel=2)
    return knowledge


def _fill(folder: Run, task: Task, scorer: Scorer, noise_samples: int, report: Progress) -> None:
    """All stages, each going on where an earlier process left it."""
    create_arrays(folder, task)
    stages.score_stage(folder, task, scorer, report)
    stages.measure_units(folder, task)
    stages.split_stage(folder, task, report)
    stages.measure_thresholds(folder, task)
    stages.calibration_stage(folder, task, report)
    noise_stage(folder, task, scorer, noise_samples, report)
