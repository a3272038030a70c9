"""Explanations made of given numbers, without a network: for what is read from them alone."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np

from layerlore.interactions.alignment import SplitSettings
from layerlore.interactions.knowledge import KIND, Knowledge
from layerlore.storage import Run


def made(
    effects: np.ndarray,
    *,
    scores: np.ndarray | None = None,
    layers: tuple[str, ...] = ("output",),
    inputs: np.ndarray | None = None,
    owner: np.ndarray | None = None,
    split: SplitSettings | None = None,
    network: str = "Net",
    identity: dict | None = None,
    **coords,
) -> Knowledge:
    """A `Knowledge` in memory that holds effects ``[sample, target, layer, op, coalition]``.

    Scores default to zeros with 1 for the full coalition, so that every unit is 1.
    """
    n_samples, n_targets, n_layers, _, n_coalitions = effects.shape
    n_players = n_coalitions.bit_length() - 1
    if scores is None:
        scores = np.zeros((n_samples, n_targets, n_layers, n_coalitions))
        scores[..., -1] = 1
    inputs = np.zeros((n_samples, n_players), np.float32) if inputs is None else inputs
    guides = [n_layers - 1] * (n_layers - 1) + [None]
    asked = {"split": asdict(split or SplitSettings(pull=0.0)), "noise": 0.01, "seed": 0, "guides": guides}
    asked |= {"score": "log_odds", "background": [1.0], "baseline": "mean"} | (identity or {})
    run = Run.open(None, KIND, asked)
    dims = ("sample", "target", "layer")
    games = effects.shape[:3]
    arrays = {
        "scores": (scores, (*dims, "coalition")),
        "effects": (effects, (*dims, "op", "coalition")),
        "inputs": (inputs, ("sample", *(f"input_{axis}" for axis in range(inputs.ndim - 1)))),
        "objective": (np.abs(effects).sum((-2, -1)), dims),
        "gap": (np.zeros(games), dims),
        "aligned_gap": (np.zeros(games), dims),
        "converged": (np.ones(games, np.uint8), dims),
    }
    if owner is not None:
        arrays["owner"] = (owner, ("sample", *(f"owner_{axis}" for axis in range(owner.ndim - 1))))
    for name, (values, axes) in arrays.items():
        run.create(name, values.shape, axes, str(values.dtype))
        for sample in range(n_samples):
            run.write(name, sample, values[sample])
    target_class = np.zeros((n_samples, n_targets), int).tolist()
    described = {
        "layer": list(layers),
        "target": [f"target {number}" for number in range(n_targets)],
        "target_class": target_class,
        "predicted": [0] * n_samples,
        "label": None,
        "n_players": n_players,
        "players": [[f"player {number}" for number in range(n_players)]] * n_samples,
        "other": [[-1] * n_targets] * n_samples,
    }
    reach = np.abs(scores[..., -1] - scores[..., 0])
    run.update(
        coords=described | coords,
        settings={"network": network, "reference": "final", "device": "cpu"},
        normalisers=reach.mean(0).tolist(),
        thresholds=(0.05 * np.abs(effects[..., 1:]).max((0, 3, 4))).tolist(),
        quality=[],
        chance=0.5,
        versions={},
    )
    return Knowledge.of(run)
