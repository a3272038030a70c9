"""Small networks and data for the tests of probes."""

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset


def small_data(n_samples=120, n_features=6, n_classes=3, seed=0, dtype=torch.float64):
    """Classes that overlap, in features of very different size."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n_samples) % n_classes
    same = torch.Generator().manual_seed(99)
    centres = torch.randn(n_classes, n_features, generator=same, dtype=torch.float64)
    inputs = centres[labels] + torch.randn(n_samples, n_features, generator=generator, dtype=torch.float64)
    order = torch.randperm(n_samples, generator=generator)
    scale = torch.logspace(-2, 2, n_features, dtype=torch.float64)
    return TensorDataset((inputs * scale + scale)[order].to(dtype), labels[order])


def small_net(n_features=6, n_outputs=3, seed=1, dtype=torch.float64):
    """Layers "0" to "3"; the last is the head."""
    state = torch.get_rng_state()
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(n_features, 5), nn.ReLU(), nn.Dropout(0.5), nn.Linear(5, n_outputs)).to(dtype)
    torch.set_rng_state(state)
    return net


@pytest.fixture
def data() -> Callable[..., TensorDataset]:
    return small_data


@pytest.fixture
def net() -> Callable[..., nn.Sequential]:
    return small_net
