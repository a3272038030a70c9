"""What an iterate proves, against the linear programme: early iterates, with and without pull and smoothing."""

import numpy as np
import pytest
import torch

from layerlore.interactions.moebius import or_zeta, zeta
from layerlore.interactions.solvers import admm
from layerlore.interactions.solvers.certificate import Evaluation, evaluate
from layerlore.interactions.sparsest import sparsest
from reference.digits_games import digits_games, noisy, stacked
from reference.linear_programme import SLACK, Optimum, least_norm

KAPPA, PULL = 0.04, 0.1
SIGN = torch.tensor([1.0, -1.0], dtype=torch.float64).view(1, 2, 1)


@pytest.fixture(scope="module")
def games() -> torch.Tensor:
    """Six games as columns: zero at the empty set, range 10."""
    rows = digits_games(6, 24)[0][:6, 0]
    rows = rows - rows[:, :1]
    return torch.from_numpy(rows.T * 10 / np.ptp(rows, axis=1))


@pytest.fixture(scope="module")
def target(games) -> torch.Tensor:
    split = sparsest(noisy(games.T.numpy(), 0, share=0.05))
    return torch.from_numpy(stacked(split.and_effects, split.or_effects)).permute(2, 1, 0).contiguous()


@pytest.fixture(scope="module")
def optima(games, target) -> dict[bool, list[Optimum]]:
    rows, wanted = games.T.numpy(), target.permute(2, 1, 0).numpy()
    return {
        False: [least_norm(game, KAPPA) for game in rows],
        True: [least_norm(game, KAPPA, goal, PULL) for game, goal in zip(rows, wanted, strict=True)],
    }


def iterate(games: torch.Tensor, target: torch.Tensor | None, smoothing: float, iterations: int) -> Evaluation:
    radius = KAPPA * games[-1].abs()
    coupling = torch.full_like(radius, 0.3)
    goal = None if target is None else target * SIGN
    problem = admm.Problem(games, radius, coupling, goal, 0.0 if target is None else PULL)
    state = admm.State.start(games, torch.ones_like(radius), smoothing)
    admm.iterate(problem, state, iterations)
    return evaluate(problem, state)


def residual(games: torch.Tensor, effects: torch.Tensor) -> torch.Tensor:
    """Scores less rebuilt scores; ``effects`` of the usual sign."""
    return games - (zeta(effects[:, 0].T.contiguous()) + or_zeta(effects[:, 1].T.contiguous())).T


@pytest.mark.parametrize("pulled", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, 0.05])
@pytest.mark.parametrize("iterations", [1, 10, 100, 1000])
def test_bounds_enclose_the_optimum(games, target, optima, pulled, smoothing, iterations):
    found = iterate(games, target if pulled else None, smoothing, iterations)
    plain = torch.tensor([optimum.value for optimum in optima[False]], dtype=torch.float64)
    assert (found.plain_bound <= plain * (1 + SLACK)).all()
    assert (found.norm >= plain * (1 - SLACK)).all()
    # Any feasible split costs at least the bound; the programme's vertex, with its residual paid for, is one.
    vertices = torch.from_numpy(np.stack([optimum.effects.T for optimum in optima[pulled]], axis=-1))
    paid = smoothing / 2 * residual(games, vertices).square().sum(0)
    best = torch.tensor([optimum.value for optimum in optima[pulled]], dtype=torch.float64)
    assert (found.value_bound <= (best + paid) * (1 + SLACK)).all()
    assert (found.value >= best * (1 - SLACK)).all()


@pytest.mark.parametrize("pulled", [False, True])
def test_enough_iterations_close_the_gap(games, target, optima, pulled):
    found = iterate(games, target if pulled else None, 0.0, 3000)
    assert (found.value_bound >= 0.99 * found.value).all()
    best = torch.tensor([optimum.value for optimum in optima[pulled]], dtype=torch.float64)
    assert (found.value <= 1.01 * best).all()


@pytest.mark.parametrize("iterations", [1, 10, 100])
def test_splits_are_feasible_at_every_iterate(games, iterations):
    found = iterate(games, None, 0.0, iterations)
    rest = residual(games, found.effects * SIGN)
    assert (rest.abs() <= KAPPA * games[-1].abs() + 1e-12 * 10).all()
    assert (found.effects[0] == 0).all()
    assert (found.effects[[1, 2, 4, 8, 16, 32], 1] == 0).all()
