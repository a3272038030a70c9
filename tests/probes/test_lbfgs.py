"""Tests of the minimiser of many problems at once."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from layerlore.probes.lbfgs import Minimiser

EVERY = torch.float64


def quadratics(conditions, n_numbers=12, seed=0):
    """Hessians with eigenvalues from 1 to each condition number, and their minima."""
    generator = torch.Generator().manual_seed(seed)
    basis = torch.linalg.qr(torch.randn(len(conditions), n_numbers, n_numbers, generator=generator, dtype=EVERY))[0]
    values = torch.stack([torch.logspace(0, np.log10(condition), n_numbers, dtype=EVERY) for condition in conditions])
    hessians = basis @ (values[:, :, None] * basis.mT)
    return hessians, torch.randn(len(conditions), n_numbers, generator=generator, dtype=EVERY)


def quadratic_values(hessians, minima, points):
    apart = points - minima
    # One product for each problem: batched ones may round differently with the number of problems.
    gradient = torch.stack([hessian @ row for hessian, row in zip(hessians, apart, strict=True)])
    return (apart * gradient).sum(1) / 2, gradient


def run(minimiser, evaluate, rounds=1000):
    for number in range(rounds):
        if minimiser.done.all():
            return number
        minimiser.tell(*evaluate(minimiser.trial))
    return rounds


def test_quadratics_of_any_conditioning_reach_their_minima():
    hessians, minima = quadratics([1, 10, 100, 1e3, 1e4])
    minimiser = Minimiser(torch.zeros_like(minima), tolerance=1e-8)
    rounds = run(minimiser, lambda points: quadratic_values(hessians, minima, points))
    assert rounds < 1000
    assert minimiser.met.all()
    # The smallest eigenvalue is 1, so the distance is at most the norm of the gradient: sqrt(12) * 1e-8.
    assert (minimiser.point - minima).norm(dim=1).max() < 12**0.5 * 1e-8


def test_logistic_problems_agree_with_scipy():
    generator = torch.Generator().manual_seed(2)
    features = torch.randn(80, 7, generator=generator, dtype=EVERY)
    signs = torch.randint(0, 2, (3, 80), generator=generator).to(EVERY) * 2 - 1
    penalty = torch.tensor([1.0, 0.1, 0.01], dtype=EVERY)

    def evaluate(points):
        margins = signs * (points @ features.T)
        slope = -signs * torch.sigmoid(-margins)
        value = torch.nn.functional.softplus(-margins).mean(1) + penalty / 2 * (points**2).sum(1)
        return value, slope @ features / 80 + penalty[:, None] * points

    minimiser = Minimiser(torch.zeros(3, 7, dtype=EVERY), tolerance=1e-9)
    run(minimiser, evaluate)
    assert minimiser.met.all()
    for problem in range(3):

        def one(flat, problem=problem):
            points = torch.zeros(3, 7, dtype=EVERY)
            points[problem] = torch.from_numpy(flat)
            value, gradient = evaluate(points)
            return float(value[problem]), gradient[problem].numpy()

        reference = minimize(one, np.zeros(7), jac=True, method="BFGS", options={"gtol": 1e-9})
        # Both gradients are below 1e-9 per entry and curvature is at least the penalty: sqrt(7) * 2e-9 / 0.01 at most.
        assert np.abs(minimiser.point[problem].numpy() - reference.x).max() < 1e-6


@pytest.mark.parametrize("where", ["value", "gradient"])
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_trial_that_is_not_finite_is_shortened_and_never_kept(where, bad):
    hessians, minima = quadratics([30.0, 30.0])
    refused = 0

    def evaluate(points):
        nonlocal refused
        value, gradient = quadratic_values(hessians, minima, points)
        # Of the first problem only, everything further than 0.3 from where it stands is out of bounds.
        outside = (points - minimiser.point).norm(dim=1) > 0.3
        outside[1] = False
        refused += int(outside.sum())
        (value if where == "value" else gradient)[outside] = bad
        return value, gradient

    minimiser = Minimiser(torch.zeros_like(minima), tolerance=1e-8)
    run(minimiser, evaluate)
    assert refused
    assert minimiser.met.all()
    assert torch.isfinite(minimiser.point).all()
    assert (minimiser.point - minima).norm(dim=1).max() < 12**0.5 * 1e-8


def test_a_problem_gives_the_same_bits_alone_and_among_others():
    hessians, minima = quadratics([3, 1e4, 50, 700])
    together = Minimiser(torch.zeros_like(minima), tolerance=1e-8)
    run(together, lambda points: quadratic_values(hessians, minima, points))
    for row in range(4):
        part = slice(row, row + 1)
        alone = Minimiser(torch.zeros_like(minima[part]), tolerance=1e-8)
        run(alone, lambda points, part=part: quadratic_values(hessians[part], minima[part], points))
        assert torch.equal(alone.point[0], together.point[row])


def test_a_neighbour_that_fails_from_the_start_costs_the_others_nothing():
    hessians, minima = quadratics([1e3, 1e3])

    def evaluate(points):
        value, gradient = quadratic_values(hessians, minima, points)
        value[1] = float("nan")
        return value, gradient

    together = Minimiser(torch.zeros_like(minima), tolerance=1e-8)
    run(together, evaluate)
    alone = Minimiser(torch.zeros_like(minima[:1]), tolerance=1e-8)
    run(alone, lambda points: quadratic_values(hessians[:1], minima[:1], points))
    assert torch.equal(together.point[0], alone.point[0])
    assert together.met.tolist() == [True, False]
    assert together.done.all()


def test_the_tolerance_is_met_exactly_when_said():
    hessians, minima = quadratics([100.0, 1.0])
    minimiser = Minimiser(torch.zeros_like(minima), tolerance=1e-3)
    run(minimiser, lambda points: quadratic_values(hessians, minima, points))
    gradient = quadratic_values(hessians, minima, minimiser.point)[1]
    assert minimiser.met.all()
    assert gradient.abs().max() <= 1e-3
    start = Minimiser(torch.zeros_like(minima), tolerance=1e-3)
    start.tell(*quadratic_values(hessians, minima, start.trial))
    assert not start.met.any()


def test_a_tolerance_below_rounding_ends_all_the_same_and_is_not_met():
    hessians, minima = quadratics([1e4])
    minimiser = Minimiser(torch.zeros_like(minima), tolerance=1e-300)

    def offset(points):
        # What the last steps gain is lost in an offset of 1.
        value, gradient = quadratic_values(hessians, minima, points)
        return value + 1, gradient

    assert run(minimiser, offset) < 1000
    assert minimiser.done.all()
    assert not minimiser.met.any()


def test_a_problem_that_is_done_stays_where_it_is():
    hessians, minima = quadratics([1.0, 1e4])
    minimiser = Minimiser(torch.zeros_like(minima), tolerance=1e-6)
    evaluate = lambda points: quadratic_values(hessians, minima, points)  # noqa: E731
    while not minimiser.done[0]:
        minimiser.tell(*evaluate(minimiser.trial))
    kept = minimiser.point[0].clone()
    assert not minimiser.done[1]
    run(minimiser, evaluate)
    assert torch.equal(minimiser.point[0], kept)
    assert torch.equal(minimiser.trial[0], kept)
