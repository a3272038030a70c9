"""Both libraries say the same of the same game, each in its own words."""

import sys

import numpy as np
import pytest
import torch

import layerlore as ll
from layerlore import errors
from layerlore.integrations.shapiq import to_shapiq
from layerlore.interactions.moebius import orders

shapiq = pytest.importorskip("shapiq")

SIZES = range(1, 7)


def random_game(n_players: int) -> np.ndarray:
    return np.random.default_rng(n_players).normal(size=1 << n_players)


def players_of(coalition: int, n_players: int) -> tuple[int, ...]:
    return tuple(player for player in range(n_players) if coalition & (1 << player))


def as_array(values, n_players: int) -> np.ndarray:
    return np.array([values[players_of(coalition, n_players)] for coalition in range(1 << n_players)])


def by_shapiq(game: np.ndarray, n_players: int, index: str):
    lookup = 1 << np.arange(n_players)
    computer = shapiq.ExactComputer(lambda coalitions: game[coalitions.astype(np.int64) @ lookup], n_players)
    return computer(index, n_players)


def rounding(game: np.ndarray) -> float:
    # Both sides add at most all scores; each of the at most 2**n additions rounds at most to eps of their total.
    return len(game) * np.finfo(float).eps * float(np.abs(game).sum())


@pytest.mark.parametrize("n_players", SIZES)
def test_and_effects_are_shapiqs_moebius(n_players):
    game = random_game(n_players)
    theirs = by_shapiq(game, n_players, "Moebius")
    np.testing.assert_allclose(ll.moebius(game), as_array(theirs, n_players), rtol=0, atol=rounding(game))


@pytest.mark.parametrize("n_players", SIZES)
def test_or_effects_are_shapiqs_co_moebius_up_to_sign(n_players):
    game = random_game(n_players)
    theirs = (-1.0) ** (orders(n_players) + 1) * as_array(by_shapiq(game, n_players, "Co-Moebius"), n_players)
    ours = ll.or_effects(game)
    np.testing.assert_allclose(ours[1:], theirs[1:], rtol=0, atol=rounding(game))
    assert ours[0] == 0


@pytest.mark.parametrize(
    ("op", "transform", "index"), [("and", ll.moebius, "Moebius"), ("or", ll.or_effects, "Co-Moebius")]
)
@pytest.mark.parametrize("n_players", SIZES)
def test_conversion_equals_what_shapiq_computes(n_players, op, transform, index):
    game = random_game(n_players)
    game[0] = 0 if op == "or" else game[0]
    converted, computed = to_shapiq(transform(game), op), by_shapiq(game, n_players, index)
    assert (converted.index, converted.n_players, converted.min_order, converted.max_order, converted.estimated) == (
        computed.index,
        computed.n_players,
        computed.min_order,
        computed.max_order,
        False,
    )
    assert converted.baseline_value == pytest.approx(computed.baseline_value, abs=rounding(game))
    np.testing.assert_allclose(
        as_array(converted, n_players), as_array(computed, n_players), rtol=0, atol=rounding(game)
    )


@pytest.mark.parametrize("n_players", SIZES)
def test_every_coalition_comes_back(n_players):
    effects = random_game(n_players)
    assert np.array_equal(as_array(to_shapiq(effects), n_players), effects)
    effects[0] = 0
    sign = (-1.0) ** (orders(n_players) + 1)
    assert np.array_equal(sign * as_array(to_shapiq(effects, "or"), n_players), effects)


def test_shapley_values_survive_the_conversion():
    game = random_game(4)
    effects = ll.moebius(game)
    from shapiq.game_theory.moebius_converter import MoebiusConverter

    shapley = MoebiusConverter(to_shapiq(effects))("SV", 1)
    share = effects / np.maximum(orders(4), 1)
    for player in range(4):
        ours = share[[coalition for coalition in range(16) if coalition & (1 << player)]].sum()
        assert shapley[(player,)] == pytest.approx(ours, abs=rounding(game))


def test_zeros_are_left_out_and_the_input_is_left_alone():
    effects = np.array([7.0, 0.0, 2.0, -3.0])
    assert to_shapiq(effects).dict_values == {(): 7.0, (1,): 2.0, (0, 1): -3.0}
    assert to_shapiq(effects, "or").dict_values == {(): 0.0, (1,): 2.0, (0, 1): 3.0}
    assert effects.tolist() == [7.0, 0.0, 2.0, -3.0]


def test_torch_effects_give_the_same():
    effects = random_game(3)
    assert to_shapiq(torch.from_numpy(effects).requires_grad_()).dict_values == to_shapiq(effects).dict_values


@pytest.mark.parametrize(
    ("effects", "op", "message"),
    [
        (np.zeros((2, 4)), "and", r"effects has shape \(2, 4\): pass those of one game, of shape \(2\*\*n_players,\)"),
        (np.zeros(6), "and", "effects has length 6, which is no power of two"),
        (np.array([0.0, np.nan]), "and", "effects holds nan: every effect must be finite"),
        (np.zeros(4), "nor", "op='nor' is not known; did you mean 'or'"),
    ],
)
@pytest.mark.usefixtures("without_type_checks")
def test_what_cannot_be_converted_is_refused(effects, op, message):
    with pytest.raises(errors.InputError, match=message):
        to_shapiq(effects, op)


def test_a_missing_shapiq_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "shapiq.interaction_values", None)
    with pytest.raises(errors.MissingExtraError, match=r"'shapiq', which is not installed.*layerlore\[shapiq\]"):
        to_shapiq(np.zeros(4))
