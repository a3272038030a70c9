"""AND effects alone need many numbers where AND and OR together need few."""

import numpy as np

import layerlore as ll

n_players = 8
coalitions = np.arange(2**n_players)


def any_of(*players: int) -> np.ndarray:
    """Whether at least one of the players is there, for each coalition."""
    return (coalitions & sum(1 << player for player in players)) > 0


def all_of(*players: int) -> np.ndarray:
    """Whether all are there."""
    mask = sum(1 << player for player in players)
    return (coalitions & mask) == mask


# Three facts: an OR of five players, an AND of three, a single player.
game = 4.0 * any_of(0, 1, 2, 3, 4) - 2.0 * all_of(3, 5, 6) + 1.0 * all_of(7)

and_only = ll.moebius(game)
split = ll.sparsest(game, kappa=0.0)
found = np.stack([split.and_effects, split.or_effects])
least = 0.01 * np.abs(found).max()
n_and_only, n_split = np.count_nonzero(np.abs(and_only) > least), np.count_nonzero(np.abs(found) > least)
print(f"AND alone: {n_and_only} effects; AND and OR: {n_split}; gap at most {100 * float(split.gap):.2f} %")

assert n_and_only > 30
assert n_split == 3
assert abs(float(split.or_effects[0b00011111]) - 4.0) < 0.05
assert abs(float(split.and_effects[0b01101000]) + 2.0) < 0.05
# The certificate: no split of this game has less than (1 - gap) times this norm, and the planted one has 7.
assert float(split.objective) * (1 - float(split.gap)) <= 7.0 <= float(split.objective) * 1.02
