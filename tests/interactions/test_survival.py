"""Lives of interactions through layers, against a walk along each of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from layerlore.interactions.survival import life_sums, lives, salient_signs, spans


def lives_by_walking(signs: np.ndarray) -> list[tuple[int, int, bool]]:
    """(first layer, number of layers, reaches the last) of each life of one interaction."""
    found = []
    layer = 0
    while layer < len(signs):
        if signs[layer] == 0:
            layer += 1
            continue
        end = layer
        while end + 1 < len(signs) and signs[end + 1] == signs[layer]:
            end += 1
        found.append((layer, end - layer + 1, end == len(signs) - 1))
        layer = end + 1
    return found


@given(arrays(np.int64, st.integers(1, 7), elements=st.integers(-1, 1)))
def test_lives_are_those_of_a_walk(signs):
    begins, length, arrives = lives(signs)
    found = [(int(at), int(length[at]), bool(arrives[at])) for at in np.flatnonzero(begins)]
    assert found == lives_by_walking(signs)


@given(arrays(np.int64, st.tuples(st.integers(1, 7), st.integers(1, 3)), elements=st.integers(-1, 1)))
def test_spans_are_those_of_a_walk(signs):
    expected = np.full((2, *signs.shape), -1)
    for column in range(signs.shape[1]):
        for begin, length, _ in lives_by_walking(signs[:, column]):
            expected[:, begin : begin + length, column] = [[begin], [begin + length - 1]]
    np.testing.assert_array_equal(np.stack(spans(signs)), expected)


def test_sums_by_order():
    # Two players: player 0 lives in layers 0 and 1, player 1 in 1 only, the pair from 1 on.
    signs = np.zeros((3, 2, 4), dtype=np.int64)
    signs[:2, 0, 1] = 1
    signs[1, 0, 2] = -1
    signs[1:, 0, 3] = 1
    count, layers, arriving = life_sums(signs)
    assert count[:, 0].tolist() == [[1, 0], [1, 1], [0, 0]]
    assert layers[:, 0].tolist() == [[2, 0], [1, 2], [0, 0]]
    assert arriving[:, 0].tolist() == [[0, 0], [0, 1], [0, 0]]
    assert not count[:, 1].any()


@pytest.mark.parametrize("sign", [1, -1])
def test_a_change_of_sign_ends_a_life(sign):
    begins, length, _ = lives(np.array([sign, sign, -sign]))
    assert begins.tolist() == [True, False, True]
    assert length.tolist() == [2, 1, 1]


def test_signs_are_those_of_salient_effects():
    effects = np.array([[[9.0, 2.0, -3.0, 1.0], [9.0, 0.5, 1.5, -1.5]]])
    assert salient_signs(effects, np.array([1.0])).tolist() == [[[0, 1, -1, 0], [0, 0, 1, -1]]]
