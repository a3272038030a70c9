"""What a state of the iteration proves: a feasible split above, a dual bound below (METHODS A4)."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
from torch import Tensor

from layerlore.interactions.moebius import halves, sweep_
from layerlore.interactions.solvers.admm import Constants, Problem, State, Step
from layerlore.interactions.solvers.kronecker import KroneckerPower, diagonal_power, joint_eigen, total
from layerlore.typing import Column, EffectColumns, GameColumns

REPAIRS = 2
"""Projections that a dual point gets before its bound is taken."""
REPAIR_STEP = 1.9


@dataclass(frozen=True)
class Grams:
    """A basis that makes ``G = M'M`` and its reversal ``G'`` diagonal at once: ``C'GC = ratio``, ``C'G'C = 1``."""

    basis: KroneckerPower
    inverse: KroneckerPower
    ratio: Tensor


@functools.lru_cache(maxsize=32)
def grams(n_players: int, device: torch.device) -> Grams:
    """The `Grams` for ``n_players`` on ``device``."""
    gram = torch.tensor([[2.0, -1.0], [-1.0, 1.0]], dtype=torch.float64)
    values, basis = joint_eigen(gram, gram.flip(0, 1))
    return Grams(
        KroneckerPower.of(basis, n_players, device),
        KroneckerPower.of(torch.linalg.inv(basis), n_players, device),
        diagonal_power(n_players, float(values[0]), float(values[1])).view(-1, 1).to(device),
    )


@dataclass
class Evaluation:
    """A feasible split at the current point, and certified bounds.

    ``effects`` merged and with internal sign; ``norm`` its L1 norm; ``plain_bound``
    under the least L1 norm of any split; ``value`` and ``value_bound`` of the
    problem solved; ``slack`` is ``sum |delta| (radius - |delta|)``, the price in
    L1 norm of a unit of smoothing.
    """

    effects: EffectColumns
    norm: Column
    plain_bound: Column
    value: Column
    value_bound: Column
    slack: Column


def evaluate(problem: Problem, state: State) -> Evaluation:
    """Recover a feasible split and the best dual bounds at the current point."""
    constants = problem.constants
    step = Step(problem, state)
    step.proximal()
    multipliers = step.effect_dual * (state.penalty * constants.effect)
    step.solve()
    effects, delta = _feasible(problem, constants, step.solution)
    size = effects.abs()
    cost = size
    if problem.target is not None:
        cost = cost + problem.pull * (effects - problem.target).abs()
    plain, bound = _bounds(problem, state, constants, multipliers)
    return Evaluation(
        effects=effects,
        norm=total(size.sum(1)),
        plain_bound=plain,
        value=total(cost.sum(1)) + state.smoothing / 2 * total(delta * delta),
        value_bound=bound,
        slack=total(delta.abs() * (problem.radius - delta.abs())),
    )


def _feasible(problem: Problem, constants: Constants, solution: EffectColumns) -> tuple[EffectColumns, GameColumns]:
    """Effects whose game lies within the radius, nearest in effects to those of ``solution``; and delta.

    What is missing in the score is shared between the two games so that the
    squared change of all effects is least: ``(G + G')^-1 G'`` of it goes to the
    AND game.
    """
    reached = solution[:, 0] + solution[:, 1].flip(0)
    score = torch.clamp(reached, problem.lower, problem.upper)
    missing = score - reached
    known = grams(constants.n_players, missing.device)
    part = known.basis(known.inverse(missing) / (1 + known.ratio))
    effects = solution + torch.stack([part, (missing - part).flip(0)], dim=1)
    sweep_(halves(effects, constants.n_players, 2 * effects.shape[2]), "up", -1)
    effects[0] = 0
    effects[constants.single, 0] -= effects[constants.single, 1]
    effects[constants.single, 1] = 0
    return effects, score - problem.game


