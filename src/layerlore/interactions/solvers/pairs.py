"""One exact tie between splits, broken toward the simpler interactions.

``AND{i,j}`` and ``OR{i,j}`` with one effect ``t`` score ``t`` where one of the two
players is present and ``2t`` where both are: exactly what the effects ``t`` of
``{i}`` and of ``{j}`` score. Either way the L1 norm is ``2|t|``, so an optimiser
leaves an arbitrary share of each. Moving all of it to the single players never
raises the norm and changes no score.
"""

from __future__ import annotations

import itertools

import torch

from layerlore.typing import EffectColumns


def merge_pairs_(effects: EffectColumns) -> None:
    """Move what AND and OR of each pair have in common to its two players, in place.

    Args:
        effects: AND and OR effects, order 1 merged into AND.
    """
    n_players = effects.shape[0].bit_length() - 1
    for first, second in itertools.combinations((1 << player for player in range(n_players)), 2):
        pair = effects[first | second]
        common = torch.minimum(pair[0].abs(), pair[1].abs()) * pair[0].sign()
        common = torch.where(pair[0] * pair[1] > 0, common, 0.0)
        pair -= common
        effects[first, 0] += common
        effects[second, 0] += common
