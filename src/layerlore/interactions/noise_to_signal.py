"""How large noise is beside what the players of a coalition show: ``|x_S - x'_S| / |x_S|`` (METHODS A8)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from layerlore.interactions.moebius import orders, zeta
from layerlore.players import Plan, Sample, named_parts
from layerlore.players.samples import PLAIN

QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
"""Ends, whiskers, box and median of a box plot."""
RANKS = 1024
"""Values of one sample and order that are kept for the plots of all samples: evenly spaced ranks if there are more."""


def player_energy(sample: Sample, plan: Plan) -> Float64[np.ndarray, "n_players"] | None:
    """Sum of the squared values that each player owns, over all tensors of floating point.

    None where the plan does not say who owns what.
    """
    if plan.owner is None:
        return None
    energy = np.zeros(plan.n_players)
    for name, part in named_parts(sample).items():
        owner = plan.owner.cpu()
        if name != PLAIN:
            # Owners of named tensors fit from the left, those of a plain one from the right, as in masked_inputs.
            if any(length not in (1, full) for length, full in zip(owner.shape, part.shape, strict=False)):
                continue
            owner = owner.reshape(*owner.shape, *[1] * (part.dim() - owner.dim()))
        if not part.is_floating_point():
            continue
        who = owner.expand(part.shape).reshape(-1).numpy() + 1
        squares = part.detach().cpu().double().reshape(-1).numpy() ** 2
        energy += np.bincount(who, weights=squares, minlength=plan.n_players + 1)[1:]
    return energy


def noise_ratios(
    signal: Float64[np.ndarray, "n_players"], noise: Float64[np.ndarray, "n_draws n_players"]
) -> Float64[np.ndarray, "n_draws n_coalitions"]:
    """The ratio for every draw and coalition, from the energies of players; NaN where a coalition shows only zeros.

    Players own disjoint values, so that squared norms add up over a coalition: one subset sum for each draw instead of
    a norm for each coalition.
    """
    singles = 1 << np.arange(len(signal))
    squares = np.zeros((1 + len(noise), 1 << len(signal)))
    squares[:, singles] = np.vstack([signal[None], noise])
    sums = np.asarray(zeta(squares))
    return np.sqrt(np.divide(sums[1:], sums[0], out=np.full(sums[1:].shape, np.nan), where=sums[0] > 0))


def by_order(ratios: Float64[np.ndarray, "n_draws n_coalitions"]) -> list[Float64[np.ndarray, "n_values"]]:
    """The defined ratios of order 1, 2, ... n over draws and coalitions, each sorted."""
    order = orders(ratios.shape[-1].bit_length() - 1)
    parts = (ratios[:, order == number] for number in range(1, order[-1] + 1))
    return [np.sort(part[np.isfinite(part)]) for part in parts]


def thinned(values: Float64[np.ndarray, "n_values"]) -> Float64[np.ndarray, "n_kept"]:
    """At most `RANKS` of sorted values, at evenly spaced ranks, first and last among them."""
    if len(values) <= RANKS:
        return values
    return values[np.linspace(0, len(values) - 1, RANKS).round().astype(np.int64)]


def quantiles(values: Float64[np.ndarray, "n_values"]) -> Float64[np.ndarray, "n_quantiles"]:
    """`QUANTILES` of values, NaN where there are none."""
    return np.quantile(values, QUANTILES) if len(values) else np.full(len(QUANTILES), np.nan)
