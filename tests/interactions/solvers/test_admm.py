"""The two halves of an iteration against dense matrices and scalar optimisation."""

import itertools

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar

from layerlore.interactions.solvers import admm
from layerlore.interactions.solvers.paper import transform_matrices

N_PLAYERS, N_GAMES, PULL = 4, 3, 0.3


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape))


def prepared(pull: float = 0.0, smoothing: float = 0.2) -> admm.Step:
    game = random(1 << N_PLAYERS, N_GAMES)
    game[0] = 0
    target = random(1 << N_PLAYERS, 2, N_GAMES, seed=1)
    target[0] = 0
    coupling = torch.tensor([0.1, 0.3, 2.0], dtype=torch.float64)
    problem = admm.Problem(game, torch.full((3,), 0.2, dtype=torch.float64), coupling, target if pull else None, pull)
    penalty = torch.tensor([0.7, 1.0, 3.0], dtype=torch.float64)
    shape = (1 << N_PLAYERS, 2, N_GAMES)
    state = admm.State(random(*shape, seed=2), random(*shape, seed=3), penalty, torch.full_like(penalty, smoothing))
    step = admm.Step(problem, state)
    step.proximal()
    return step


def test_solve_is_the_dense_least_squares_solution():
    step = prepared()
    transform, _ = transform_matrices(N_PLAYERS, torch.float64, torch.device("cpu"))
    weight, effect = step.constants.game[:, 0, 0], step.constants.effect[:, 0, 0]
    effects, games = step.effects - step.effect_dual, step.games + step.game_dual
    step.solve()
    for column in range(N_GAMES):
        prior = torch.diag(weight * step.problem.coupling[column])
        matrix = transform.T @ torch.diag(effect) @ transform + prior
        sides = transform.T @ (effect[:, None] * effects[..., column]) + prior @ games[..., column]
        expected = torch.linalg.solve(matrix, sides)
        assert torch.allclose(step.solution[..., column], expected, rtol=0, atol=1e-11)
        assert torch.allclose(step.image[..., column], transform @ expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize("pull", [0.0, PULL])
def test_effects_are_the_proximal_points(pull):
    step = prepared(pull)
    penalty = step.state.penalty * step.constants.effect
    everything = itertools.product(range(1, 1 << N_PLAYERS), (0, 1), range(N_GAMES))
    for coalition, part, column in everything:
        if part == 1 and coalition.bit_count() == 1:
            continue
        point = float(step.state.effects[coalition, part, column])
        goal = 0.0 if step.problem.target is None else float(step.problem.target[coalition, part, column])
        weight = float(penalty[coalition, 0, column])

        def cost(c: float, point: float = point, goal: float = goal, weight: float = weight) -> float:
            return abs(c) + pull * abs(c - goal) + weight / 2 * (c - point) ** 2

        best = minimize_scalar(cost, bounds=(-6, 6), method="bounded", options={"xatol": 1e-10}).fun
        assert cost(float(step.effects[coalition, part, column])) <= best + 1e-12
    assert torch.equal(step.effects[0], step.state.effects[0])
    assert (step.effects[step.constants.single, 1] == 0).all()


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_games_are_the_nearest_whose_sum_is_within_the_radius(smoothing):
    step = prepared(smoothing=smoothing)
    weight = step.constants.game[:, 0, 0]
    problem, state = step.problem, step.state
    for coalition, column in [(1, 0), (5, 1), (14, 2), (15, 0)]:
        stiffness = float(state.penalty[column] * problem.coupling[column])
        heavy, light = float(weight[coalition]), float(weight[15 - coalition])
        p, q = float(state.games[coalition, 0, column]), float(state.games[15 - coalition, 1, column])
        wanted, radius = float(problem.game[coalition, column]), float(problem.radius[column])

        def cost(p_new: float, q_new: float, p=p, q=q, heavy=heavy, light=light, wanted=wanted, s=stiffness) -> float:
            distance = heavy * (p_new - p) ** 2 + light * (q_new - q) ** 2
            return smoothing / 2 * (p_new + q_new - wanted) ** 2 + s / 2 * distance

        own = float(step.games[coalition, 0, column]), float(step.games[15 - coalition, 1, column])
        assert abs(sum(own) - wanted) <= radius + 1e-14
        grid = np.linspace(-5, 5, 401)
        around = [
            cost(first, total - first) for total in np.linspace(wanted - radius, wanted + radius, 41) for first in grid
        ]
        assert cost(*own) <= min(around)


def test_a_new_penalty_keeps_point_and_multipliers():
    step = prepared()
    problem, state = step.problem, step.state
    changed = admm.set_penalty(problem, state, state.penalty * 5)
    again = admm.Step(problem, changed)
    again.proximal()
    assert torch.allclose(again.effects, step.effects, atol=1e-13)
    assert torch.allclose(again.games, step.games, atol=1e-13)
    assert torch.allclose(again.effect_dual * 5, step.effect_dual, atol=1e-13)
