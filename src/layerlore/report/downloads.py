"""Numbers of a figure as CSV, which a reader takes away from a page or a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""With one of these a cell begins that a spreadsheet would compute instead of show."""


def csv_text(table: pd.DataFrame) -> str:
    r"""A table as CSV (RFC 4180): numbers in full, nothing for NaN, quotes where they are needed.

    Names come from models and data: where one begins like a formula, an apostrophe is put before it, as OWASP advises
    ("CSV Injection"), so that a spreadsheet shows it.

    Args:
        table: one row for each line; its index is left out.

    >>> import pandas as pd
    >>> csv_text(pd.DataFrame({"layer": ["conv1", "=1+1"], "change": [0.1, float("nan")]}))
    "layer,change\r\nconv1,0.1\r\n'=1+1,\r\n"
    """
    shown = table.rename(columns=_guarded)
    words = [name for name in shown if shown[name].dtype.kind not in "biuf"]
    shown = shown.assign(**{str(name): shown[name].map(_guarded) for name in words})
    return shown.to_csv(index=False, lineterminator="\r\n")


def _guarded(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell
