"""The published gradient descent solves the same problem, less well."""

import numpy as np
import pytest
import torch

from layerlore.interactions.moebius import reconstruct
from layerlore.interactions.solvers import paper
from layerlore.interactions.sparsest import sparsest
from reference.digits_games import digits_games
from reference.lattice import and_effects, or_effects
from reference.linear_programme import SLACK, least_norm

KAPPA = 0.04
FLOAT32 = 1e-5
"""The solver works in float32: effects are sums of up to 64 scores, each off by 6e-8 of the largest."""


@pytest.fixture
def games() -> np.ndarray:
    return digits_games(6, 24)[0][:4, -1]


@pytest.fixture
def fewer_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    full = paper.solve
    monkeypatch.setattr(paper, "solve", lambda games, kappa: full(games, kappa, steps=2000))


def test_transforms_are_those_of_the_paper():
    to_and, to_or = paper.transform_matrices(4, torch.float64, torch.device("cpu"))
    game = np.random.default_rng(0).standard_normal(16)
    assert np.allclose(to_and.numpy() @ game, and_effects(game), atol=1e-13)
    assert np.allclose((to_or.numpy() @ game)[1:], or_effects(game)[1:], atol=1e-13)


def test_splits_are_feasible_and_no_better_than_the_optimum(games, fewer_steps):
    split = sparsest(games, KAPPA, solver="paper")
    size = np.abs(games).max(-1)
    assert (np.abs(split.delta).max(-1) <= KAPPA * np.abs(games[:, -1] - games[:, 0]) + FLOAT32 * size).all()
    rebuilt = reconstruct(split.and_effects, split.or_effects)
    assert np.abs(rebuilt - (games - split.delta)).max() <= 1e-9 * size.max()
    for game, objective in zip(games, split.objective, strict=True):
        best = least_norm(game, KAPPA).value
        # Half of the residual's float32 slack may show as a lower norm, in each of a few dozen effects.
        assert objective >= best * (1 - SLACK - 10 * FLOAT32)
        assert objective <= 2 * best


def test_more_steps_make_a_smaller_norm(games):
    columns = torch.from_numpy(games.T.copy())
    few, more = (paper.solve(columns, KAPPA, steps)[1:].abs().sum((0, 1)) for steps in (100, 2000))
    assert (more < few).all()


def test_order_one_is_merged_and_nothing_is_certified(games, fewer_steps):
    split = sparsest(games, KAPPA, solver="paper")
    single = [1, 2, 4, 8, 16, 32]
    assert (split.or_effects[:, [0, *single]] == 0).all()
    assert np.isnan(split.aligned_gap).all()
    assert (split.iterations == paper.STEPS).all()
    best = np.array([least_norm(game, KAPPA).value for game in games])
    assert (split.gap >= 1 - best / split.objective - SLACK).all()
    assert not split.converged.any()


def test_the_best_of_three_rates_is_chosen_for_each_game(games, monkeypatch):
    columns = torch.from_numpy(games.T.copy())
    norms = []
    for rate in paper.RATES:
        monkeypatch.setattr(paper, "RATES", (rate,))
        norms.append(paper.solve(columns, KAPPA, 500)[1:].abs().sum((0, 1)))
    monkeypatch.undo()
    together = paper.solve(columns, KAPPA, 500)[1:].abs().sum((0, 1))
    assert torch.allclose(together, torch.stack(norms).amin(0), rtol=1e-3)
