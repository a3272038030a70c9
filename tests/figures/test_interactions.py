"""The strongest interactions of a sample, found again by looking at every one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from layerlore.errors import InputError
from layerlore.figures import Interaction, strongest
from layerlore.figures.interactions import seen, strongest_places
from report.tiny import tiny


def by_hand(knowledge, sample, layer):
    """All salient interactions of a game: size, op, players, effect, first and last layer."""
    row, found = knowledge.layers.index(layer), []
    effects, thresholds = knowledge.effects(sample)[0], knowledge.thresholds()[0]
    for op in range(2):
        for coalition in range(1, 1 << knowledge.n_players):
            effect = effects[row, op, coalition]
            if abs(effect) > thresholds[row]:
                alike = [
                    name
                    for depth, name in enumerate(knowledge.layers)
                    if abs(effects[depth, op, coalition]) > thresholds[depth]
                    and effects[depth, op, coalition] * effect > 0
                ]
                players = tuple(player for player in range(knowledge.n_players) if coalition & (1 << player))
                found.append((-abs(effect), ("and", "or")[op], players, effect, alike[0], alike[-1]))
    return sorted(found)


@pytest.mark.parametrize("sample", range(4))
@pytest.mark.parametrize("layer", ["tanh1", "tanh2", "output"])
def test_the_strongest_are_the_strongest(knowledge, sample, layer):
    expected = by_hand(knowledge, sample, layer)[:3]
    found = strongest(knowledge, sample, layer)
    rows = [(shown.op, shown.players, shown.effect, shown.first, shown.last) for shown in found]
    assert rows == [row[1:] for row in expected]
    unit = knowledge.normalisers()[0, knowledge.layers.index(layer)]
    np.testing.assert_allclose([shown.relative * unit for shown in found], [row[3] for row in expected])


def test_players_have_their_names(knowledge):
    names = ("age", "hours", "wage", "debt", "rent")
    for shown in strongest(knowledge, 0, "output", count=9):
        assert shown.names == tuple(names[player] for player in shown.players)


def test_nothing_that_is_not_salient_is_shown(knowledge):
    assert len(strongest(knowledge, 0, "tanh1", count=100)) == len(by_hand(knowledge, 0, "tanh1"))


@given(arrays(np.int64, st.tuples(st.integers(1, 7), st.integers(1, 3)), elements=st.integers(-1, 1)))
def test_where_a_sign_is_seen(signs):
    first, last = seen(signs)
    for layer, column in np.ndindex(signs.shape):
        alike = np.flatnonzero(signs[:, column] == signs[layer, column])
        assert (first[layer, column], last[layer, column]) == (alike[0], alike[-1])


@given(arrays(np.int64, (2, 8), elements=st.integers(-3, 3)), st.integers(0, 3), st.integers(0, 20))
def test_ties_are_in_order_of_op_and_coalition(effects, threshold, count):
    expected = sorted(
        (-abs(effects[op, coalition]), op, coalition)
        for op in range(2)
        for coalition in range(1, 8)
        if abs(effects[op, coalition]) > threshold
    )
    found = strongest_places(effects.astype(np.float64), float(threshold), count)
    assert found == [row[1:] for row in expected[:count]]


def test_the_second_target_has_its_own():
    both, one = tiny("table", 2), tiny("table")
    assert strongest(both, 0, "output", target=0) == strongest(one, 0, "output")
    assert strongest(both, 0, "output", target=1) != strongest(one, 0, "output")


def test_labels():
    shown = Interaction("and", (3, 5), ("a", "b"), 1.234, 0.1, "conv", "output")
    assert shown.label == "AND {3, 5} +1.23"
    assert Interaction("or", (0, 1), ("a", "b"), -0.5, 0.1, "conv", "output").label == "OR {0, 1} -0.50"
    assert Interaction("and", (2,), ("a",), 2.0, 0.1, "conv", "output").label == "player {2} +2.00"


def test_an_unknown_layer(knowledge):
    with pytest.raises(InputError, match="there is no layer 'tanh3'; did you mean"):
        strongest(knowledge, 0, "tanh3")
