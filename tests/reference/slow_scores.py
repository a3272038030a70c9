"""Scores of masked inputs by hand: one input at a time, one number at a time, float64 throughout.

Nothing here calls the library, and the networks are run from their weights, not by calling them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from torch import nn

Score = Callable[[np.ndarray, int], float]
Read = Callable[[np.ndarray], list[np.ndarray]]
"""Outputs of all probes and, last, of the network itself, for one input."""


def masked(sample: np.ndarray, baseline: np.ndarray, owner: np.ndarray, coalition: int, level: float) -> np.ndarray:
    """One masked input: players of the coalition are shown, the background as far as ``level`` says."""
    result = np.array(baseline, dtype=np.float64)
    for place in np.ndindex(sample.shape):
        player = int(owner[place])
        if player < 0:
            result[place] = baseline[place] + level * (float(sample[place]) - float(baseline[place]))
        elif coalition >> player & 1:
            result[place] = sample[place]
    return result


def log_odds(outputs: np.ndarray, target: int) -> float:
    """``z_y - log(sum of exp(z_k), k != y)``; with one output the logit of class 1, or less it."""
    if len(outputs) == 1:
        return float(outputs[0] if target == 1 else -outputs[0])
    others = [float(value) for index, value in enumerate(outputs) if index != target]
    top = max(others)
    return float(outputs[target]) - top - math.log(sum(math.exp(value - top) for value in others))


def column(outputs: np.ndarray, target: int) -> float:
    """The target's own output."""
    return float(outputs[target])


def slow_scores(
    read: Read,
    sample: np.ndarray,
    baseline: np.ndarray,
    owner: np.ndarray,
    target: int,
    levels: Sequence[float] = (1.0,),
    score: Score = log_odds,
) -> np.ndarray:
    """Scores ``[layer, coalition]`` of one sample, averaged over the background levels."""
    owner = np.broadcast_to(owner, sample.shape)
    rows = []
    for coalition in range(1 << (int(owner.max()) + 1)):
        at_levels = [
            [score(outputs, target) for outputs in read(masked(sample, baseline, owner, coalition, level))]
            for level in levels
        ]
        rows.append(np.mean(at_levels, axis=0))
    return np.stack(rows, axis=1)


def activations(model: nn.Sequential, sample: np.ndarray) -> dict[str, np.ndarray]:
    """What every module of a stack of plain layers computes for one input."""
    values, found = sample.astype(np.float64), {}
    for name, module in model.named_children():
        if isinstance(module, nn.Linear):
            weight, bias = (part.detach().double().numpy() for part in (module.weight, module.bias))
            values = weight @ values + bias
        elif isinstance(module, nn.ReLU):
            values = np.where(values > 0, values, 0.0)
        elif isinstance(module, nn.Softmax):
            shares = np.exp(values - values.max())
            values = shares / shares.sum()
        elif isinstance(module, nn.Flatten):
            values = values.reshape(-1)
        else:
            raise TypeError(f"no hand-written {type(module).__name__}")
        found[name] = values
    return found


def reader(model: nn.Sequential, probes, prefix: str = "") -> Read:
    """Outputs of probes (weights applied in float64) and of the network for one input."""

    def read(sample: np.ndarray) -> list[np.ndarray]:
        found = activations(model, sample)
        rows = [
            probe.weight.double().numpy() @ found[probe.layer.removeprefix(prefix)].reshape(-1) + probe.bias.numpy()
            for probe in probes
        ]
        return [*rows, list(found.values())[-1]]

    return read