def _bounds(problem: Problem, state: State, constants: Constants, multipliers: EffectColumns) -> tuple[Column, Column]:
    """Dual bounds: of the plain problem and of the one solved.

    Every candidate is scaled until all its prices are feasible, so that the
    bounds hold whatever the iteration does; the best over the candidates counts.
    The first two meet the prices of one kind of effect exactly. The others start
    from the point nearest to all multipliers, and are moved toward feasibility by
    over-relaxed projections.
    """
    limit = 1 + problem.pull
    multipliers[0] = 0
    multipliers[constants.single, 1] = -multipliers[constants.single, 0]
    from_and, from_or = _dual_parts(multipliers, constants)
    plain, solved = _bound_at(problem, state, constants, from_and, _prices(from_and, constants))
    candidate = from_or
    for repair in range(REPAIRS + 2):
        prices = _prices(candidate, constants)
        bounds = _bound_at(problem, state, constants, candidate, prices)
        plain, solved = torch.maximum(plain, bounds[0]), torch.maximum(solved, bounds[1])
        if repair == 0:
            candidate = _dual_nearest(multipliers, constants)
        else:
            excess = torch.clamp(prices, -limit, limit) - prices
            candidate = candidate + REPAIR_STEP * _dual_nearest(excess, constants)
    return plain, solved


def _bound_at(
    problem: Problem, state: State, constants: Constants, dual: GameColumns, prices: EffectColumns
) -> tuple[Column, Column]:
    gain, size = total(problem.game * dual), dual.abs()
    worst = prices.abs().amax((0, 1)).clamp_min(1e-300)
    plain = (gain - problem.radius * total(size)) / worst
    worst = worst / (1 + problem.pull)
    if problem.target is not None:
        # A pull is not homogeneous: only what is infeasible gains from being scaled.
        worst = worst.clamp_min(1)
    solved = gain / worst - total(_residual_conjugate(size / worst, problem.radius, state.smoothing))
    if problem.target is not None:
        solved = solved - total(_pull_conjugate(prices / worst, problem.target, problem.pull, constants).sum(1))
    return plain, solved


def _dual_parts(prices: EffectColumns, constants: Constants) -> tuple[GameColumns, GameColumns]:
    """Dual points with exactly these prices on the AND effects, and on the OR effects; 0 at the empty set."""
    parts = prices.clone()
    sweep_(halves(parts, constants.n_players, 2 * parts.shape[2]), "down", -1)
    parts[0, 0] = 0
    parts[-1, 1] = 0
    return parts[:, 0], parts[:, 1].flip(0)


def _dual_nearest(prices: EffectColumns, constants: Constants) -> GameColumns:
    """The dual point whose prices are nearest to the given ones, in least squares; 0 at the empty set."""
    from_and, from_or = _dual_parts(prices, constants)
    # The empty set has no row in the dictionary: its entry is set so that it asks for nothing there.
    from_and[0] = -total(from_and)
    from_or[0] = -total(from_or)
    known = grams(constants.n_players, prices.device)
    turned = known.basis(from_and, transposed=True) / known.ratio + known.basis(from_or, transposed=True)
    dual = known.inverse(turned / (1 + 1 / known.ratio), transposed=True)
    dual[0] = 0
    return dual


def _prices(dual: GameColumns, constants: Constants) -> EffectColumns:
    """What one unit of each effect is worth: the transposed dictionary applied to ``dual``."""
    inside, supersets = dual.clone(), dual.clone()
    columns = dual.shape[1]
    sweep_(halves(supersets, constants.n_players, columns), "down", 1)
    sweep_(halves(inside, constants.n_players, columns), "up", 1)
    prices = torch.stack([supersets, inside.flip(0) - inside[-1]], dim=1)
    prices[0] = 0
    return prices


def _residual_conjugate(size: GameColumns, radius: Column, smoothing: Column) -> GameColumns:
    """Conjugate of ``smoothing/2 d^2`` on ``|d| <= radius``: quadratic near zero, then linear."""
    quadratic = size * size / (2 * smoothing.clamp_min(1e-300))
    return torch.where(size < smoothing * radius, quadratic, radius * size - smoothing * radius**2 / 2)


def _pull_conjugate(prices: EffectColumns, target: EffectColumns, pull: float, constants: Constants) -> EffectColumns:
    """Conjugate of ``|c| + pull |c - target|``, finite where the prices are feasible."""
    conjugate = torch.maximum(-pull * target.abs(), prices * target - target.abs())
    conjugate[0] = 0
    conjugate[constants.single, 1] = 0
    return conjugate
