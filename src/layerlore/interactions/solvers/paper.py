"""The published solver, kept for fidelity and for the benchmark.

Stochastic gradient descent on ``gamma`` and ``delta`` with dense transform
matrices, as METHODS A4 describes the published code: both start at 0, momentum
0.9, learning rate log-spaced from ``eta`` to ``eta / 10``, ``delta`` clamped
before each step, float32, 20,000 steps, and the best of three ``eta`` for each
game. The gradient of the L1 norm is its sign, with 0 at the empty set.
"""

from __future__ import annotations

import torch

from layerlore.interactions.moebius import n_players_of
from layerlore.typing import EffectColumns, GameColumns

STEPS = 20_000
RATES = (1e-6, 1e-5, 1e-4)
MOMENTUM = 0.9


def transform_matrices(n_players: int, dtype: torch.dtype, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Dense AND and OR transforms, ``[2**n, 2**n]`` each."""
    one = torch.tensor([[1.0, 0.0], [-1.0, 1.0]], dtype=dtype, device=device)
    forward = torch.ones(1, 1, dtype=dtype, device=device)
    for _ in range(n_players):
        forward = torch.kron(one, forward)
    return forward, -forward.flip(1)


def solve(games: GameColumns, kappa: float, steps: int = STEPS) -> EffectColumns:
    """AND and OR effects of a batch of games as the published code finds them, not merged."""
    n_coalitions, n_games = games.shape
    to_and, to_or = transform_matrices(n_players_of(n_coalitions), torch.float32, games.device)
    score = games.to(torch.float32).repeat(1, len(RATES))
    radius = kappa * (score[-1] - score[0]).abs()
    rate = torch.tensor(RATES, device=games.device).repeat_interleave(n_games)
    gamma, delta = torch.zeros_like(score), torch.zeros_like(score)
    gamma_speed, delta_speed = torch.zeros_like(score), torch.zeros_like(score)
    for step in range(steps):
        torch.clamp(delta, -radius, radius, out=delta)[0] = 0
        half = (score - delta) / 2
        and_sign, or_sign = (to_and @ (half + gamma)).sign_(), (to_or @ (half - gamma)).sign_()
        and_sign[0] = or_sign[0] = 0
        and_slope, or_slope = to_and.T @ and_sign, to_or.T @ or_sign
        gamma_speed.mul_(MOMENTUM).add_(and_slope - or_slope)
        delta_speed.mul_(MOMENTUM).sub_((and_slope + or_slope) / 2)
        current = rate * 10 ** (-step / max(steps - 1, 1))
        gamma -= current * gamma_speed
        delta -= current * delta_speed
    torch.clamp(delta, -radius, radius, out=delta)[0] = 0
    half = (score - delta) / 2
    effects = torch.stack([to_and @ (half + gamma), to_or @ (half - gamma)], dim=1).to(torch.float64)
    effects = effects.view(n_coalitions, 2, len(RATES), n_games)
    best = effects[1:].abs().sum((0, 1)).argmin(0)
    return effects[:, :, best, torch.arange(n_games, device=games.device)]
