"""The sparsest split of a game into AND and OR interactions, with a certificate (METHODS A4)."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, fields, replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from layerlore.errors import ConvergenceWarning, InputError, check_choice
from layerlore.interactions.moebius import as_float64, n_players_of, or_zeta, reconstruct, zeta
from layerlore.interactions.solvers import certified, paper
from layerlore.interactions.solvers.kronecker import total
from layerlore.typing import ArrayLike, EffectColumns, GameColumns, Games

MAX_PLAYERS = 24
MAX_ITERATIONS = 20_000
POOL_BYTES = 256 * 2**20


@dataclass(frozen=True)
class Split:
    """A split of games into AND and OR effects. Arrays are NumPy or torch, as the games were.

    Attributes:
        and_effects: AND effects ``[..., 2**n]``, order 1 merged into it; index 0 is ``v(empty)``.
        or_effects: OR effects ``[..., 2**n]``; 0 at orders 0 and 1.
        delta: what the tolerance absorbs, ``game - reconstruct(and_effects, or_effects)``, at most kappa in size.
        gamma: the choice between AND and OR, ``v_and = (v - delta)/2 + gamma``; ``v(empty)/2`` at the empty set.
        objective: L1 norm of all effects of one player or more, ``[...]``.
        gap: certified: ``(objective - bound) / objective`` with ``bound`` under the L1 norm of *every* split
            within the tolerance kappa; 0 where the objective is 0.
        aligned_gap: the same for the problem that was solved, pull included; NaN where nothing was certified.
        converged: whether the gap (with ``toward``, the aligned gap) is within the tolerance asked for.
        iterations: iterations used for each game.
    """

    and_effects: ArrayLike
    or_effects: ArrayLike
    gamma: ArrayLike
    delta: ArrayLike
    objective: ArrayLike
    gap: ArrayLike
    aligned_gap: ArrayLike
    converged: ArrayLike
    iterations: ArrayLike

    @classmethod
    def of_effects(cls, and_effects: np.ndarray, or_effects: np.ndarray) -> Split:
        """A split known by its effects alone, to pull toward; nothing about it is certified."""
        objective = np.asarray((np.abs(and_effects) + np.abs(or_effects))[..., 1:].sum(-1))
        unknown = np.full_like(objective, math.nan)
        gamma = (zeta(and_effects) - or_zeta(or_effects)) / 2
        return cls(
            and_effects=and_effects,
            or_effects=or_effects,
            gamma=gamma,
            delta=np.full_like(and_effects, math.nan),
            objective=objective,
            gap=unknown,
            aligned_gap=unknown,
            converged=np.zeros(objective.shape, dtype=bool),
            iterations=np.zeros(objective.shape, dtype=np.int64),
        )

    def __getitem__(self, index: object) -> Split:
        """The split of some of the games: ``index`` runs over the batch axes."""
        return replace(self, **{field.name: _part(getattr(self, field.name), index) for field in fields(self)})

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from layerlore.interactions.cards import split_card

        return split_card(self)

    def __repr__(self) -> str:
        *batch, n_coalitions = self.and_effects.shape
        games = f"games {tuple(batch)}" if batch else "one game"
        return f"Split({games} of {n_players_of(n_coalitions)} players)"


def sparsest(
    game: Games,
    kappa: float = 0.04,
    solver: Literal["certified", "paper"] = "certified",
    tolerance: float = 0.02,
    max_iterations: int = MAX_ITERATIONS,
    *,
    toward: Split | None = None,
    pull: float = 0.1,
) -> Split:
    """Split games into AND and OR effects of least L1 norm, up to a small tolerance on the scores.

    Minimises ``sum over S of |I_and(S)| + |I_or(S)|`` subject to ``|v(T) - rebuilt(T)| <= kappa |v(N) - v(empty)|``
    for every coalition ``T``. Splits with almost the least norm are many; among them smaller residuals are
    preferred, and lower orders where two are tied, which makes the salient effects most stable under noise in the
    scores (``interactions/README.md`` has the measurements).

    Args:
        game: scores ``[..., 2**n_players]``, NumPy or torch, 1 to 24 players; the leading axes are batch.
        kappa: tolerance on the scores, as a share of ``|v(N) - v(empty)|``; 0 asks for exact matching.
        solver: ``"certified"`` (default), or ``"paper"``, the published gradient descent.
        tolerance: certified gap at which a game counts as solved; `ConvergenceWarning` where it is missed.
        max_iterations: for each game, with the certified solver; rounded up to the next check, of which there is
            one every 50 or 100 iterations.
        toward: a split whose effects to pull toward, as they are; its batch shape broadcasts to that of ``game``.
        pull: weight of ``|c - c_toward|`` beside ``|c|``, from 0 to 1.

    Returns:
        A `Split`. Games are solved independently: the result has the same bits in any batch.

    Raises:
        InputError: no power of two, more than 24 players, NaN or infinite scores (the game is named), or an
            option out of range.

    Source: METHODS A3 and A4; the criterion is that of Cheng et al. 2024, section 3.

    >>> split = sparsest(np.array([0.0, 1.0, 1.0, 5.0]), kappa=0.0)
    >>> np.round(np.stack([split.and_effects, split.or_effects]), 3) + 0.0
    array([[0., 1., 1., 3.],
           [0., 0., 0., 0.]])
    """
    check_choice(solver, ("certified", "paper"), "solver")
    scores = as_float64(game, "game").detach()
    n_players = n_players_of(scores.shape[-1], "the last axis of game")
    _check_options(n_players, kappa, tolerance, max_iterations, pull, toward=toward, solver=solver)
    batch = scores.shape[:-1]
    columns = scores.reshape(-1, scores.shape[-1])
    _check_finite(columns, batch, "game")
    target = None if toward is None or pull == 0 else _target(toward, scores)

    solution = _flat_solution(columns)
    solvable = (columns.amax(-1) > columns.amin(-1)).nonzero()[:, 0]
    pool = max(1, POOL_BYTES // (columns.shape[-1] * 8 * 12))
    for chosen in solvable.split(pool) if len(solvable) else ():
        part = columns[chosen].T.contiguous()
        if solver == "paper":
            solution.put(chosen, _paper(part, kappa))
        else:
            goal = None if target is None else target[..., chosen]
            solution.put(chosen, certified.solve(part, kappa, tolerance, max_iterations, target=goal, pull=pull))
    split = _assemble(columns, solution, tolerance, aligned=target is not None)
    _warn(split, tolerance, batch, solver)
    return replace(
        split,
        **{
            field.name: _shaped(getattr(split, field.name), batch, isinstance(game, np.ndarray))
            for field in fields(split)
        },
    )


def _check_options(
    n_players: int,
    kappa: float,
    tolerance: float,
    max_iterations: int,
    pull: float,
    *,
    toward: Split | None,
    solver: str,
) -> None:
    if not 1 <= n_players <= MAX_PLAYERS:
        raise InputError(
            f"game has {n_players} players: sparsest takes 1 to {MAX_PLAYERS}, because it enumerates all 2**n "
            "coalitions. With more, group players (larger patches, several columns in one group)"
        )
    if not (math.isfinite(kappa) and kappa >= 0):
        raise InputError(f"kappa={kappa} must be a finite number of at least 0 (the papers use 0.04)")
    if not 0 < tolerance < 1:
        raise InputError(f"tolerance={tolerance} must lie between 0 and 1 (0.02 is a gap of two percent)")
    if max_iterations < 1:
        raise InputError(f"max_iterations={max_iterations} must be at least 1")
    if not 0 <= pull <= 1:
        raise InputError(f"pull={pull} must lie between 0 and 1")
    if toward is not None and solver != "certified":
        raise InputError("toward= needs solver='certified': the published solver has no pull")


def _check_finite(columns: Tensor, batch: tuple[int, ...], what: str) -> None:
    bad = ~torch.isfinite(columns)
    if bad.any():
        row, coalition = (int(index) for index in bad.nonzero()[0])
        where = f" of game {tuple(int(i) for i in np.unravel_index(row, batch))}" if batch else ""
        raise InputError(
            f"{what} holds {float(columns[row, coalition])} at coalition {coalition}{where}: every score must be finite"
        )


def _target(toward: Split, scores: Tensor) -> EffectColumns:
    """Effects to pull toward as columns; what has no meaning there (order 0, OR of order 1) is 0."""
    parts = []
    for name in ("and_effects", "or_effects"):
        effects = as_float64(getattr(toward, name), f"toward.{name}").to(scores.device)
        try:
            effects = effects.expand(scores.shape)
        except RuntimeError:
            raise InputError(
                f"toward.{name} has shape {tuple(effects.shape)}, which does not broadcast to game's "
                f"{tuple(scores.shape)}"
            ) from None
        parts.append(effects.reshape(-1, scores.shape[-1]).T)
    _check_finite(torch.cat([part.T for part in parts]), (2, *scores.shape[:-1]), "toward")
    target = torch.stack(parts, dim=1)
    target[0] = 0
    single = [1 << player for player in range(n_players_of(scores.shape[-1]))]
    target[single, 0] += target[single, 1]
    target[single, 1] = 0
    return target


@dataclass
class _Flat:
    """Solutions of a flat batch; games without any range keep the zeros they start with."""

    effects: EffectColumns
    bound: Tensor
    value_gap: Tensor
    iterations: Tensor

    def put(self, games: Tensor, part: certified.Solution) -> None:
        self.effects[..., games] = part.effects
        self.bound[games] = part.bound
        self.value_gap[games] = part.value_gap
        self.iterations[games] = part.iterations


def _flat_solution(columns: Tensor) -> _Flat:
    n_games, n_coalitions = columns.shape
    zeros = columns.new_zeros(n_games)
    return _Flat(
        columns.new_zeros(n_coalitions, 2, n_games), zeros, zeros.clone(), torch.zeros_like(zeros, dtype=torch.int64)
    )


def _paper(games: GameColumns, kappa: float) -> certified.Solution:
    """The published solver's effects, its order 1 merged; it certifies nothing, so its bound is the trivial one."""
    effects = paper.solve(games, kappa)
    n_players = n_players_of(games.shape[0])
    single = [1 << player for player in range(n_players)]
    effects[single, 0] += effects[single, 1]
    effects[single, 1] = 0
    effects[0] = 0
    reach = ((games - games[0]).abs().amax(0) - kappa * (games[-1] - games[0]).abs()).clamp_min(0)
    unknown = torch.full_like(reach, math.nan)
    steps = torch.full_like(reach, paper.STEPS, dtype=torch.int64)
    return certified.Solution(effects, reach, unknown, steps)


