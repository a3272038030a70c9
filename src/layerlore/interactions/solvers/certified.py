"""The certified solver: bound the least L1 norm from below, then choose among the splits near it.

Splits with almost the least L1 norm are many, and the choice among them decides
how stable the salient interactions are under noise in the scores. The rule here:
*of two splits that are almost equally sparse, take the one with the smaller
residual; of two that are exactly tied, the one with the lower orders* (`pairs`).
So two problems are solved for each game:

1. *bound*: the plain problem of METHODS A4, for its dual bound alone;
2. *select*: the same with a small quadratic price on the residual and, if asked,
   a pull toward given effects. Where that costs more L1 norm than the tolerance
   allows, the price is halved and the bound is tightened until the certified gap
   is met.

The first problem likes a small penalty (its dual settles fast), the second a
large one (its primal does), which is half of the speed.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor

from layerlore.engines import one_thread
from layerlore.interactions.solvers import admm
from layerlore.interactions.solvers.certificate import Evaluation, evaluate
from layerlore.interactions.solvers.pairs import merge_pairs_
from layerlore.typing import Column, EffectColumns, GameColumns

PENALTY = 1.5
"""Penalty on the effects at 10 players while the bound is sought; it grows by `PENALTY_GROWTH` with each player."""
PENALTY_GROWTH = 1.33
SELECT_FACTOR = 4.0
"""How much larger the penalty is while the split is sought."""
COUPLING = 0.1
"""Penalty on the games relative to that on the effects at 10 players and `WIDE` kappa; see `_coupling`."""
COUPLING_GROWTH = 1.5
WIDE = 0.03
BOUND_CHECK = 100
"""Iterations between two looks at the bound, up to 10 players; beyond, times `BOUND_CHECK_GROWTH` for each player."""
BOUND_CHECK_GROWTH = 1.6
SELECT_CHECK = 50
"""Iterations between two looks at the split."""

STALL = 0.1
"""The bound has settled when the iterations between two looks raise it by less than this share of the tolerance."""
AIM = 0.5
"""Share of the tolerance that is aimed at before the price is halved."""
SELECT_SHARE = 0.5
"""Share of the tolerance to which the selection problem is solved."""

RESIDUAL_PRICE = 0.04
"""Price of the residual, as the share of the L1 norm that its duality gap may take."""
FEW_PLAYERS_CLOSER = 3.0
"""How much smaller price and share are for each player under 10, down to a tenth: there closer costs milliseconds."""
MAX_SMOOTHING = 0.2
BOUND_SMOOTHING = 0.3
"""Smoothing of the plain problem over all coalitions, where a little of it speeds convergence."""
BOUND_RADIUS = 0.4
"""Radius, for a range of 10, up to which `BOUND_SMOOTHING` is used in full."""
ROUNDS = 3
"""How often the price is halved before it is dropped."""

BATCH_NUMBERS = 1 << 15
"""Scores iterated together: what a core's second-level cache holds."""
MIN_WIDTH = 4
CACHED = 1 << 16
"""Coalitions up to which a batch stays in cache, so that a second thread gains nothing."""

Visit = Callable[[Tensor, admm.State, Evaluation], Tensor]
Build = Callable[["_Work", Tensor], admm.Problem]


@dataclass
class Solution:
    """Splits of a batch of games, columns as given; `Split` says what each number means."""

    effects: EffectColumns
    bound: Column
    value_gap: Column
    iterations: Tensor


@dataclass
class _Work:
    """One batch on its way through the two problems. Columns are games, in scaled units."""

    game: GameColumns
    radius: Column
    target: EffectColumns | None
    pull: float
    tolerance: float
    max_iterations: int

    def __post_init__(self) -> None:
        self.constants = admm.constants_of(self.game.shape[0].bit_length() - 1, self.game.device)
        n_players = self.constants.n_players
        self.coupling = _coupling(self.radius, n_players)
        self.penalty = torch.full_like(self.radius, PENALTY * PENALTY_GROWTH ** (n_players - 10))
        self.bound_state = admm.State.start(self.game, self.penalty, BOUND_SMOOTHING / self.game.shape[0])
        # What the smoothing costs the bound grows with the square of the radius.
        self.bound_state.smoothing *= (BOUND_RADIUS / self.radius.clamp_min(BOUND_RADIUS)) ** 2
        self.split_state = self.bound_state
        self.effects = torch.zeros_like(self.bound_state.effects)
        self.bound = torch.full_like(self.radius, -torch.inf)
        self.norm = torch.full_like(self.radius, torch.inf)
        self.value_gap = torch.full_like(self.radius, torch.inf)
        self.strength = torch.ones_like(self.radius)
        self.iterations = torch.zeros_like(self.radius, dtype=torch.int64)


def solve(
    games: GameColumns,
    kappa: float,
    tolerance: float,
    max_iterations: int,
    *,
    target: EffectColumns | None = None,
    pull: float = 0.0,
) -> Solution:
    """Split games whose range is positive.

    Args:
        games: finite scores.
        kappa: tolerance on the scores as a share of ``|v(N) - v(empty)|`` (METHODS A4).
        tolerance: certified gap to reach.
        max_iterations: for each game, over both problems.
        target: AND and OR effects to pull toward, or none.
        pull: strength of the pull.
    """
    scale = 10 / (games.amax(0) - games.amin(0))
    game = (games - games[0]) * scale
    sign = torch.tensor([1.0, -1.0], dtype=torch.float64, device=games.device).view(1, 2, 1)
    work = _Work(
        game=game,
        radius=kappa * game[-1].abs(),
        target=None if target is None else target * (scale * sign),
        pull=0.0 if target is None else pull,
        tolerance=tolerance,
        max_iterations=max_iterations,
    )
    with one_thread() if work.game.shape[0] <= CACHED else nullcontext():
        _run(work)
    effects = work.effects * (sign / scale)
    if target is None:
        merge_pairs_(effects)
    return Solution(effects, work.bound / scale, work.value_gap, work.iterations)


