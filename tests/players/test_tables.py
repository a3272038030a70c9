import json

import pytest
import torch

from layerlore.errors import InputError
from layerlore.players import Columns


def test_a_number_makes_every_column_a_player():
    plan = Columns(12).plan(torch.zeros(12), 0)
    assert plan.owner.tolist() == list(range(12))
    assert plan.names[3] == "column 3"
    assert Columns(12).n_players == 12


def test_groups_leave_the_other_columns_as_background():
    plan = Columns([4, (0, 2), [5]]).plan(torch.zeros(7), 0)
    assert plan.owner.tolist() == [1, -1, 1, -1, 0, 2, -1]
    assert plan.names == ("column 4", "columns 0, 2", "column 5")


def test_names_come_from_a_mapping_or_from_names():
    mapped = Columns({"age": 1, "sex": [0, 2]}).plan(torch.zeros(3), 0)
    listed = Columns([1, [0, 2]], names=["age", "sex"]).plan(torch.zeros(3), 0)
    assert mapped.names == listed.names == ("age", "sex")
    assert mapped.owner.tolist() == listed.owner.tolist() == [1, 0, 1]
    assert Columns(2, names=["a", "b"]).plan(torch.zeros(2), 0).names == ("a", "b")


def test_groups_are_copied():
    groups = [[0], [1]]
    players = Columns(groups)
    groups[0].append(2)
    assert players.plan(torch.zeros(3), 0).owner.tolist() == [0, 1, -1]


def test_settings_and_levels():
    players = Columns({"age": 1, "sex": [0, 2]}, background="mask")
    assert json.loads(json.dumps(players.settings())) == {
        "players": "Columns", "groups": [[1], [0, 2]], "n_columns": None, "names": ["age", "sex"], "background": "mask",
    }  # fmt: skip
    assert players.background_levels == (0.0,)
    assert Columns(3).settings()["n_columns"] == 3
    assert repr(players) == "Columns({'age': (1,), 'sex': (0, 2)}, background='mask')"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1,), "n_players=1"),
        (([[0]],), "n_players=1"),
        (([[0], []],), "group 1 has no columns"),
        (([[0, 1], [2, 1]],), "column 1 is in group 0 and again in group 1"),
        (([[0, 0], [2]],), "column 0 is in group 0 and again in group 0"),
        (([[0], [-1]],), "group 1 has column -1: columns are counted from 0"),
        (([[0], [1]], ["a"]), r"names=\['a'\] does not name 2 players"),
        (([[0], [1]], "ab"), "names='ab' does not name 2 players"),
        (({"a": 0, "b": 1}, ["c", "d"]), "beside a mapping"),
        (([[0], [1]], None, "keeep"), "background='keeep' is not known; did you mean 'keep'"),
    ],
)
def test_impossible_groups(arguments, message):
    with pytest.raises(InputError, match=message):
        Columns(*arguments)


@pytest.mark.parametrize("n_columns", [11, 13])
def test_a_number_must_be_that_of_the_sample(n_columns):
    with pytest.raises(InputError, match=rf"Columns\(12\).*sample 5 has {n_columns} columns"):
        Columns(12).plan(torch.zeros(n_columns), 5)


def test_column_out_of_range():
    with pytest.raises(InputError, match=r"group 1 \('b'\) has column 3, but sample 2 has 3 columns, 0 to 2"):
        Columns({"a": 0, "b": [1, 3]}).plan(torch.zeros(3), 2)


def test_shape_of_the_sample():
    with pytest.raises(InputError, match=r"sample 2 has shape \(1, 3\)"):
        Columns(3).plan(torch.zeros(1, 3), 2)