def _assemble(columns: Tensor, solution: _Flat, tolerance: float, aligned: bool) -> Split:
    and_effects = solution.effects[:, 0].T.contiguous()
    or_effects = solution.effects[:, 1].T.contiguous()
    objective = total(solution.effects.abs().sum(1))
    gap = torch.where(objective > 0, (objective - solution.bound).clamp_min(0) / objective, 0.0)
    and_effects[:, 0] = columns[:, 0]
    delta = columns - reconstruct(and_effects, or_effects)
    delta[:, 0] = 0
    gamma = (zeta(and_effects) - or_zeta(or_effects)) / 2
    return Split(
        and_effects=and_effects,
        or_effects=or_effects,
        gamma=gamma,
        delta=delta,
        objective=objective,
        gap=gap,
        aligned_gap=solution.value_gap,
        converged=(solution.value_gap if aligned else gap) <= tolerance,
        iterations=solution.iterations,
    )


def _warn(split: Split, tolerance: float, batch: tuple[int, ...], solver: str) -> None:
    missed = (~torch.as_tensor(split.converged)).nonzero()[:, 0]
    if len(missed) and solver == "certified":
        worst = float(torch.as_tensor(split.gap)[missed].max())
        named = [tuple(int(i) for i in np.unravel_index(int(row), batch)) for row in missed[:5]] if batch else []
        shown = ", ".join(map(str, named))
        warnings.warn(
            f"{len(missed)} of {len(split.converged)} games missed the tolerance {tolerance:g} on the certified gap "
            f"(worst gap {worst:.3g}{'; games ' + shown if shown else ''}). Raise max_iterations, or read "
            "split.gap beside the effects",
            ConvergenceWarning,
            stacklevel=3,
        )


def _part(values: ArrayLike, index: object) -> ArrayLike:
    """``values[index]``, an array even where it is a single number, as `sparsest` itself returns."""
    part = values[index]  # pyright: ignore[reportArgumentType, reportCallIssue]
    return part if isinstance(part, Tensor) else np.asarray(part)


def _shaped(flat: ArrayLike, batch: tuple[int, ...], to_numpy: bool) -> ArrayLike:
    tensor = torch.as_tensor(flat)
    tensor = tensor.reshape((*batch, *tensor.shape[1:]))
    return tensor.numpy() if to_numpy else tensor
