"""The alternating direction method behind `sparsest`: problem, state, one iteration.

Games are columns, ``[2**n, n_games]``, scaled to a range of 10. A split has two
parts, the AND game ``p`` and the OR game ``q``; ``q`` is kept backwards, so that
both parts have the same transform ``M``, and OR effects carry a minus sign here.
The problem solved for each game ``w`` is

    minimise  sum_S |c_S| + pull |c_S - target_S|  +  smoothing/2 |d - w|^2
    with      c = (M p, M q),   d = p + reversed q,   |d - w| <= radius

Splitting: copies of ``M p, M q`` carry the first sum, copies of ``p, q`` the
rest. Both proximal maps are closed forms, and the linear solve that joins them,
``(M'EM + W)^-1``, is a Kronecker power, a diagonal and its transpose: additions
and elementwise products only, ``O(n 2^n)``. Nothing mixes games, so a game's
result has the same bits whatever batch it is solved in.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from layerlore.interactions.moebius import halves, sweep_
from layerlore.interactions.solvers.kronecker import KroneckerPower, diagonal_power, joint_eigen
from layerlore.typing import Column, EffectColumns, GameColumns

SKEW = 1.07
"""Per player: how much heavier small coalitions weigh in the AND game (and large ones in the OR game)."""
GROWTH = 1.45
"""Per player: how much the penalty on an effect grows with its order."""
RELAXATION = 1.9


@dataclass(frozen=True)
class Constants:
    """What the iteration needs to know about a number of players; columns ``[2**n, 1, 1]`` unless said."""

    n_players: int
    single: Tensor
    """Positions of the interactions of one player, ``[n]``."""
    effect: Tensor
    """Penalty on each effect, relative."""
    game: Tensor
    """Penalty on each score of the AND game and, backwards, of the OR game, relative."""
    pair: Tensor
    """Penalty on the sum of the two games that follows, ``[2**n, 1]``."""
    share: Tensor
    """Share of the AND game in a change of that sum."""
    basis: KroneckerPower
    """Makes ``M'EM`` and the penalties on the games diagonal."""
    spectrum: Tensor
    """``M'EM`` in that basis."""


@functools.lru_cache(maxsize=32)
def constants_of(n_players: int, device: torch.device) -> Constants:
    """The `Constants` for ``n_players`` on ``device``."""
    gram = torch.tensor([[1 + GROWTH, -GROWTH], [-GROWTH, GROWTH]], dtype=torch.float64)
    values, basis = joint_eigen(gram, torch.diag(torch.tensor([SKEW, 1 / SKEW], dtype=torch.float64)))
    game = diagonal_power(n_players, SKEW, 1 / SKEW)
    backwards = game.flip(0)

    def column(diagonal: Tensor) -> Tensor:
        return diagonal.to(device).view(-1, 1, 1)

    return Constants(
        n_players=n_players,
        single=torch.tensor([1 << player for player in range(n_players)], device=device),
        effect=column(diagonal_power(n_players, 1, GROWTH)),
        game=column(game),
        pair=column(game * backwards / (game + backwards))[:, 0],
        share=column(backwards / (game + backwards)),
        basis=KroneckerPower.of(basis, n_players, device),
        spectrum=column(diagonal_power(n_players, float(values[0]), float(values[1]))),
    )


@dataclass
class Problem:
    """A batch of scaled games and what is to be minimised for each.

    Effects carry the internal sign: OR effects are negated.
    """

    game: GameColumns
    radius: Column
    coupling: Column
    target: EffectColumns | None = None
    pull: float = 0.0

    def __post_init__(self) -> None:
        self.constants = constants_of(self.game.shape[0].bit_length() - 1, self.game.device)
        self.lower = self.game - self.radius
        self.upper = self.game + self.radius
        self.lower[0] = self.upper[0] = 0

    def keep(self, columns: Tensor) -> Problem:
        """The same problem for some of the games."""
        return Problem(
            self.game[:, columns],
            self.radius[columns],
            self.coupling[columns],
            None if self.target is None else self.target[..., columns],
            self.pull,
        )


@dataclass
class State:
    """Where the iteration stands: points before the proximal maps, penalty and smoothing of each game."""

    effects: EffectColumns
    games: EffectColumns
    penalty: Column
    smoothing: Column

    @classmethod
    def start(cls, game: GameColumns, penalty: Column, smoothing: float) -> State:
        """Both games start at half the score, the effects at zero."""
        games = torch.stack([game / 2, game.flip(0) / 2], dim=1)
        return cls(torch.zeros_like(games), games, penalty, torch.full_like(penalty, smoothing))

    def keep(self, columns: Tensor) -> State:
        """The state of some of the games."""
        return State(
            self.effects[..., columns], self.games[..., columns], self.penalty[columns], self.smoothing[columns]
        )

    def put(self, columns: Tensor, other: State) -> None:
        """Write the state of some of the games back."""
        self.effects[..., columns] = other.effects
        self.games[..., columns] = other.games
        self.penalty[columns] = other.penalty
        self.smoothing[columns] = other.smoothing


