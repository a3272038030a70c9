"""A typical row of a table: what a hidden column is replaced by, where a mean of one-hot codes is no category."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from layerlore.errors import InputError, check_choice
from layerlore.players.checks import check_finite

Rows = Float[Tensor, "n_samples n_columns"]
"""Encoded rows of a table."""

Groups = Mapping[str, tuple[int, ...]]
"""Encoded columns of each column of the table, by its name."""

CATEGORICAL = ("mode", "mean")
NUMERIC = ("mean", "median")


def typical_row(inputs: Tensor, groups: Groups, categorical: str, numeric: str) -> Float[Tensor, " n_columns"]:
    """See `Columns.typical`."""
    check_choice(categorical, CATEGORICAL, "categorical")
    check_choice(numeric, NUMERIC, "numeric")
    if inputs.dim() != 2 or not inputs.is_floating_point() or not len(inputs):
        raise InputError(
            f"inputs have shape {tuple(inputs.shape)} and dtype {inputs.dtype}; rows of floating point numbers "
            "[n_samples, n_columns] are needed, at least one"
        )
    highest = max(max(group) for group in groups.values())
    if highest >= inputs.shape[1]:
        raise InputError(f"a player has column {highest}, but inputs have {inputs.shape[1]} columns, counted from 0")
    _check_filled(inputs, groups)
    check_finite(inputs, "inputs")
    rows = inputs.detach().double()
    codes = {
        name: group
        for name, group in groups.items()
        if len(group) > 1 and (categorical == "mode" or is_binary(rows[:, list(group)]))
    }
    check_one_hot(rows, codes, "row")
    result = rows.mean(0) if numeric == "mean" else _median(rows)
    for group in (list(group) for group in groups.values() if len(group) > 1):
        shares = rows[:, group].mean(0)
        result[group] = shares if categorical == "mean" else _peak(shares)
    return result.to(inputs.dtype)


def check_one_hot(rows: Tensor, codes: Groups, what: str) -> None:
    """Raise `InputError` unless each group of each row ``[n_rows, n_columns]`` is a single 1 among zeros.

    ``what`` names the row where there is only one; with several, its number is added.
    """
    for name, group in codes.items():
        code = rows[:, list(group)]
        wrong = ((code != 0) & (code != 1)).any(1) | (code.sum(1) != 1)
        if not wrong.any():
            continue
        first = int(wrong.nonzero()[0])
        where = what if len(rows) == 1 else f"{what} {first} ({int(wrong.sum())} of {len(rows)} such rows)"
        if len(rows) > 1 and not code.any():
            reason = "in every row, so the column is empty: leave it out"
        elif not code[first].any():
            reason = "a category that the encoding, made on training data, never saw: leave the row out"
        else:
            reason = "which is no one-hot code, a single 1 among zeros: encode it so, or make its columns players"
        shown = "all zeros" if not code[first].any() else str([round(value, 4) for value in code[first].tolist()][:8])
        raise InputError(f"{where}: {name!r} (columns {group[0]} to {group[-1]}) is {shown}, {reason}")


def _check_filled(inputs: Tensor, groups: Groups) -> None:
    empty = inputs.isnan().all(0)
    if empty.any():
        column = int(empty.nonzero()[0])
        owner = next((f" ({name!r})" for name, group in groups.items() if column in group), "")
        raise InputError(f"column {column}{owner} of inputs is empty, NaN in all {len(inputs)} rows: leave it out")


def is_binary(values: Tensor) -> bool:
    """Whether every number is 0 or 1."""
    return bool(((values == 0) | (values == 1)).all())


def _median(rows: Tensor) -> Tensor:
    ordered = rows.sort(0).values
    return (ordered[(len(rows) - 1) // 2] + ordered[len(rows) // 2]) / 2


def _peak(shares: Tensor) -> Tensor:
    code = torch.zeros_like(shares)
    # `argmax` promises no order among equals.
    code[int((shares == shares.max()).nonzero()[0])] = 1.0
    return code
