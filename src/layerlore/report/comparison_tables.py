"""The numbers of a comparison's figures as tables: one row for each number, or point, that is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from layerlore.dynamics.history import History
from layerlore.figures.compared_depth import DepthCourse, OutputStrength
from layerlore.figures.compared_training import MedianCourse
from layerlore.interactions.ledger import RATIOS
from layerlore.interactions.salience import OPS
from layerlore.report.training_tables import changes_table

if TYPE_CHECKING:
    import pandas as pd


def courses_table(courses: Sequence[DepthCourse]) -> pd.DataFrame:
    """``run``, ``layer``, ``relative_depth``, ``ratio`` (completeness or redundancy), ``value``, ``low``, ``high``."""
    import pandas as pd

    parts = [
        {
            "run": course.name,
            "layer": course.layers,
            "relative_depth": course.depth,
            "ratio": ratio,
            "value": course.values[ratio],
            "low": course.values[f"{ratio}_low"],
            "high": course.values[f"{ratio}_high"],
        }
        for course in courses
        for ratio in RATIOS
    ]
    return pd.concat([pd.DataFrame(part) for part in parts], ignore_index=True)


def strengths_table(strengths: Sequence[OutputStrength]) -> pd.DataFrame:
    """``run``, ``op``, ``order``, ``strength``, ``low``, ``high``."""
    import pandas as pd

    rows = [
        (found.name, OPS[op], order + 1, value, found.low[op, order], found.high[op, order])
        for found in strengths
        for (op, order), value in np.ndenumerate(found.strength)
        if op == 0 or order > 0
    ]
    return pd.DataFrame(rows, columns=["run", "op", "order", "strength", "low", "high"])


def medians_table(courses: Sequence[MedianCourse]) -> pd.DataFrame:
    """``run``, ``step``, its ``part`` of the training, the ``median`` layer, and the ends of the middle half."""
    import pandas as pd

    parts = [
        {
            "run": course.name,
            "step": course.steps,
            "part": course.part,
            "median": course.value,
            "low": course.low,
            "high": course.high,
        }
        for course in courses
    ]
    return pd.concat([pd.DataFrame(part) for part in parts], ignore_index=True)


def cells_table(histories: Mapping[str, History], measure: str) -> pd.DataFrame:
    """``run``, ``layer``, ``step`` and the measure as it was recorded.

    Raises:
        InputError: the measure was not recorded in all.
    """
    import pandas as pd

    tables = {name: changes_table(history, measure) for name, history in histories.items()}
    for name, table in tables.items():
        table.insert(0, "run", name)
    return pd.concat(list(tables.values()), ignore_index=True)
