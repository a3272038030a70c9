"""The strongest interactions of a sample, found again by looking at every one."""

import numpy as np
import pytest

from layerlore.errors import InputError
from layerlore.figures import Interaction, strongest
from report.tiny import tiny


def by_hand(knowledge, sample, layer):
    """All salient interactions of a game: size, op, players, effect, first layer."""
    row, found = knowledge.layers.index(layer), []
    effects, thresholds = knowledge.effects(sample)[0], knowledge.thresholds()[0]
    for op in range(2):
        for coalition in range(1, 1 << knowledge.n_players):
            effect = effects[row, op, coalition]
            if abs(effect) > thresholds[row]:
                first = next(
                    name
                    for depth, name in enumerate(knowledge.layers)
                    if abs(effects[depth, op, coalition]) > thresholds[depth]
                    and effects[depth, op, coalition] * effect > 0
                )
                players = tuple(player for player in range(knowledge.n_players) if coalition & (1 << player))
                found.append((-abs(effect), ("and", "or")[op], players, effect, first))
    return sorted(found)


@pytest.mark.parametrize("sample", range(4))
@pytest.mark.parametrize("layer", ["tanh1", "tanh2", "output"])
def test_the_strongest_are_the_strongest(knowledge, sample, layer):
    expected = by_hand(knowledge, sample, layer)[:3]
    found = strongest(knowledge, sample, layer)
    assert [(shown.op, shown.players, shown.effect, shown.first) for shown in found] == [row[1:] for row in expected]
    unit = knowledge.normalisers()[0, knowledge.layers.index(layer)]
    np.testing.assert_allclose([shown.relative * unit for shown in found], [row[3] for row in expected])


def test_players_have_their_names(knowledge):
    names = ("age", "hours", "wage", "debt", "rent")
    for shown in strongest(knowledge, 0, "output", count=9):
        assert shown.names == tuple(names[player] for player in shown.players)


def test_nothing_that_is_not_salient_is_shown(knowledge):
    assert len(strongest(knowledge, 0, "tanh1", count=100)) == len(by_hand(knowledge, 0, "tanh1"))


def test_the_second_target_has_its_own():
    both, one = tiny("table", 2), tiny("table")
    assert strongest(both, 0, "output", target=0) == strongest(one, 0, "output")
    assert strongest(both, 0, "output", target=1) != strongest(one, 0, "output")


def test_labels():
    shown = Interaction("and", (3, 5), ("a", "b"), 1.234, 0.1, "conv")
    assert shown.label == "AND {3, 5} +1.23"
    assert Interaction("or", (0, 1), ("a", "b"), -0.5, 0.1, "conv").label == "OR {0, 1} -0.50"
    assert Interaction("and", (2,), ("a",), 2.0, 0.1, "conv").label == "player {2} +2.00"


def test_an_unknown_layer(knowledge):
    with pytest.raises(InputError, match="there is no layer 'tanh3'; did you mean"):
        strongest(knowledge, 0, "tanh3")
