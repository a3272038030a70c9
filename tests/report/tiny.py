"""Runs that take a second: a tiny network on synthetic data, explained with players of each kind."""

import warnings
from collections import OrderedDict
from functools import cache

import torch
from torch import nn
from torch.utils.data import TensorDataset

import layerlore as ll
from layerlore.errors import QualityWarning

HOSTILE_LAYERS = ("<img src=x onerror=alert(1)>", "</script><script>alert(2)</script>")
HOSTILE_PLAYERS = ("<b>age</b>", "a&amp;b", "{{ 7*7 }}", "'\"><script>alert(3)</script>", "%{x}\u2028")
HOSTILE_NETWORK = "<u>Net</u>"


def hide(sample, baseline, coalitions):
    """A mask of the user's own: each player is one column."""
    return torch.where(coalitions, sample, baseline)


PLAYERS = {
    "table": ll.Columns(5, names=["age", "hours", "wage", "debt", "rent"]),
    "hostile": ll.Columns(5, names=list(HOSTILE_PLAYERS)),
    "custom": ll.CustomPlayers(5, hide),
    "image": ll.ImagePatches(3, count=4),
}


def network(shape: tuple[int, ...], names: tuple[str, str], kind: str) -> nn.Module:
    size = torch.Size(shape).numel()
    modules = [("flatten", nn.Flatten()), ("first", nn.Linear(size, 12)), (names[0], nn.Tanh())]
    modules += [("second", nn.Linear(12, 8)), (names[1], nn.Tanh()), ("third", nn.Linear(8, 3))]
    parent = type(kind, (nn.Sequential,), {})
    return parent(OrderedDict(modules))


@cache
def tiny(kind: str, n_targets: int = 1) -> ll.Knowledge:
    """Knowledge about four samples of three classes, in memory: two layers and the output."""
    torch.manual_seed(0)
    shape = (1, 6, 6) if kind == "image" else (5,)
    inputs = torch.randn(120, *shape)
    labels = inputs.flatten(1)[:, :3].argmax(1)
    layers = HOSTILE_LAYERS if kind == "hostile" else ("tanh1", "tanh2")
    model = network(shape, layers, HOSTILE_NETWORK if kind == "hostile" else "Net")
    optimiser = torch.optim.Adam(model.parameters(), 0.02)
    for _ in range(120):
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(inputs), labels).backward()
        optimiser.step()
    probes = ll.fit_probes(model, list(layers), TensorDataset(inputs, labels))
    chosen = torch.stack([(labels[:4] + step) % 3 for step in range(n_targets)], dim=1)
    targets = chosen[:, 0] if n_targets == 1 else chosen
    with warnings.catch_warnings():
        # What these pages say of a game that misses the tolerance is tested on notes of its own.
        warnings.simplefilter("ignore", QualityWarning)
        return ll.explain(
            model, probes, inputs[:4], targets, players=PLAYERS[kind], max_iterations=1000, progress=False
        )
