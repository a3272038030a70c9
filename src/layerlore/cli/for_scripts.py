"""What scripts read from stdout: one JSON document, or one table as CSV."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from layerlore.errors import InputError
from layerlore.report.downloads import csv_text

if TYPE_CHECKING:
    import pandas as pd


def one_form(as_json: bool, as_csv: bool) -> None:
    """Raise unless at most one of them is asked for.

    Raises:
        InputError: both are.
    """
    if as_json and as_csv:
        raise InputError("--json and --csv were both given, and stdout takes one of them: leave one out")


def print_json(document: Mapping[str, Any]) -> None:
    """Print one JSON document in one line; NaN and infinity are null, names are as they are."""
    print(json.dumps(strict(document), allow_nan=False))


def print_csv(table: pd.DataFrame) -> None:
    """Print a table as CSV; control characters in names become question marks, as a terminal may show them."""
    texts = [name for name in table if table[name].dtype.kind not in "biuf"]
    shown = table.assign(**{str(name): table[name].map(one_line) for name in texts})
    sys.stdout.write(csv_text(shown.rename(columns=one_line)))


def one_line(cell: object) -> object:
    r"""A text without control characters and line ends; anything else as it is.

    >>> one_line("a\n\tb"), one_line(3)
    ('a??b', 3)
    """
    if not isinstance(cell, str):
        return cell
    return "".join(letter if letter.isprintable() else "?" for letter in cell)


def strict(value: Any) -> Any:
    """The same with None for what JSON has no numbers for.

    >>> strict({"a": [1.5, math.nan, -math.inf]})
    {'a': [1.5, None, None]}
    """
    if isinstance(value, Mapping):
        return {str(key): strict(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [strict(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
