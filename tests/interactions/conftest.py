"""One small explanation in memory, shared by the tests of what is read from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import layerlore as ll


@dataclass(frozen=True)
class Small:
    """A small network on random data, its probes, and the samples that are explained."""

    model: nn.Module
    probes: ll.Probes
    inputs: Tensor
    targets: Tensor

    def explain(self, **options: Any) -> ll.Knowledge:
        """`layerlore.explain` of the four samples with four players, without the noise floor unless asked for."""
        options = {"players": ll.Columns(4), "noise_samples": 0, "progress": False} | options
        found = ll.explain(self.model, self.probes, options.pop("inputs", self.inputs), self.targets, **options)
        assert isinstance(found, ll.Knowledge)
        return found


@pytest.fixture(scope="session")
def small() -> Small:
    """Three classes that depend on products of columns, so that layers differ; two targets for each of 4 samples."""
    with torch.random.fork_rng():
        torch.manual_seed(11)
        inputs = torch.randn(120, 4)
        classes = (inputs[:, 0] * inputs[:, 1] > 0).long() + (inputs[:, 2] + inputs[:, 3] > 0).long()
        layers = [nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 3)]
        model = nn.Sequential(*layers)
        optimiser = torch.optim.Adam(model.parameters(), 0.02)
        for _ in range(150):
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(inputs), classes).backward()
            optimiser.step()
    model.eval()
    probes = ll.fit_probes(model, ["1", "3"], [(inputs, classes)])
    targets = torch.stack([classes[:4], (classes[:4] + 1) % 3], dim=1)
    return Small(model, probes, inputs[:4].clone(), targets)


@pytest.fixture(scope="session")
def knowledge(small: Small) -> ll.Knowledge:
    """Four samples, two targets, layers 1, 3 and output, four players."""
    return small.explain()
