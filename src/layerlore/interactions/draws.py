"""Noise draws: samples with noise on them, and their scores (METHODS A8)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64

from layerlore.engines import Counter, Progress, with_less
from layerlore.interactions.noise_to_signal import noise_ratios, player_energy
from layerlore.interactions.scoring import Scorer, check_scores
from layerlore.interactions.task import Task
from layerlore.networks import evaluating, to_model
from layerlore.players import Sample, joined, named_parts


@dataclass(frozen=True)
class Noise:
    """Gaussian noise on whole inputs.

    Attributes:
        sigma: standard deviation, in units of the inputs.
        draws: number of draws.
        seed: of the noise.
    """

    sigma: float
    draws: int
    seed: int

    def on(self, sample: Sample, position: int, draw: int) -> Sample:
        """The noise of one draw on one sample, of the shapes of its tensors; none on integers, such as masks.

        Depends on seed, draw, position and shape alone: the same for every network and layer, and for a run with fewer
        samples or draws.
        """
        own = dict(sorted(named_parts(sample).items()))
        parts = {name: torch.zeros_like(part) for name, part in own.items()}
        for number, name in enumerate(name for name, part in own.items() if part.is_floating_point()):
            rng = np.random.default_rng([self.seed, draw, position, number])
            values = self.sigma * rng.standard_normal(tuple(own[name].shape))
            parts[name] = torch.from_numpy(values).to(own[name].dtype)
        return joined(parts)


@dataclass(frozen=True)
class Drawn:
    """One sample with noise.

    Attributes:
        sample: its position.
        scores: of every draw.
        ratios: noise to signal of every draw and coalition; None where players do not own values.
    """

    sample: int
    scores: Float64[np.ndarray, "n_draws n_targets n_layers n_coalitions"]
    ratios: Float64[np.ndarray, "n_draws n_coalitions"] | None


def drawn_samples(scorer: Scorer, task: Task, noise: Noise, batch_size: int, progress: Progress) -> Iterator[Drawn]:
    """Each sample with all of its draws scored; players and baselines stay those of the clean sample.

    Costs ``draws * 2**n_players`` forward passes for each sample, and holds the scores of one sample.
    """
    total = task.n_samples * noise.draws * task.forward_passes
    progress("scores of noisy inputs", 0, total)
    size = batch_size

    def smaller(found: int, _reason: str) -> None:
        nonlocal size
        size = found

    for position in range(task.n_samples):
        sample, plan = task.inputs[position], task.plans[position]
        # No draw is held longer than it is scored: only its energy is kept.
        scores, energies = [], []
        for draw in range(noise.draws):
            added = noise.on(sample, position, draw)
            energies.append(player_energy(added, plan))
            own = named_parts(sample)
            moved = joined({name: own[name] + part for name, part in named_parts(added).items()})
            done = (position * noise.draws + draw) * task.forward_passes

            def attempt(size: int, moved: Sample = moved, position: int = position, done: int = done) -> np.ndarray:
                counter = Counter(progress, "scores of noisy inputs", total, done)
                return _score(scorer, task, position, moved, size, counter)

            scores.append(
                with_less(
                    attempt,
                    size,
                    one="masked input",
                    advice="use a device with more memory, fewer layers, or pooled read-outs",
                    on_less=smaller,
                )
            )
        signal = player_energy(sample, plan)
        ratios = (
            None if signal is None else noise_ratios(signal, np.stack([part for part in energies if part is not None]))
        )
        yield Drawn(position, np.stack(scores), ratios)


def _score(scorer: Scorer, task: Task, position: int, sample: Sample, batch_size: int, counter: Counter) -> np.ndarray:
    plan, targets = task.plans[position], task.targets[position]
    with evaluating(scorer.model):
        own, baseline = to_model(scorer.model, sample), task.pair(scorer.model, position)[1]
        scores = scorer.score_sample(own, baseline, plan, task.levels, targets, batch_size, counter)
    check_scores(scores, task.layers, position)
    return scores
