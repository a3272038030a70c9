"""All that is checked and put together before the first masked input is scored."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float64
from torch import Tensor, nn

from layerlore.interactions.alignment import SplitSettings
from layerlore.interactions.cost import plan_batch
from layerlore.interactions.given import build_task, check_outputs, classes_of, feature_check, samples_of, usable_score
from layerlore.interactions.scores import Score, score_outputs
from layerlore.interactions.scoring import Scorer, unmasked_logits
from layerlore.interactions.targets import Targets
from layerlore.interactions.task import Task
from layerlore.networks import capture, check_finite_weights, device_of
from layerlore.players import Baseline, Players
from layerlore.players.samples import Inputs, Samples
from layerlore.probes import Probes


@dataclass(frozen=True)
class Prepared:
    """A task, and what scores it.

    Attributes:
        task: all that decides the numbers.
        scorer: the network with its probes.
        logits: of the samples themselves.
        baseline: as it was asked for, the default put in.
        batch_size: masked inputs at once.
        each: bytes that one of them needs.
    """

    task: Task
    scorer: Scorer
    logits: Float64[Tensor, "n_samples n_outputs"]
    baseline: Baseline
    batch_size: int
    each: int


def prepare(
    model: nn.Module,
    probes: Probes,
    inputs: Inputs | Samples,
    targets: Targets,
    players: Players,
    baseline: Baseline | None,
    score: Score,
    settings: SplitSettings,
    reference: str,
    noise: float,
    seed: int,
    batch_size: int | None,
    budget: int | None,
) -> Prepared:
    """Check a network, its probes and samples, and put them together; arguments as those of `explain`.

    Costs one forward pass of each sample and one more of the first.

    Raises:
        InputError: inputs, targets, players or options that cannot be used.
        ProbeError: probes of another network.
        BudgetError: not one masked input fits.
    """
    device_of(model)
    check_finite_weights(model)
    probes.check_network(model)
    samples = samples_of(inputs, model)
    players.check_model(model, samples)
    baseline = players.default_baseline if baseline is None else baseline
    with capture(model, probes.layers, feature_check(probes)):
        logits = unmasked_logits(model, samples.batch(), probes.identity["outputs"], batch_size or 64)
    check_outputs(logits, probes, score)
    classes = classes_of(targets, logits, probes)
    task = build_task(probes, samples, classes, players, baseline, settings, reference, noise, seed)
    players.check_model(model, task.baselines)
    scorer = Scorer.of(model, probes, usable_score(score, probes))
    # A score that cannot be used is told before anything is written.
    score_outputs(logits, classes[0], scorer.score)
    size, each = plan_batch(model, task, batch_size, budget)
    return Prepared(task, scorer, logits, baseline, size, each)
