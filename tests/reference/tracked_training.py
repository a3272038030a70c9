"""A small network that trains on digits, step by step, and a tracker that watches it."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from layerlore.dynamics.history import History
from layerlore.dynamics.record import Record, WeightInfo
from layerlore.dynamics.tracker import WeightTracker
from layerlore.zoo import load_data, small_resnet

N_STEPS = 6


def network(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return small_resnet(10, channels=(4, 6, 8))


def optimiser_of(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.Adam(model.parameters(), lr=1e-2)


def train(
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    steps: Sequence[int],
    after: Callable[[int], object] = lambda step: None,
) -> None:
    """Real steps on digits; the batch of a step depends on its number only. A dropout draws random numbers."""
    images, labels = load_data("digits").train.tensors
    for step in steps:
        batch = slice(32 * step, 32 * (step + 1))
        logits = nn.functional.dropout(model(images[batch]), 0.1)
        optimiser.zero_grad()
        nn.functional.cross_entropy(logits, labels[batch]).backward()
        optimiser.step()
        after(step)


def tracked(model: nn.Module, steps: Sequence[int] = range(1, N_STEPS + 1), **options: Any) -> WeightTracker:
    tracker = WeightTracker(model, **options)
    train(model, optimiser_of(model), steps, tracker.step)
    return tracker


@torch.no_grad()
def scale(weight: torch.Tensor, factor: float = 2.0) -> None:
    weight *= factor


class Log:
    """A sink that remembers what it was told."""

    def __init__(self, fails_in: str = "") -> None:
        self.fails_in, self.told = fails_in, []

    def _take(self, what: str, *arguments: object) -> None:
        self.told.append((what, *arguments))
        if what == self.fails_in:
            raise ValueError("the service is down")

    def open(self, weights: Sequence[WeightInfo], measures: Sequence[str]) -> None:
        self._take("open", len(weights), tuple(measures))

    def write(self, record: Record) -> None:
        self._take("write", record.step)

    def close(self) -> None:
        self._take("close")


def same_history(first: History, second: History) -> None:
    assert first.measures == second.measures
    assert first.weights == second.weights
    assert first.events == second.events
    assert first.data.equals(second.data)
