"""Noise beside signal, against the norm of each coalition's own values (METHODS A8)."""

import numpy as np
import pytest
import torch

from layerlore.interactions import noise_to_signal
from layerlore.players import Plan

IMAGE = torch.arange(1, 13, dtype=torch.float32).reshape(2, 2, 3)
PLAN = Plan(("a", "b", "c"), torch.tensor([[0, 0, 1], [2, -1, 1]]))
"""One owner for both channels; one pixel is background."""


def norm(values, owner, coalition):
    """Of the values of the players in a coalition."""
    owner = np.broadcast_to(owner, values.shape)
    chosen = [
        value for value, who in zip(values.ravel(), owner.ravel(), strict=True) if who >= 0 and coalition >> who & 1
    ]
    return np.linalg.norm(np.asarray(chosen, np.float64))


def test_the_ratio_of_every_coalition_is_that_of_its_norms():
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((4, *IMAGE.shape)).astype(np.float32)
    energies = np.stack([noise_to_signal.player_energy(torch.from_numpy(draw), PLAN) for draw in noise])
    found = noise_to_signal.noise_ratios(noise_to_signal.player_energy(IMAGE, PLAN), energies)
    owner = PLAN.owner.numpy()
    assert found.shape == (4, 8)
    for draw in range(4):
        for coalition in range(1, 8):
            expected = norm(noise[draw], owner, coalition) / norm(IMAGE.numpy(), owner, coalition)
            assert found[draw, coalition] == pytest.approx(expected, rel=1e-12)
    assert np.isnan(found[:, 0]).all()


def test_named_tensors_are_owned_from_the_left_and_integers_carry_no_signal():
    plan = Plan(("a", "b"), torch.tensor([0, 1, 1, -1]))
    embedded = torch.arange(12, dtype=torch.float64).reshape(4, 3)
    sample = {"inputs_embeds": embedded, "attention_mask": torch.ones(4, dtype=torch.int64), "scale": torch.ones(2)}
    found = noise_to_signal.player_energy(sample, plan)
    assert found.tolist() == [(embedded[0] ** 2).sum(), (embedded[1:3] ** 2).sum()]
    by_mask = Plan(("a", "b"), mask=lambda sample, baseline, coalitions: sample)
    assert noise_to_signal.player_energy(embedded, by_mask) is None


def test_coalitions_that_show_only_zeros_have_no_ratio():
    found = noise_to_signal.noise_ratios(np.array([0.0, 4.0]), np.array([[1.0, 9.0]]))
    np.testing.assert_array_equal(found, [[np.nan, np.nan, 1.5, np.sqrt(10) / 2]])
    first, second = noise_to_signal.by_order(found)
    assert (first.tolist(), second.tolist()) == ([1.5], [np.sqrt(10) / 2])
    assert np.isnan(noise_to_signal.quantiles(first[:0])).all()


def test_values_are_thinned_to_even_ranks(monkeypatch):
    monkeypatch.setattr(noise_to_signal, "RANKS", 5)
    assert noise_to_signal.thinned(np.arange(4.0)).tolist() == [0, 1, 2, 3]
    assert noise_to_signal.thinned(np.arange(9.0)).tolist() == [0, 2, 4, 6, 8]
