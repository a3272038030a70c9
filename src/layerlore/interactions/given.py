"""What `explain` is given: checked, and put together as a `Task`, before anything is written."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from layerlore.errors import InputError, check_choice, first_line
from layerlore.interactions.alignment import SplitSettings, reference_guides
from layerlore.interactions.scores import SCORES, Score
from layerlore.interactions.targets import Targets, resolve_targets, samples_of_another_class
from layerlore.interactions.task import Task
from layerlore.networks import check_logits, needs_floats, read_out_size
from layerlore.players import Baseline, Plan, Players, Samples, resolve_baseline
from layerlore.players.samples import Inputs
from layerlore.probes import Probes


def samples_of(inputs: Inputs | Samples, model: nn.Module) -> Samples:
    """The samples as tensors on the CPU.

    Raises:
        InputError: see `Samples.of`; or integers for a network without an embedding.
    """
    samples = Samples.of(inputs)
    main = samples.parts[samples.main]
    if not samples.named and not main.is_floating_point() and needs_floats(model):
        raise InputError(
            f"inputs have dtype {str(main.dtype).removeprefix('torch.')}: convert and scale them as in training, "
            "for example inputs.float() / 255 for images"
        )
    return samples


def feature_check(probes: Probes) -> Callable[[str, Tensor], None]:
    """A look at layers' outputs that raises `InputError` where a probe was trained on other shapes."""

    def check(layer: str, output: Tensor) -> None:
        probe = probes[layer]
        found = read_out_size(probe.read_out, output.shape[1:])
        if found != probe.weight.shape[1]:
            raise InputError(
                f"layer {layer!r} gives {tuple(output.shape[1:])} for these inputs, and its probe reads "
                f"{probe.read_out!r} of {probe.shape}: give inputs of the training data's shape (sentences padded to "
                "one length, max_length=), or fit probes with a read-out that has no positions, such as 'cls'"
            )

    return check


def check_options(
    score: Score, solver: str, noise: float, noise_samples: int, seed: int, batch_size: int | None
) -> None:
    """Raise `InputError` where an option of `explain` is out of range."""
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


def check_split(settings: SplitSettings) -> None:
    """Raise `InputError` where an option of the splits is out of range, or their device cannot be used."""
    # A game of zeros costs nothing to split and has all options looked at, before the first forward pass.
    try:
        settings.split(np.zeros(4))
    except (AssertionError, RuntimeError, TypeError) as error:
        raise InputError(
            f"split_device={settings.device!r} cannot be used ({first_line(error)}): 'cpu' always can"
        ) from error


def check_outputs(logits: Tensor, probes: Probes, score: Score) -> None:
    """Raise `InputError` where the network's outputs for the samples do not go with its probes or the score."""
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


def usable_score(score: Score, probes: Probes) -> Score:
    """The score as `score_outputs` takes it: of networks that predict numbers, ``"logit"`` is the output itself."""
    return _column if probes.loss == "squared" and score == "logit" else score


def _column(outputs: Tensor, target: int) -> Tensor:
    return outputs[:, target]


def classes_of(targets: Targets, logits: Tensor, probes: Probes) -> Tensor:
    """Target classes ``[n_samples, n_targets]``; of networks that predict numbers, positions of outputs.

    Raises:
        InputError: see `resolve_targets`; or a word where there are no classes.
    """
    if probes.loss == "squared" and isinstance(targets, str):
        raise InputError(f"targets={targets!r} needs a classifier, these probes predict numbers: pass output numbers")
    return resolve_targets(targets, logits, _n_classes(probes))


def _n_classes(probes: Probes) -> int:
    return probes.n_outputs if probes.loss == "squared" else max(probes.n_outputs, 2)


def labels_of(labels: Any, targets: Targets, classes: Tensor, probes: Probes) -> list[int] | None:
    """True classes of the samples: as given, or the targets if those are one class for each sample.

    Raises:
        InputError: not one class for each sample.
    """
    if labels is not None:
        given = torch.as_tensor(labels).cpu()
        if given.shape != (len(classes),):
            raise InputError(
                f"labels have shape {tuple(given.shape)}: one for each of the {len(classes)} samples is needed"
            )
        _check_labels(given, probes)
        return given.to(torch.int64).tolist()
    for_each = np.ndim(targets) > 0 and classes.shape[1] == 1 and probes.loss != "squared"
    return classes[:, 0].tolist() if for_each else None


def _check_labels(labels: Tensor, probes: Probes) -> None:
    n_classes = _n_classes(probes)
    if probes.loss == "squared":
        raise InputError("labels= are true classes, and these probes predict numbers: leave labels out")
    for sample, label in enumerate(labels.tolist()):
        if label not in range(n_classes):
            raise InputError(f"label {label} of sample {sample} is no class: classes run from 0 to {n_classes - 1}")


def plans_of(players: Players, samples: Tensor | Samples) -> tuple[Plan, ...]:
    """The plan of every sample.

    Raises:
        InputError: a sample cannot be divided, or samples have different numbers of players.
    """
    if isinstance(samples, Samples) and samples.named and not players.takes_named:
        raise InputError(
            f"{type(players).__name__} divides samples that are one tensor; these inputs have several "
            f"({', '.join(samples.parts)}): use Words for sentences, or CustomPlayers"
        )
    plans = tuple(players.plan(sample, index) for index, sample in enumerate(samples))
    counts = {plan.n_players for plan in plans}
    if len(counts) > 1:
        raise InputError(f"samples have different numbers of players ({sorted(counts)}): give count= to the players")
    return plans


def baselines_of(players: Players, baseline: Baseline, samples: Samples, mean: Tensor | None) -> Samples:
    """The baseline of every sample: one that the players know, or else as `resolve_baseline` says.

    Raises:
        InputError: the baseline does not go with the samples.
    """
    found = players.baselines(baseline, samples)
    return resolve_baseline(baseline, samples, mean) if found is None else found


def build_task(
    probes: Probes,
    samples: Samples,
    classes: Tensor,
    players: Players,
    baseline: Baseline,
    settings: SplitSettings,
    reference: str,
    noise: float,
    seed: int,
) -> Task:
    """All that decides the numbers of an explanation.

    Raises:
        InputError: the players, the baseline or the reference do not go with the samples.
    """
    names = (*probes.layers, "output")
    plans = plans_of(players, samples)
    return Task(
        inputs=samples,
        baselines=baselines_of(players, baseline, samples, probes.input_mean),
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