class Step:
    """Buffers and coefficients for iterating one batch; made anew when the batch or its penalties change."""

    def __init__(self, problem: Problem, state: State) -> None:
        constants = problem.constants
        self.problem, self.state, self.constants = problem, state, constants
        shape = state.effects.shape
        n_players, width = constants.n_players, 2 * shape[2]
        self.effects, self.effect_dual, self.games, self.game_dual, self.solution, self.image = (
            torch.empty(shape, dtype=torch.float64, device=state.effects.device) for _ in range(6)
        )
        self.sum, self.moved = torch.empty_like(problem.game), torch.empty_like(problem.game)
        self.solution_halves = halves(self.solution, n_players, width)
        self.image_halves = halves(self.image, n_players, width)
        self.limits = self._effect_limits()
        self.game_weight = constants.game * problem.coupling
        basis = constants.basis
        self.outer, self.middle = basis.outer.unsqueeze(1), basis.middle.unsqueeze(1)
        self.inner = basis.inner.unsqueeze(1) ** 2 / (constants.spectrum + problem.coupling)
        stiffness = state.penalty * problem.coupling * constants.pair
        self.slope = stiffness / (state.smoothing + stiffness)
        self.offset = (1 - self.slope) * problem.game

    def _effect_limits(self) -> tuple[Tensor, ...]:
        """How far the proximal map of the effects moves a point at most, as bounds for `clamp`."""
        problem, constants = self.problem, self.constants
        unit = 1 / (self.state.penalty * constants.effect)
        norm = unit.expand(self.effects.shape).clone()
        # The empty set is free; OR of one player is the same atom as AND of it, which alone is kept.
        norm[0] = 0
        norm[constants.single, 1] = math.inf
        if problem.target is None:
            return -norm, norm
        pull = (problem.pull * unit).expand(self.effects.shape).clone()
        pull[0] = 0
        above = problem.target >= 0
        zero = torch.zeros_like(pull)
        return (
            torch.where(above, -norm - pull, pull - norm),
            torch.where(above, norm - pull, norm + pull),
            torch.where(above, zero, -2 * pull),
            torch.where(above, 2 * pull, zero),
        )

    def proximal(self) -> None:
        """Effects and games at the current point, and what the maps took off (their duals)."""
        state, problem = self.state, self.problem
        torch.clamp(state.effects, self.limits[0], self.limits[1], out=self.effect_dual)
        torch.sub(state.effects, self.effect_dual, out=self.effects)
        if problem.target is not None:
            torch.sub(self.effects, problem.target, out=self.effect_dual)
            torch.clamp(self.effect_dual, self.limits[2], self.limits[3], out=self.effect_dual)
            self.effects.sub_(self.effect_dual)
            torch.sub(state.effects, self.effects, out=self.effect_dual)
        torch.add(state.games[:, 0], state.games[:, 1].flip(0), out=self.sum)
        torch.mul(self.sum, self.slope, out=self.moved)
        self.moved.add_(self.offset)
        torch.clamp(self.moved, problem.lower, problem.upper, out=self.moved)
        self.moved.sub_(self.sum)
        self.game_dual[:, 0] = self.moved
        self.game_dual[:, 1] = self.moved.flip(0)
        self.game_dual.mul_(self.constants.share)
        torch.add(state.games, self.game_dual, out=self.games)

    def solve(self) -> None:
        """The games that fit the reflected copies best (``solution``), and their effects (``image``)."""
        constants, solution, image = self.constants, self.solution, self.image
        torch.sub(self.effects, self.effect_dual, out=solution)
        solution.mul_(constants.effect)
        sweep_(self.solution_halves, "down", -1)
        torch.add(self.games, self.game_dual, out=image)
        image.mul_(self.game_weight)
        solution.add_(image)
        solution.mul_(self.outer)
        sweep_(self.solution_halves, "down", 1)
        solution.mul_(self.middle)
        sweep_(self.solution_halves, "up", 1)
        solution.mul_(self.inner)
        sweep_(self.solution_halves, "down", 1)
        solution.mul_(self.middle)
        sweep_(self.solution_halves, "up", 1)
        solution.mul_(self.outer)
        image.copy_(solution)
        sweep_(self.image_halves, "up", -1)

    def advance(self, iterations: int) -> None:
        """Iterate, over-relaxed."""
        for _ in range(iterations):
            self.proximal()
            self.solve()
            self.state.effects.add_(self.image.sub_(self.effects).mul_(RELAXATION))
            self.state.games.add_(self.solution.sub_(self.games).mul_(RELAXATION))


def iterate(problem: Problem, state: State, iterations: int) -> None:
    """Advance ``state`` in place."""
    Step(problem, state).advance(iterations)


def set_penalty(problem: Problem, state: State, penalty: Column) -> State:
    """The same point and the same multipliers under another penalty."""
    step = Step(problem, state)
    step.proximal()
    ratio = state.penalty / penalty
    return State(
        step.effects + step.effect_dual * ratio,
        step.games - step.game_dual * ratio,
        penalty,
        state.smoothing.clone(),
    )
