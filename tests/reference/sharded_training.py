"""A network whose weights do not divide evenly, and steps that give the same weights however it is spread."""

from collections.abc import Callable

import torch
from torch import nn

from layerlore.dynamics import MEASURES, ROBUST

STEPS = 3
ALL = [*MEASURES, *ROBUST]


class Uneven(nn.Module):
    """Rows for two processes: 7 into 4 + 3, 6 into 3 + 3, 5 into 3 + 2, and a single one, so that one holds nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(7, 3)
        self.even = nn.Linear(3, 6)
        self.odd = nn.Linear(6, 5)
        self.single = nn.Linear(5, 1)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.single(torch.tanh(self.odd(torch.tanh(self.even(self.words(tokens))))))


def uneven() -> Uneven:
    torch.manual_seed(0)
    return Uneven()


def train(model: nn.Module, after: Callable[[int], object], steps: range = range(1, STEPS + 1)) -> None:
    """Plain gradient descent. All processes see the same batch, so the mean of their gradients is each one's own."""
    optimiser = torch.optim.SGD(model.parameters(), lr=0.5)
    for step in steps:
        tokens = torch.arange(8).reshape(4, 2) % (4 + step % 4)
        optimiser.zero_grad()
        (model(tokens) - 1).square().mean().backward()
        optimiser.step()
        after(step)
