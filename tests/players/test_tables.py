import json
import math
import statistics

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


def table(n_rows=7, seed=0):
    """Two numbers, a category of three, a number outside of every group, a category of two."""
    generator = torch.Generator().manual_seed(seed)
    numbers = torch.randn(n_rows, 3, generator=generator)
    three = torch.eye(3)[torch.randint(3, (n_rows,), generator=generator)]
    two = torch.eye(2)[torch.randint(2, (n_rows,), generator=generator)]
    return torch.cat([numbers[:, :2], three, numbers[:, 2:], two], 1)


GROUPS = {"age": 0, "hours": 1, "work": [2, 3, 4], "sex": [6, 7]}


@pytest.mark.parametrize("n_rows", [1, 6, 7, 50])
@pytest.mark.parametrize("categorical", ["mode", "mean"])
@pytest.mark.parametrize("numeric", ["mean", "median"])
def test_a_typical_row_is_that_of_the_statistics_module(n_rows, categorical, numeric):
    rows = table(n_rows)
    found = Columns(GROUPS).typical(rows, categorical, numeric)
    assert found.dtype == rows.dtype
    average = {"mean": statistics.fmean, "median": statistics.median}[numeric]
    for column in (0, 1, 5):
        # Computed in float64, rounded once to float32.
        assert found[column].item() == pytest.approx(average(rows[:, column].double().tolist()), rel=1e-6)
    for group in ([2, 3, 4], [6, 7]):
        counts = [sum(rows[:, column].tolist()) for column in group]
        shares = [count / n_rows for count in counts]
        best = max(range(len(group)), key=lambda place: (counts[place], -place))
        expected = shares if categorical == "mean" else [float(place == best) for place in range(len(group))]
        assert found[group].tolist() == pytest.approx(expected, rel=1e-6)


def test_of_two_categories_as_frequent_the_first_is_taken():
    rows = torch.tensor([[0.0, 0, 0, 1], [1, 0, 1, 0], [2, 0, 0, 1], [3, 0, 1, 0]])
    assert Columns({"age": 0, "work": [1, 2, 3]}).typical(rows).tolist() == [1.5, 0, 1, 0]


def test_a_typical_row_is_a_baseline():
    from layerlore.players import resolve_baseline

    rows = table()
    row = Columns(GROUPS).typical(rows)
    assert torch.equal(resolve_baseline(row, rows), row.expand(7, 8))


def test_several_numbers_of_one_player_have_means():
    rows = torch.tensor([[1.0, 10, 0.5], [3, 20, 0.5]])
    players = Columns({"place": [0, 1], "size": 2})
    assert players.typical(rows, categorical="mean").tolist() == [2, 15, 0.5]
    with pytest.raises(
        InputError, match=r"row 0 \(2 of 2 such rows\): 'place' .* is \[1\.0, 10\.0\], which is no one-hot"
    ):
        players.typical(rows)


def spoilt(row, columns, value):
    rows = table()
    rows[row, columns] = value
    return rows


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (spoilt(slice(None), 1, math.nan), r"column 1 \('hours'\) of inputs is empty, NaN in all 7 rows: leave it out"),
        (spoilt(slice(None), 5, math.nan), "column 5 of inputs is empty"),
        (spoilt(3, 1, math.nan), r"inputs holds 1 of 56 numbers that are NaN or infinite, the first at \(3, 1\)"),
        (
            spoilt(slice(None), [2, 3, 4], 0.0),
            r"row 0 \(7 of 7 .*'work' \(columns 2 to 4\) is all zeros, in every row, so",
        ),
        (
            spoilt(4, [2, 3, 4], 0.0),
            r"row 4 \(1 of 7 such rows\): 'work' .* is all zeros, a category that .* never saw",
        ),
        (
            spoilt(4, [6, 7], 1.0),
            r"row 4 \(1 of 7 .*'sex' \(columns 6 to 7\) is \[1\.0, 1\.0\], which is no one-hot code",
        ),
        (spoilt(2, 6, 0.5), r"row 2 .*'sex' .* is \[0\.5, .*which is no one-hot code, a single 1 among zeros"),
        (table()[:0], r"inputs have shape \(0, 8\)"),
        (table()[0], r"inputs have shape \(8,\)"),
        (table().long(), r"dtype torch\.int64; rows of floating point numbers"),
        (table()[:, :7], "a player has column 7, but inputs have 7 columns"),
    ],
)
def test_tables_without_a_typical_row(rows, message):
    with pytest.raises(InputError, match=message):
        Columns(GROUPS).typical(rows)


@pytest.mark.parametrize("columns", [[2, 3, 4], [6, 7]])
def test_unseen_categories_are_found_for_means_too(columns):
    with pytest.raises(InputError, match="a category that the encoding, made on training data, never saw"):
        Columns(GROUPS).typical(spoilt(4, columns, 0.0), categorical="mean")


def test_options_of_a_typical_row():
    with pytest.raises(InputError, match="categorical='median' is not known"):
        Columns(GROUPS).typical(table(), categorical="median")
    with pytest.raises(InputError, match="numeric='mode' is not known"):
        Columns(GROUPS).typical(table(), numeric="mode")
    with pytest.raises(InputError, match=r"inputs have 8 columns; Columns\(3\) needs that number"):
        Columns(3).typical(table())


def test_samples_of_categories_never_seen_are_refused_where_asked():
    sample = spoilt(4, [2, 3, 4], 0.0)[4]
    assert Columns(GROUPS).plan(sample, 9).names[2] == "work"
    with pytest.raises(InputError, match=r"^sample 9: 'work' \(columns 2 to 4\) is all zeros, a category that"):
        Columns(GROUPS, one_hot=True).plan(sample, 9)
    with pytest.raises(InputError, match=r"sample 4: 'sex' .* is \[1\.0, 1\.0\], which is no one-hot code"):
        Columns(GROUPS, one_hot=True).plan(spoilt(4, [6, 7], 1.0)[4], 4)
    noisy = table() + 0.02 * torch.randn(7, 8)
    assert [Columns(GROUPS, one_hot=True).plan(row, 0).n_players for row in noisy] == [4] * 7


def test_texts_of_a_row_are_pieces_where_its_ones_are():
    rows = table()
    rows[0, 2:5], rows[0, 6:8] = torch.tensor([0.0, 1, 0]), torch.tensor([1.0, 0])

    def describe(sample):
        return [f"age {sample[0]:.1f}", "hours 3", "work B", "sex <b>F</b>"]

    plan = Columns(GROUPS, describe=describe).plan(rows[0], 0)
    assert plan.pieces == (f"age {rows[0, 0]:.1f}", "hours 3", "", "work B", "", "", "sex <b>F</b>", "")
    assert Columns(GROUPS).plan(rows[0], 0).pieces is None
    assert Columns(GROUPS, describe=describe).settings() == Columns(GROUPS).settings()


def test_descriptions_of_another_length_are_refused():
    with pytest.raises(InputError, match=r"describe returned \('a', 'b'\): a text for each of 4 players is needed"):
        Columns(GROUPS, describe=lambda sample: ("a", "b")).plan(table()[0], 0)
    with pytest.raises(InputError, match="describe returned 'four'"):
        Columns(GROUPS, describe=lambda sample: "four").plan(table()[0], 0)
