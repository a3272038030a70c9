"""The numbers of the figures through training as tables: one row for each number, or point, that is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layerlore.dynamics.history import History
from layerlore.dynamics.trends import Trends
from layerlore.figures.depth import steps_in_words, thirds
from layerlore.figures.evidence import CRITERIA, evidence
from layerlore.figures.groups import group_style
from layerlore.figures.trend_kinds import kind_counts
from layerlore.figures.trend_lines import trend_profiles
from layerlore.figures.trend_map import trend_places

if TYPE_CHECKING:
    import pandas as pd


def changes_table(history: History, measure: str) -> pd.DataFrame:
    """``layer``, ``step`` and the measure as it was recorded, for lines and cells alike.

    Args:
        history: with the layers and steps that are drawn, and no others.
        measure: its name, which the column bears.

    Raises:
        InputError: the measure was not recorded.
    """
    import pandas as pd

    n_layers, n_steps = len(history.layers), len(history.steps)
    return pd.DataFrame(
        {
            "layer": [layer for layer in history.layers for _ in range(n_steps)],
            "step": history.steps.tolist() * n_layers,
            measure: history.values(measure).ravel(),
        }
    )


def thirds_table(history: History, measure: str) -> pd.DataFrame:
    """``layer``, ``third`` of the steps with its ``steps``, and the measure in their median step.

    Raises:
        InputError: the measure was not recorded.
    """
    import pandas as pd

    found = thirds(history, measure)
    parts = (("first", found.first_steps, found.first), ("last", found.last_steps, found.last))
    return pd.DataFrame(
        [
            {"layer": layer, "third": third, "steps": steps_in_words(span), measure: value}
            for third, span, values in parts
            for layer, value in zip(found.layers, values.tolist(), strict=True)
        ]
    )


def places_table(trends: Trends, kinds: dict[str, str]) -> pd.DataFrame:
    """``layer``, ``kind``, ``group`` and both coordinates on the trend map."""
    import pandas as pd

    columns = ["layer", "kind", "group", "x", "y"]
    rows = [
        (place.layer, place.kind, group_style(place.label).words, place.x, place.y)
        for place in trend_places(trends, kinds)
    ]
    return pd.DataFrame(rows, columns=columns)


def profiles_table(trends: Trends) -> pd.DataFrame:
    """``group``, ``step``, and the ``mean`` trend with the ends of its band, ``low`` and ``high``."""
    import pandas as pd

    return pd.concat(
        [
            pd.DataFrame(
                {
                    "group": group_style(profile.label).words,
                    "step": profile.steps,
                    "mean": profile.mean,
                    "low": profile.low,
                    "high": profile.high,
                }
            )
            for profile in trend_profiles(trends)
        ],
        ignore_index=True,
    )


def kinds_table(trends: Trends, kinds: dict[str, str]) -> pd.DataFrame:
    """``group``, ``kind`` and how many ``layers`` there are of both."""
    import pandas as pd

    return pd.DataFrame(
        [
            {"group": group_style(label).words, "kind": kind, "layers": count}
            for kind, row in kind_counts(trends, kinds).items()
            for label, count in row.items()
        ]
    )


def evidence_table(trends: Trends) -> pd.DataFrame:
    """``n_clusters``, the ``criterion``, its ``value``, and its standard ``error`` where it has one."""
    import pandas as pd

    found = evidence(trends)
    errors = {"gap": found.get("gap_error")}
    columns = ["n_clusters", "criterion", "value", "error"]
    rows = [
        (int(count or 0), name, value, None if errors.get(name) is None else errors[name][place])  # type: ignore[index]
        for name in CRITERIA
        if name in found
        for place, (count, value) in enumerate(zip(found["n_clusters"], found[name], strict=True))
    ]
    return pd.DataFrame(rows, columns=columns).astype({"value": float, "error": float})
