"""Effects as shapiq's `InteractionValues`, for its plots and its conversions to other indices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from layerlore.errors import InputError, check_choice, missing_extra
from layerlore.interactions.moebius import as_float64, n_players_of, orders
from layerlore.typing import Effects

if TYPE_CHECKING:
    from shapiq.interaction_values import InteractionValues


def to_shapiq(effects: Effects, op: Literal["and", "or"] = "and") -> InteractionValues:
    """AND or OR effects of one game, under the name and the sign that shapiq gives them.

    AND effects are its index ``"Moebius"``, as they are. OR effects become its index
    ``"Co-Moebius"``, ``(-1)**(|S|+1) I_or(S)``, so even orders change their sign; shapiq puts
    the game's value at the empty set there, which is 0. To use OR effects where shapiq expects
    Moebius coefficients, pass ``moebius(or_zeta(or_effects))`` with ``op="and"``.

    Args:
        effects: ``[2**n_players]``, float64, NumPy or torch; coalition ``S`` at index ``sum(2**i for i in S)``.
        op: which of the two they are. The OR effect of the empty set has no meaning and is not read.

    Returns:
        The values by interaction, a sorted tuple of players. Zeros are left out: shapiq reads a
        missing interaction as 0. ``estimated`` is False; ``baseline_value`` is the game's value at
        the empty set.

    Raises:
        InputError: more than one game, NaN or infinite effects, or an unknown ``op``.
        MissingExtraError: shapiq is not installed.

    Source: METHODS A3; shapiq 1.4, `ExactComputer`.

    >>> to_shapiq(np.array([1.0, 0.0, 2.0, 3.0])).dict_values
    {(): 1.0, (1,): 2.0, (0, 1): 3.0}
    """
    check_choice(op, ("and", "or"), "op")
    values = as_float64(effects, "effects").detach().cpu().numpy()
    if values.ndim != 1:
        raise InputError(f"effects has shape {values.shape}: pass those of one game, of shape (2**n_players,)")
    n_players = n_players_of(len(values), "effects")
    if not np.isfinite(values).all():
        raise InputError(f"effects holds {values[~np.isfinite(values)][0]}: every effect must be finite")
    if op == "or":
        values = np.where(orders(n_players) % 2 == 1, values, -values)
        values[0] = 0
    try:
        from shapiq.interaction_values import InteractionValues  # optional, and slow to import
    except ImportError:
        raise missing_extra("shapiq", "shapiq", "conversion to shapiq") from None
    return InteractionValues(
        {_players_in(int(coalition)): float(values[coalition]) for coalition in np.flatnonzero(values)},
        index="Moebius" if op == "and" else "Co-Moebius",
        n_players=n_players,
        min_order=0,
        max_order=n_players,
        estimated=False,
        baseline_value=float(values[0]),
    )


def _players_in(coalition: int) -> tuple[int, ...]:
    return tuple(player for player in range(coalition.bit_length()) if coalition >> player & 1)