def _run(work: _Work) -> None:
    todo = torch.arange(len(work.radius), device=work.radius.device)
    _tighten(work, todo)
    work.split_state = admm.set_penalty(_plain(work, todo), work.bound_state, work.penalty * SELECT_FACTOR)
    _select(work, todo)
    for _ in range(ROUNDS):
        todo = _open(work, todo, AIM)
        if work.target is None:
            _tighten(work, todo)
            todo = _open(work, todo, AIM)
        if not len(todo):
            return
        work.strength[todo] /= 2
        _select(work, todo)
    todo = _open(work, todo, 1)
    work.strength[todo] = 0
    _select(work, todo)
    if work.target is None:
        _tighten(work, _open(work, todo, 1), stall=0)


def _open(work: _Work, games: Tensor, share: float) -> Tensor:
    """Which of ``games`` miss this share of the tolerance and have iterations left."""
    gap = 1 - work.bound / work.norm if work.target is None else work.value_gap
    return games[((gap > share * work.tolerance) & (work.iterations < work.max_iterations))[games]]


def _coupling(radius: Column, n_players: int) -> Column:
    """Narrow tolerances tie the two games together, and many players loosen them."""
    width = (radius / 10 / WIDE).clamp(min=1 / 64, max=1)
    return COUPLING * COUPLING_GROWTH ** (10 - n_players) / width.sqrt()


def _bound_check(work: _Work) -> int:
    """The bound rises ever more slowly with more players: it gets more time before it counts as settled."""
    return BOUND_CHECK * max(1, round(BOUND_CHECK_GROWTH ** (work.constants.n_players - 10)))


def _plain(work: _Work, games: Tensor) -> admm.Problem:
    return admm.Problem(work.game[:, games], work.radius[games], work.coupling[games])


def _selection(work: _Work, games: Tensor) -> admm.Problem:
    target = None if work.target is None else work.target[..., games]
    return admm.Problem(work.game[:, games], work.radius[games], work.coupling[games], target, work.pull)


def _tighten(work: _Work, games: Tensor, stall: float = STALL) -> None:
    """Raise the bound until it settles or certifies the split at hand."""

    def visit(games: Tensor, _state: admm.State, found: Evaluation) -> Tensor:
        before = work.bound[games]
        work.bound[games] = torch.maximum(before, found.plain_bound)
        settled = work.bound[games] - before < stall * work.tolerance * work.bound[games].abs()
        return settled | (1 - work.bound[games] / work.norm[games] <= AIM * work.tolerance)

    _iterate(work, _plain, work.bound_state, games, every=_bound_check(work), visit=visit)


def _select(work: _Work, games: Tensor) -> None:
    """Solve the selection problem and keep its split."""
    closeness = min(1.0, max(0.1, FEW_PLAYERS_CLOSER ** (work.constants.n_players - 10)))
    share, price = SELECT_SHARE * closeness, RESIDUAL_PRICE * closeness

    def visit(games: Tensor, state: admm.State, found: Evaluation) -> Tensor:
        work.effects[..., games] = found.effects
        work.norm[games] = found.norm
        work.value_gap[games] = torch.where(found.value > 0, 1 - found.value_bound / found.value, 0.0)
        state.smoothing = _smoothing(state, found, price * work.strength[games])
        return work.value_gap[games] <= share * work.tolerance

    _iterate(work, _selection, work.split_state, games, every=SELECT_CHECK, visit=visit)


def _smoothing(state: admm.State, found: Evaluation, price: Column | float) -> Column:
    """The smoothing whose residual costs ``price`` of the L1 norm, approached by factors of two."""
    wanted = price * found.norm / found.slack.clamp_min(1e-300)
    wanted = wanted.clamp(max=MAX_SMOOTHING)
    return torch.clamp(wanted, min=state.smoothing / 2, max=state.smoothing * 2)


def _iterate(work: _Work, build: Build, states: admm.State, games: Tensor, *, every: int, visit: Visit) -> None:
    """Iterate ``games``, a batch at a time; a game leaves when ``visit`` says so or its iterations are used up.

    Places that become free are taken by the games still waiting, so that the
    batch stays wide; what a game computes does not depend on its neighbours.
    """
    width = max(MIN_WIDTH, BATCH_NUMBERS // work.game.shape[0])
    active, waiting = games[:width], games[width:]
    problem, state = build(work, active), states.keep(active)
    while len(active):
        admm.iterate(problem, state, every)
        work.iterations[active] += every
        leave = visit(active, state, evaluate(problem, state))
        leave |= work.iterations[active] >= work.max_iterations
        if leave.any():
            states.put(active, state)
            free = int(leave.sum())
            active, waiting = torch.cat([active[~leave], waiting[:free]]), waiting[free:]
            problem, state = build(work, active), states.keep(active)
