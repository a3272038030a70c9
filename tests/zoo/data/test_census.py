"""Tests of UCI Adult, encoded once more here with plain loops."""

import gzip
import statistics

import pytest
import torch

from layerlore.errors import InputError
from layerlore.players import Columns
from layerlore.zoo import load_data

NAMES = """
age workclass fnlwgt education education-num marital-status occupation relationship race sex
capital-gain capital-loss hours-per-week native-country
"""
FIELDS = NAMES.split()
ROWS = (
    "39, State-gov, 77516, Bachelors, 13, Never-married, Adm-clerical, Not-in-family, White, Male, 2174, 0, 40, "
    "United-States, <=50K",
    "50, Private, 83311, Bachelors, 13, Married-civ-spouse, Exec-managerial, Husband, White, Male, 0, 0, 9, Cuba, >50K",
    "38, ?, 215646, HS-grad, 9, Divorced, Handlers-cleaners, Not-in-family, Black, Female, 0, 0, 40, ?, <=50K",
    "28, Private, 338409, Masters, 14, Divorced, Adm-clerical, Husband, Black, Female, 99999, 0, 60, Cuba, >50K",
)
TRAIN = "\n".join(ROWS) + "\n\n"
TEST = """|1x3 Cross validator
25, Private, 226802, 11th, 7, Never-married, Adm-clerical, Not-in-family, Black, Male, 0, 0, 40, United-States, <=50K.
44, ?, 160323, Some-college, 10, Divorced, Exec-managerial, Husband, White, Male, 7688, 0, 40, ?, >50K.

"""
NUMERIC = ("age", "education-num", "capital-gain", "capital-loss", "hours-per-week")


def census(root, train=TRAIN, test=TEST):
    (root / "adult.data").write_text(train)
    (root / "adult.test.gz").write_bytes(gzip.compress(test.encode()))


def rows_of(content):
    lines = [line for line in content.splitlines() if line.strip() and not line.startswith("|")]
    return [dict(zip(FIELDS, line.split(", ")[:14], strict=True)) for line in lines]


def slow_row(row, train):
    """One encoded row, a column at a time, and the columns of each group."""
    encoded, groups = [], {}
    for name in FIELDS:
        if name in ("fnlwgt", "education"):
            continue
        start = len(encoded)
        if name in NUMERIC:
            values = [float(other[name]) for other in train]
            encoded.append((float(row[name]) - statistics.fmean(values)) / (statistics.pstdev(values) or 1))
        else:
            encoded += [float(row[name] == category) for category in sorted({other[name] for other in train})]
        groups[name] = tuple(range(start, len(encoded)))
    return encoded, groups


def test_rows_are_encoded_as_a_slow_loop_does(tmp_path):
    census(tmp_path)
    data = load_data("census", tmp_path)
    train = rows_of(TRAIN)
    for part, content in ((data.train, TRAIN), (data.test, TEST)):
        inputs, _ = part.tensors
        assert inputs.dtype == torch.float32
        for found, row in zip(inputs.tolist(), rows_of(content), strict=True):
            expected, groups = slow_row(row, train)
            # Computed in float64, rounded once to float32; the values are below 10.
            assert found == pytest.approx(expected, abs=10 * 2**-24)
    assert data.groups == groups
    assert list(data.groups)[:3] == ["age", "workclass", "education-num"]
    assert len(data.groups) == 12
    assert data.train.tensors[1].tolist() == [0, 1, 0, 1]
    assert data.test.tensors[1].tolist() == [0, 1]
    assert data.classes == ("<=50K", ">50K")
    assert data.categories["workclass"] == ("?", "Private", "State-gov")
    assert data.scales["age"] == pytest.approx((38.75, statistics.pstdev([39, 50, 38, 28])))
    # Nobody lost anything: centred, not divided by 0.
    assert data.scales["capital-loss"] == (0, 1)
    assert data.files == {"adult.data": "other", "adult.test.gz": "other"}


