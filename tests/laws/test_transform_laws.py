"""Laws of the transforms (METHODS A3), on games that nobody chose.

Games of integers up to 2**20 have effects up to 2**36 at 16 players, which
float64 holds exactly: there the laws hold to the last bit and are compared so.
"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import layerlore as ll
from layerlore.interactions.moebius import orders

SCORES = st.integers(-(2**20), 2**20)
SEEDS = st.integers(0, 2**32 - 1)


@st.composite
def games(draw, min_players: int = 0, max_players: int = 16):
    """Integer scores as float64: each one drawn for a few players, so that they shrink; seeded beyond."""
    n_players = draw(st.integers(min_players, max_players))
    length = 1 << n_players
    if n_players <= 4:
        return np.array(draw(st.lists(SCORES, min_size=length, max_size=length)), dtype=float)
    return np.random.default_rng(draw(SEEDS)).integers(-(2**20), 2**20, size=length).astype(float)


@st.composite
def pairs_of_games(draw):
    game = draw(games())
    return game, np.random.default_rng(draw(SEEDS)).integers(-(2**20), 2**20, size=len(game)).astype(float)


def players(game: np.ndarray) -> range:
    return range(len(game).bit_length() - 1)


def zero_at_empty(game: np.ndarray) -> np.ndarray:
    return np.concatenate([[0.0], game[1:]])


@given(games())
def test_and_effects_and_game_are_inverse(game):
    assert np.array_equal(ll.zeta(ll.moebius(game)), game)
    assert np.array_equal(ll.moebius(ll.zeta(game)), game)


@given(games().map(zero_at_empty))
def test_or_effects_and_game_are_inverse(game):
    assert np.array_equal(ll.or_zeta(ll.or_effects(game)), game)
    assert np.array_equal(ll.or_effects(ll.or_zeta(game)), game)


@given(games())
def test_reconstruct_needs_no_or_effects(game):
    assert np.array_equal(ll.reconstruct(ll.moebius(game), np.zeros_like(game)), game)


@pytest.mark.parametrize("transform", [ll.moebius, ll.zeta, ll.or_effects, ll.or_zeta])
@given(pair=pairs_of_games(), factor=st.integers(-64, 64))
def test_linear(transform, pair, factor):
    game, other = pair
    assert np.array_equal(transform(factor * game + other), factor * transform(game) + transform(other))


@given(games(min_players=1, max_players=12), st.data())
def test_a_player_that_changes_no_score_has_no_effect(game, data):
    dummy = data.draw(st.integers(0, len(game).bit_length() - 1), label="dummy")
    coalitions = np.arange(2 * len(game))
    below = coalitions & ((1 << dummy) - 1)
    with_dummy = game[below | (coalitions >> (dummy + 1) << dummy)]
    has_dummy = (coalitions >> dummy & 1).astype(bool)
    for transform in (ll.moebius, ll.or_effects):
        effects = transform(with_dummy)
        assert not effects[has_dummy].any()
        assert np.array_equal(effects[~has_dummy], transform(game))


@given(games(max_players=12), st.data())
def test_renaming_the_players_renames_the_effects(game, data):
    order = data.draw(st.permutations(players(game)), label="new name of each player")
    coalitions = np.arange(len(game))
    renamed = np.zeros_like(coalitions)
    for player, name in enumerate(order):
        renamed |= (coalitions >> player & 1) << name
    for transform in (ll.moebius, ll.or_effects):
        moved = np.empty_like(game)
        moved[renamed] = game
        assert np.array_equal(transform(moved)[renamed], transform(game))


@given(games())
def test_effects_sum_to_the_score_of_all_players(game):
    assert ll.moebius(game).sum() == game[-1]
    if len(game) > 1:
        assert ll.or_effects(game).sum() == game[-1] - game[0]


@given(games(min_players=1))
def test_a_single_players_or_effect_is_what_it_adds_to_all_others(game):
    everyone = len(game) - 1
    effects = ll.or_effects(game)
    for player in players(game):
        assert effects[1 << player] == game[everyone] - game[everyone ^ (1 << player)]


@given(games(max_players=12))
def test_or_is_and_of_absence(game):
    # v(T) scores the present; the game that scores the absent has the OR effects as AND effects, negated.
    assert np.array_equal(ll.or_effects(game)[1:], -ll.moebius(game[::-1])[1:])


@given(st.integers(0, 16), st.data())
def test_one_interaction_is_found_again(n_players, data):
    coalition = data.draw(st.integers(0, (1 << n_players) - 1), label="coalition")
    present = np.arange(1 << n_players)
    only = (present == coalition).astype(float)
    assert np.array_equal(ll.moebius(((present & coalition) == coalition).astype(float)), only)
    if coalition:
        assert np.array_equal(ll.or_effects(((present & coalition) != 0).astype(float)), only)


@given(st.integers(0, 10))
def test_orders_are_binomially_many(n_players):
    assert np.bincount(orders(n_players)).tolist() == [math.comb(n_players, order) for order in range(n_players + 1)]


@pytest.mark.parametrize("n_players", range(4, 17))
@given(seed=SEEDS, spread=st.sampled_from([0.0, 0.1, 1.0, 10.0]), scale=st.sampled_from([1e-6, 1.0, 1e6]))
def test_universal_matching_whatever_the_split(n_players, seed, spread, scale):
    # Rounding grows by 2**(n/2) each way: 2**16 eps max|game| = 1.5e-11 at 16 players, times a spread of 10.
    rng = np.random.default_rng(seed)
    game, gamma, delta = scale * rng.normal(size=(3, 1 << n_players))
    gamma *= spread
    delta *= 0.04
    delta[0], gamma[0] = 0, game[0] / 2
    v_and, v_or = (game - delta) / 2 + gamma, (game - delta) / 2 - gamma
    rebuilt = ll.reconstruct(ll.moebius(v_and), ll.or_effects(v_or))
    assert np.abs(rebuilt - (game - delta)).max() <= 1e-9 * np.abs(game).max()
