"""A game of three players, made by hand, and its effects: the transforms are exact and undo each other."""

import numpy as np

import layerlore as ll

# Coalitions are bitmasks: player 0 is the lowest bit. The score is 1, plus 2 if player 0 is there, plus 5 if players 1
# and 2 are both there, plus 3 if any of players 0 and 2 is.
coalitions = np.arange(8)
has = [(coalitions >> player & 1).astype(bool) for player in range(3)]
game = 1.0 + 2.0 * has[0] + 5.0 * (has[1] & has[2]) + 3.0 * (has[0] | has[2])

# The AND effects of the whole game: an OR of two players is two singles and a negative pair.
effects = ll.moebius(game)
print(effects)
assert effects.tolist() == [1.0, 5.0, 0.0, 0.0, 3.0, -3.0, 5.0, 0.0]
assert (ll.zeta(effects) == game).all()

# Split between AND and OR, the OR is one number again.
and_part = game - 3.0 * (has[0] | has[2])
or_part = game - and_part
total = ll.reconstruct(ll.moebius(and_part), ll.or_effects(or_part))
assert np.count_nonzero(ll.or_effects(or_part)) == 1
assert (total == game).all()

# Many games at once: leading axes are a batch. Sixteen players are 65,536 scores.
games = np.random.default_rng(0).standard_normal((4, 2**16))
assert np.allclose(ll.zeta(ll.moebius(games)), games, atol=1e-9)