def test_rows_with_unknown_fields_can_be_dropped(tmp_path):
    census(tmp_path)
    data = load_data("census", tmp_path, missing="drop")
    assert (len(data.train), len(data.test)) == (3, 1)
    assert data.left_out == {"train": 1, "test": 1}
    assert load_data("census", tmp_path).left_out == {"train": 0, "test": 0}
    assert data.categories["workclass"] == ("Private", "State-gov")
    # Scales are those of the rows that stay.
    assert data.scales["age"][0] == pytest.approx((39 + 50 + 28) / 3)
    with pytest.raises(InputError, match="missing='impute' of the data set 'census' must be 'keep' or 'drop'"):
        load_data("census", tmp_path, missing="impute")


def test_a_category_that_training_never_saw(tmp_path):
    census(tmp_path, test=TEST.replace("White", "Other"))
    said = (
        r"adult\.test\.gz: row 1 has race 'Other', which no training row has \(they have 'Black', 'White'\): set unseen"
    )
    with pytest.raises(InputError, match=said):
        load_data("census", tmp_path)
    dropped = load_data("census", tmp_path, unseen="drop")
    assert len(dropped.test) == 1
    assert dropped.left_out == {"train": 0, "test": 1}
    zeros = load_data("census", tmp_path, unseen="zeros").test.tensors[0]
    assert zeros.shape[0] == 2
    assert zeros[1, list(dropped.groups["race"])].tolist() == [0, 0]
    # And the players say so where such a row is explained.
    with pytest.raises(InputError, match=r"sample 1: 'race' .* all zeros, .* never saw"):
        dropped.players().plan(zeros[1], 1)
    census(tmp_path, test=TEST.replace("White", "Other").replace("Black", "Other"))
    with pytest.raises(InputError, match=r"adult\.test\.gz: no row is left with missing='keep' and unseen='drop'"):
        load_data("census", tmp_path, unseen="drop")


def test_a_row_says_what_the_file_says(tmp_path):
    census(tmp_path)
    data = load_data("census", tmp_path)
    for sample, row in zip(data.train.tensors[0], rows_of(TRAIN), strict=True):
        assert data.describe(sample) == tuple(f"{name} {row[name]}" for name in data.groups)
    middle = data.train.tensors[0].mean(0)
    assert data.describe(middle)[:3] == ("age 38.75", "workclass ?", "education-num 12.25")


def test_the_columns_are_players_with_their_texts(tmp_path):
    census(tmp_path)
    data = load_data("census", tmp_path)
    players = data.players(background="mask")
    assert isinstance(players, Columns)
    plan = players.plan(data.train.tensors[0][1], 0)
    assert plan.names == tuple(data.groups)
    assert plan.pieces is not None
    for player, (name, group) in enumerate(data.groups.items()):
        said = [plan.pieces[column] for column in group if plan.pieces[column]]
        assert said == [data.describe(data.train.tensors[0][1])[player]]
        assert said[0].startswith(name)
    assert plan.pieces[data.groups["workclass"][1]] == "workclass Private"


LINE = ROWS[0]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (LINE[:100], r"line 5 has 12 fields: .*; expected 15: is the file cut short"),
        (LINE[:-2], r"line 5 has the label '<=5'; expected one of <=50K, >50K"),
        (LINE + ", 1", "line 5 has 16 fields"),
        (LINE.replace("39", "nan"), "line 5: age is 'nan'; expected a whole number"),
        (LINE.replace("39", "?"), r"line 5: age is '\?'"),
        (LINE.replace("39", "9" * 400), "line 5: age is '999"),
        (LINE.replace("39", "-39"), "line 5: age is '-39'"),
        (LINE.replace("Male", ""), "line 5: sex is empty; expected a category, or '\\?'"),
        ("not a table", "line 5 has 1 fields: 'not a table'"),
    ],
)
def test_a_broken_line_is_named(tmp_path, line, message):
    census(tmp_path, train=TRAIN.rstrip("\n") + "\n" + line)
    with pytest.raises(InputError, match=rf"adult\.data: {message}"):
        load_data("census", tmp_path)


def test_a_file_without_rows_is_refused(tmp_path):
    census(tmp_path, test="|1x3 Cross validator\n")
    with pytest.raises(InputError, match=r"adult\.test\.gz: no rows; expected lines of 15 fields"):
        load_data("census", tmp_path)
