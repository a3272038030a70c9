"""Salience, Shapley values and the rebuild error against their definitions (METHODS A3, A5)."""

import numpy as np
import pytest

from layerlore.interactions.moebius import moebius, or_effects, orders
from layerlore.interactions.salience import (
    SALIENCE,
    is_salient,
    largest_effect,
    rebuild,
    rebuild_error,
    shapley_values,
    sum_by_order,
)
from reference import ledger_by_definition as definition

EPS = np.finfo(float).eps


def random_effects(n_players, *batch, seed=0):
    return np.random.default_rng(seed).standard_normal((*batch, 2, 1 << n_players))


def test_the_threshold_is_a_twentieth_of_the_largest_effect_over_samples_and_ops():
    effects = random_effects(4, 7)
    effects[..., 0] = 100.0
    effects[3, 1, 5] = -9.0
    assert largest_effect(effects).tolist() == [np.abs(sample[:, 1:]).max() for sample in effects]
    assert largest_effect(effects)[3] == 9.0
    assert SALIENCE * largest_effect(effects).max() == definition.threshold(effects)


def test_salient_is_larger_than_the_threshold_and_never_empty_nor_nan():
    effects = np.array([[9.0, 1.0, -1.0, 1.5], [9.0, -1.5, np.nan, 0.0]])
    assert is_salient(effects, np.array(1.0)).tolist() == [[False, False, False, True], [False, True, False, False]]
    # A layer without effects has the threshold 0, and nothing in it is salient.
    assert not is_salient(np.zeros((2, 4)), np.array(0.0)).any()
    assert not is_salient(effects, np.array(np.nan)).any()


def test_every_layer_has_its_own_threshold():
    effects = random_effects(3, 5, 2)
    levels = np.random.default_rng(1).random((5, 2))
    found = is_salient(effects, levels)
    for i, j, op, coalition in np.ndindex(*found.shape):
        assert found[i, j, op, coalition] == (coalition > 0 and abs(effects[i, j, op, coalition]) > levels[i, j])


@pytest.mark.parametrize("n_players", range(1, 7))
def test_sums_by_order(n_players):
    values = np.random.default_rng(n_players).integers(-99, 99, (3, 2, 1 << n_players)).astype(float)
    values[..., 0] = np.nan
    expected = np.zeros((3, 2, n_players))
    for coalition in range(1, 1 << n_players):
        expected[..., len(definition.players_of(coalition)) - 1] += values[..., coalition]
    assert np.array_equal(sum_by_order(values), expected)


@pytest.mark.parametrize("n_players", range(1, 7))
def test_shapley_values_are_averages_over_all_arrivals(n_players):
    games = np.random.default_rng(n_players).standard_normal((3, 1 << n_players))
    found = shapley_values(games)
    # Dividends add at most 2**n scores, each with a rounding error of at most their sum.
    slack = (1 << n_players) * EPS * np.abs(games).sum(-1)
    for game, values, error in zip(games, found, slack, strict=True):
        np.testing.assert_allclose(values, definition.shapley(game), rtol=0, atol=error)
    assert (np.abs(found.sum(-1) - (games[:, -1] - games[:, 0])) <= n_players * slack).all()


@pytest.mark.parametrize("n_players", [1, 2, 4])
def test_shapley_values_of_a_rebuilt_game_share_and_and_or_effects_equally(n_players):
    effects = random_effects(n_players)
    effects[:, 0] = 0
    expected = [
        sum(
            effects[:, S].sum() / len(definition.players_of(S))
            for S in range(1, 1 << n_players)
            if i in definition.players_of(S)
        )
        for i in range(n_players)
    ]
    game = rebuild(effects, np.array(2.0))
    slack = 4**n_players * EPS * np.abs(effects).sum()
    np.testing.assert_allclose(shapley_values(game), expected, rtol=0, atol=slack)


def test_rebuild_reads_nothing_at_the_empty_set_and_leaves_its_input_alone():
    effects = random_effects(3, 4)
    kept = effects.copy()
    nothing = effects.copy()
    nothing[..., 0] = 0
    empty = np.arange(4.0)
    assert np.array_equal(rebuild(effects, empty), rebuild(nothing, empty))
    assert np.array_equal(effects, kept)
    assert rebuild(effects, empty)[:, 0].tolist() == empty.tolist()


@pytest.mark.parametrize("n_players", [1, 3, 4])
def test_rebuild_error_by_definition(n_players):
    effects = random_effects(n_players, 5)
    # Scores that the effects do not match exactly: what is left is delta.
    games = rebuild(effects, np.arange(5.0)) + 0.1 * np.random.default_rng(9).standard_normal((5, 1 << n_players))
    levels = np.full(5, 0.8)
    games[..., 0] = np.arange(5.0)
    with_delta, without_delta = rebuild_error(games, effects, is_salient(effects, levels))
    expected = np.array([definition.rebuild_error(*pair, 0.8) for pair in zip(games, effects, strict=True)])
    np.testing.assert_allclose(with_delta, expected[:, 0], rtol=1e-12)
    np.testing.assert_allclose(without_delta, expected[:, 1], rtol=1e-12)
    assert (expected[:, 0] != expected[:, 1]).all()


def test_rebuild_error_is_zero_for_all_effects_and_nan_without_reach():
    game = np.array([[1.0, 4.0, 2.0, 7.0], [3.0, 4.0, 2.0, 3.0]])
    effects = np.stack([moebius(game), np.zeros_like(game)], axis=-2)
    found = rebuild_error(game, effects, np.ones(effects.shape, dtype=bool))
    for errors in found:
        assert errors[0] == 0
        assert np.isnan(errors[1])
    effects = np.stack([np.zeros_like(game), or_effects(game - game[:, :1])], axis=-2)
    assert rebuild_error(game, effects, orders(2)[None, None].repeat(2, 1).repeat(2, 0) > 0)[0][0] == 0
