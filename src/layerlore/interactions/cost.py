"""What an explanation will cost, known before it starts: forward passes, memory, time."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from layerlore.engines import default_budget, readable
from layerlore.errors import BudgetError
from layerlore.interactions.alignment import SplitSettings
from layerlore.interactions.scoring import Scorer
from layerlore.interactions.solvers import admm
from layerlore.interactions.task import Task
from layerlore.networks import activation_bytes, device_of, evaluating
from layerlore.players import coalition_table, masked_inputs

MAX_BATCH = 128
HELD = 4
"""Activations held at once, in units of the largest input and output of one module (skip connections keep some)."""
PROBE_GAMES = 8
PROBE_ITERATIONS = 50
ITERATIONS = 1200 / 10
"""Iterations that a game typically needs, per player: about 1,200 at 10 players."""


@dataclass(frozen=True)
class Cost:
    """Forecast of an explanation. Times in seconds, measured on a small piece and scaled; memory in bytes.

    Attributes:
        forward_passes: masked inputs that the network sees.
        batch_size: masked inputs per forward pass of a batch.
        model_bytes: weights and buffers.
        batch_bytes: estimated peak of one batch.
        result_bytes: scores and effects, uncompressed, as they end on disk (or in memory without a run folder).
        games: games to split, calibration included.
        scoring_seconds: of the first stage.
        splitting_seconds: of the splits and the calibration.
        noise_passes: masked inputs that a float64 copy of the network sees for the noise floor, each about twice as
            long; not in ``forward_passes`` and the times.
    """

    forward_passes: int
    batch_size: int
    model_bytes: int
    batch_bytes: int
    result_bytes: int
    games: int
    scoring_seconds: float
    splitting_seconds: float
    noise_passes: int

    def __str__(self) -> str:
        return "\n".join(
            [
                f"forward passes   {self.forward_passes:,} masked inputs in batches of {self.batch_size}, and "
                f"{self.noise_passes:,} in float64 for the noise floor",
                f"memory           model {readable(self.model_bytes)}, one batch about {readable(self.batch_bytes)}, "
                f"results {readable(self.result_bytes)}",
                f"games to split   {self.games:,}",
                f"estimated time   {_clock(self.scoring_seconds)} for scores, "
                f"{_clock(self.splitting_seconds)} for splits",
            ]
        )


def plan_batch(model: nn.Module, task: Task, asked: int | None, budget: int | None) -> tuple[int, int]:
    """Masked inputs at once that fit the budget, at most all of a sample, and bytes that one of them needs.

    Args:
        model: the network.
        task: its first sample is passed through the network once.
        asked: batch size to take instead.
        budget: bytes; None takes half of what is free.

    Raises:
        BudgetError: not even one fits.
    """
    each = HELD * activation_bytes(model, task.inputs.rows(0, 1).batch())
    budget = default_budget(device_of(model)) if budget is None else budget
    if each > budget:
        raise BudgetError(
            f"one masked input needs about {readable(each)}, the budget is {readable(budget)}: raise budget= (bytes), "
            "or use a device with more memory"
        )
    fitting = max(1, min(MAX_BATCH, budget // max(each, 1)))
    return min(asked or fitting, 1 << task.n_players), each


def estimate(scorer: Scorer, task: Task, *, batch_size: int, each: int, noise_samples: int) -> Cost:
    """Measure a batch of forward passes and a few iterations of the solver, and scale them up.

    ``each``: bytes that one masked input needs.
    """
    n_targets, n_layers = task.targets.shape[1], len(task.layers)
    games = task.n_samples * n_targets * n_layers
    guides = len({guide for guide in task.guides if guide is not None})
    guided = sum(guide is not None for guide in task.guides)
    every = games + task.n_samples * n_targets * (guides + guided)
    passes = task.n_samples * task.forward_passes
    model = scorer.model
    return Cost(
        forward_passes=passes,
        batch_size=batch_size,
        model_bytes=sum(part.numel() * part.element_size() for part in (*model.parameters(), *model.buffers())),
        batch_bytes=each * batch_size,
        result_bytes=games * 3 * 8 * (1 << task.n_players),
        games=every,
        scoring_seconds=_seconds_per_input(scorer, task, batch_size) * passes,
        splitting_seconds=_seconds_per_game(task.n_players, task.settings) * every,
        noise_passes=noise_samples * task.forward_passes,
    )


def _seconds_per_input(scorer: Scorer, task: Task, batch_size: int) -> float:
    sample, baseline = task.pair(scorer.model, 0)
    stop, device = min(batch_size, 1 << task.n_players), device_of(scorer.model)
    coalitions = coalition_table(task.n_players, 0, stop, device)
    with evaluating(scorer.model):
        times = []
        for _ in range(3):
            began = time.perf_counter()
            scorer.score_batch(
                masked_inputs(sample, baseline, task.plans[0], coalitions, task.levels[0]), task.targets[0]
            )
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            times.append(time.perf_counter() - began)
    return float(np.median(times)) / stop


def _seconds_per_game(n_players: int, settings: SplitSettings) -> float:
    game = (
        torch.linspace(0, 10, 1 << n_players, dtype=torch.float64, device=settings.device)
        .view(-1, 1)
        .repeat(1, PROBE_GAMES)
    )
    one = torch.ones(PROBE_GAMES, dtype=torch.float64, device=settings.device)
    problem = admm.Problem(game, 0.4 * one, 0.1 * one)
    state = admm.State.start(game, one, 0.0)
    admm.iterate(problem, state, 2)
    began = time.perf_counter()
    admm.iterate(problem, state, PROBE_ITERATIONS)
    return (time.perf_counter() - began) / PROBE_ITERATIONS / PROBE_GAMES * ITERATIONS * n_players


def _clock(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"
