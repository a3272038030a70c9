"""UCI Adult ("census"): who earns more than 50,000 dollars a year; comma-separated text, gzip-ed or plain.

``adult.data`` has a row a line, 15 fields, the last of them the label; ``adult.test`` begins with a line that starts
with ``|`` and ends its labels with a full stop. A field that is not known is ``?``.

Source: Becker and Kohavi 1996, "Adult", UCI Machine Learning Repository; the 12 columns of METHODS A1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32, Float64
from torch.utils.data import TensorDataset

from layerlore.errors import InputError, check_choice
from layerlore.zoo.data.checksums import verdicts
from layerlore.zoo.data.files import read_text, require
from layerlore.zoo.data.sets import TableSets

TRAIN_FILE, TEST_FILE = "adult.data", "adult.test"
FIELDS = (
    "age",
    "workclass",
    "fnlwgt",
    "education",
    "education-num",
    "marital-status",
    "occupation",
    "relationship",
    "race",
    "sex",
    "capital-gain",
    "capital-loss",
    "hours-per-week",
    "native-country",
    "income",
)
# Left out: fnlwgt, a weight of the survey, and education, which education-num says as a number.
COLUMNS = tuple(name for name in FIELDS if name not in ("fnlwgt", "education", "income"))
NUMERIC = ("age", "education-num", "capital-gain", "capital-loss", "hours-per-week")
CATEGORICAL = tuple(name for name in COLUMNS if name not in NUMERIC)
CLASSES = ("<=50K", ">50K")
UNKNOWN = "?"
MAX_DIGITS = 9
MISSING = ("keep", "drop")
UNSEEN = ("error", "drop", "zeros")

Row = tuple[str, ...]
"""The fields of one line, `FIELDS` in order, the label without a full stop."""


def read_census(root: Path, missing: str = "keep", unseen: str = "error") -> TableSets:
    """UCI Adult from ``adult.data`` and ``adult.test`` in ``root``: 12 columns, encoded.

    Numeric columns are standardised by mean and (population) deviation of the training rows, one that never varies
    is only centred; categorical ones are one-hot, their categories in alphabetical order.

    Args:
        root: the folder.
        missing: what becomes of a row with a ``?``: ``"keep"``, where ``?`` is a category like any other, or
            ``"drop"``. A ``?`` for a number is an error.
        unseen: what becomes of a test row with a category that no training row has: ``"error"``; ``"drop"``, leave
            the row out; ``"zeros"``, no encoded column of that group is 1.

    Raises:
        InputError: an option is unknown; a file is missing, is cut short or of another format; a test row has a
            category that training never saw.
    """
    check_choice(missing, MISSING, "missing")
    check_choice(unseen, UNSEEN, "unseen")
    paths = [require(root, TRAIN_FILE), require(root, TEST_FILE)]
    all_train, all_test = map(read_rows, paths)
    train, test = (_without(rows, _is_whole) if missing == "drop" else rows for rows in (all_train, all_test))
    categories = {name: tuple(sorted({row[FIELDS.index(name)] for row in train})) for name in CATEGORICAL}
    if unseen == "error":
        _check_seen(test, categories, paths[1])
    elif unseen == "drop":
        test = _without(test, lambda row: not _news(row, categories))
    for path, rows in zip(paths, (train, test), strict=True):
        if not rows:
            raise InputError(
                f"{path}: no row is left with missing={missing!r} and unseen={unseen!r}; expected at least one"
            )
    numbers = _numbers(train)
    scales = {
        name: (float(column.mean()), float(column.std()) or 1.0)
        for name, column in zip(NUMERIC, numbers.T, strict=True)
    }
    return TableSets(
        train=_encoded(train, scales, categories),
        test=_encoded(test, scales, categories),
        classes=CLASSES,
        name="census",
        groups=_groups(categories),
        categories=categories,
        scales=scales,
        left_out={"train": len(all_train) - len(train), "test": len(all_test) - len(test)},
        files=verdicts("census", paths),
    )


def read_rows(path: Path) -> list[Row]:
    """The rows of one file.

    Raises:
        InputError: a line has another number of fields, no number where one belongs, or another label.
    """
    lines = read_text(path).split("\n")
    rows = [
        _row(line, number, path)
        for number, line in enumerate(lines, 1)
        if line.strip() and not (number == 1 and line.startswith("|"))
    ]
    if not rows:
        raise InputError(f"{path}: no rows; expected lines of {len(FIELDS)} fields")
    return rows


def _row(line: str, number: int, path: Path) -> Row:
    fields = [text.strip() for text in line.split(",")]
    where = f"{path}: line {number}"
    if len(fields) != len(FIELDS):
        raise InputError(
            f"{where} has {len(fields)} fields: {line[-60:]!r}; expected {len(FIELDS)}: is the file cut short?"
        )
    fields[-1] = fields[-1].removesuffix(".")
    if fields[-1] not in CLASSES:
        raise InputError(f"{where} has the label {fields[-1]!r}; expected one of {', '.join(CLASSES)}")
    for name in NUMERIC:
        text = fields[FIELDS.index(name)]
        # Plain digits, and few: float would also take 'nan', and make infinity of 400 digits.
        if not text.isascii() or not text.isdigit() or len(text) > MAX_DIGITS:
            raise InputError(f"{where}: {name} is {text[:60]!r}; expected a whole number")
    empty = [name for name in CATEGORICAL if not fields[FIELDS.index(name)]]
    if empty:
        raise InputError(f"{where}: {empty[0]} is empty; expected a category, or {UNKNOWN!r} where it is not known")
    return tuple(fields)


def _is_whole(row: Row) -> bool:
    return all(row[FIELDS.index(name)] != UNKNOWN for name in CATEGORICAL)


def _without(rows: list[Row], keep: Callable[[Row], bool]) -> list[Row]:
    return [row for row in rows if keep(row)]


def _news(row: Row, categories: dict[str, tuple[str, ...]]) -> list[str]:
    return [name for name, known in categories.items() if row[FIELDS.index(name)] not in known]


def _check_seen(test: Sequence[Row], categories: dict[str, tuple[str, ...]], path: Path) -> None:
    for index, row in enumerate(test):
        for name in _news(row, categories):
            known = ", ".join(map(repr, categories[name][:5])) + (", ..." if len(categories[name]) > 5 else "")
            raise InputError(
                f"{path}: row {index} has {name} {row[FIELDS.index(name)]!r}, which no training row has (they have "
                f"{known}): set unseen='drop' to leave such rows out, or 'zeros' for a code of zeros"
            )


def _numbers(rows: Sequence[Row]) -> Float64[np.ndarray, "n_rows n_numeric"]:
    return np.array([[float(row[FIELDS.index(name)]) for name in NUMERIC] for row in rows]).reshape(-1, len(NUMERIC))


def _groups(categories: dict[str, tuple[str, ...]]) -> dict[str, tuple[int, ...]]:
    groups, start = {}, 0
    for name in COLUMNS:
        width = len(categories.get(name, (name,)))
        groups[name] = tuple(range(start, start + width))
        start += width
    return groups


def _encoded(
    rows: Sequence[Row], scales: dict[str, tuple[float, float]], categories: dict[str, tuple[str, ...]]
) -> TensorDataset:
    blocks = [_column(rows, name, scales, categories) for name in COLUMNS]
    labels = [CLASSES.index(row[-1]) for row in rows]
    return TensorDataset(
        torch.from_numpy(np.concatenate(blocks, axis=1)), torch.tensor(labels, dtype=torch.int64).reshape(-1)
    )


def _column(
    rows: Sequence[Row], name: str, scales: dict[str, tuple[float, float]], categories: dict[str, tuple[str, ...]]
) -> Float32[np.ndarray, "n_rows width"]:
    texts = np.array([row[FIELDS.index(name)] for row in rows], dtype=str)
    if name in categories:
        return (texts[:, None] == np.array(categories[name], dtype=str)).astype(np.float32)
    mean, deviation = scales[name]
    return ((texts.astype(np.float64) - mean) / deviation).astype(np.float32)[:, None]
