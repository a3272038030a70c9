"""Laws of the ledger (METHODS A6), on effects that nobody chose.

Effects and thresholds are small whole numbers, so that ties, zeros and effects exactly at the threshold are frequent,
and sums are exact: what should be equal is compared to the last bit.
"""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from layerlore.interactions.bootstrap import resampling_weights
from layerlore.interactions.calibration import Yardsticks
from layerlore.interactions.compare import layer_sums
from layerlore.interactions.ledger import build_ledger
from layerlore.interactions.salience import shapley_values, sum_by_order
from layerlore.interactions.shares import SUMS, shares
from reference import ledger_by_definition as definition

VALUES = st.integers(-4, 4)
LEVELS = st.integers(0, 3).map(float)
POWERS = st.integers(-8, 8).map(lambda exponent: 2.0**exponent)


def effects_of(n_players):
    length = 2 << n_players
    return st.lists(VALUES, min_size=length, max_size=length).map(
        lambda values: np.array(values, dtype=float).reshape(2, -1)
    )


@st.composite
def layers(draw, count=2):
    """Effects of some layers ``[2, 2**n]`` of 2 to 5 players."""
    n_players = draw(st.integers(2, 5))
    return [draw(effects_of(n_players)) for _ in range(count)]


def compared(earlier, later, low, high):
    return shares(earlier, later, np.array(low), np.array(high))


@given(layers(), LEVELS, LEVELS)
def test_sums_are_those_of_the_definition(pair, low, high):
    found, expected = compared(*pair, low, high), definition.compare(*pair, low, high)
    for name in SUMS:
        assert np.array_equal(getattr(found, name), expected[name])


@given(layers(), LEVELS, LEVELS, st.sampled_from([(), (0,), (1,), (0, 1)]))
def test_what_is_there_is_shared_or_not(pair, low, high, without_unit):
    levels = [low, high]
    for layer in without_unit:
        pair[layer], levels[layer] = np.full_like(pair[layer], np.nan), np.nan
    found = compared(*pair, *levels)
    whole = np.nan if without_unit else 1.0
    # With a layer that has no unit both sides are undefined, and what the other holds by itself is not.
    assert np.array_equal(found.all_earlier * whole, found.overlap + found.forget, equal_nan=True)
    assert np.array_equal(found.all_later * whole, found.overlap + found.new, equal_nan=True)
    assert np.isnan(found.all_earlier).all() == (0 in without_unit)
    assert np.isnan(found.all_later).all() == (1 in without_unit)


@given(layers(), LEVELS, LEVELS)
def test_what_is_shared_is_symmetric(pair, low, high):
    there, back = compared(*pair, low, high), compared(*pair[::-1], high, low)
    assert np.array_equal(there.overlap, back.overlap)
    assert np.array_equal(there.forget, back.new)
    assert np.array_equal(there.new, back.forget)


@given(layers(), LEVELS, LEVELS)
def test_nothing_is_negative_and_no_more_is_shared_than_the_smaller_holds(pair, low, high):
    found = compared(*pair, low, high)
    assert (found.stacked() >= 0).all()
    assert (found.overlap <= np.minimum(found.all_earlier, found.all_later)).all()


@given(layers(count=1), LEVELS)
def test_a_layer_shares_all_with_itself_and_nothing_with_its_opposite(single, level):
    (layer,) = single
    same, opposite = compared(layer, layer, level, level), compared(layer, -layer, level, level)
    assert np.array_equal(same.overlap, same.all_later)
    assert not same.forget.any()
    assert not same.new.any()
    assert not opposite.overlap.any()
    assert np.array_equal(opposite.forget, same.all_earlier)
    assert np.array_equal(opposite.new, same.all_later)


@given(layers(), LEVELS, LEVELS, POWERS, POWERS)
def test_units_scale_with_their_layer(pair, low, high, first, second):
    both = np.stack(pair)[None]
    units, levels = np.array([[2.0, 4.0]]), np.array([[low, high]]) / [[2.0, 4.0]]
    factor = np.array([[first, second]])
    plain = layer_sums([both], (1, None), Yardsticks(units, levels))
    scaled = layer_sums([both * factor[..., None, None]], (1, None), Yardsticks(units * factor, levels))
    assert np.array_equal(plain, scaled)


@given(layers(), LEVELS, LEVELS, st.randoms(use_true_random=False))
def test_the_names_of_players_do_not_matter(pair, low, high, random):
    n_players = pair[0].shape[-1].bit_length() - 1
    renamed = list(range(n_players))
    random.shuffle(renamed)
    source = [sum(1 << renamed[player] for player in definition.players_of(S)) for S in range(1 << n_players)]
    moved = [layer[:, source] for layer in pair]
    assert np.array_equal(compared(*pair, low, high).stacked(), compared(*moved, low, high).stacked())
    assert np.array_equal(sum_by_order(pair[0]), sum_by_order(moved[0]))
    game, other = pair[0][0], moved[0][0]
    # Shares are halves, thirds, ... of whole numbers under 4 * 2**5 * 2**5.
    np.testing.assert_allclose(shapley_values(other), shapley_values(game)[renamed], rtol=0, atol=1e-10)


@given(layers(count=6), LEVELS, LEVELS)
def test_ratios_lie_between_0_and_1_and_so_do_their_intervals(six, low, high):
    sums = np.stack([compared(six[i], six[i + 3], low, high).stacked() for i in range(3)])[:, None, None]
    coords = {"target": ["t"], "layer": ["l"]}
    ledger = build_ledger(sums, sums, sums, coords, "final", resampling_weights(3, 20, 0), 0.9)
    for name, part, whole in (("completeness", 0, 4), ("redundancy", 1, 3)):
        pooled = sums.sum(axis=(0, -2, -1))[0, 0]
        value = ledger.total[name].item()
        assert np.isnan(value) == (pooled[whole] == 0)
        if not np.isnan(value):
            assert abs(value - pooled[part] / pooled[whole]) <= 1e-15
            # Resamples weigh the same sums with rounded thirds.
            assert -1e-12 <= ledger.total[f"{name}_low"].item() <= ledger.total[f"{name}_high"].item() <= 1 + 1e-12
