"""Measures of change between two snapshots of a weight, from its sums (METHODS B1).

Sources: Agrawal et al. 2021, *WeightScale* (arXiv 2107.07005), and its published code (``rwc_elementwise``); its
predecessor arXiv 2011.06735 (``rwc_l1``); Carbonnelle and De Vleeschouwer 2019, *Layer rotation* (arXiv 1806.01603;
``rotation``). The ratio of the spread of an update to that of the weight is common practice for judging learning rates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from layerlore.dynamics.sums import COLUMN, FROM_INIT, SUMS, SumsArray
from layerlore.errors import InputError, check_choice

PerWeight = Float64[np.ndarray, "n_weights"]


class Row:
    """The sums by name: ``row.abs_change`` is a column."""

    def __init__(self, sums: SumsArray) -> None:
        self._sums = sums

    def __getattr__(self, name: str) -> PerWeight:
        return self._sums[:, COLUMN[name]]


@dataclass(frozen=True)
class Measure:
    """One measure of change.

    Attributes:
        title: what it is, in words, with its unit.
        formula: as a reader sees it; ``w`` earlier, ``w'`` later, ``w0`` initial.
        value: from the sums; NaN where undefined.
        sums: columns it needs.
    """

    title: str
    formula: str
    value: Callable[[Row], PerWeight]
    sums: tuple[str, ...]

    @property
    def needs_initial(self) -> bool:
        """Whether the initial weights have to be kept."""
        return any(name in FROM_INIT for name in self.sums)


def _share(change: PerWeight, start: PerWeight, unchanged: np.ndarray) -> PerWeight:
    """``change / start``; 0 where nothing changed, NaN where something grew out of nothing."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.where(start > 0, change / start, np.nan)
    return np.where(unchanged, 0.0, found)


def _elementwise(row: Row) -> PerWeight:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(row.nonzero > 0, row.ratios / row.nonzero, np.nan)


def _spread_share(row: Row) -> PerWeight:
    change = _deviation(row.squares_change, row.sum_change, row.elements)
    return _share(change, _deviation(row.squares_earlier, row.sum_earlier, row.elements), row.changed == 0)


def _deviation(squares: PerWeight, total: PerWeight, count: PerWeight) -> PerWeight:
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total / count
        variance = squares / count - mean**2
    # A constant tensor leaves rounding error instead of 0.
    return np.sqrt(np.where(variance > 1e-14 * mean**2, variance, 0.0))


def _angle(squares_start: PerWeight, squares_change: PerWeight, growth: PerWeight, unchanged: np.ndarray) -> PerWeight:
    """Angle between a vector and a later one, from ``|w|**2``, ``|w' - w|**2`` and ``|w'|**2 - |w|**2``.

    The distance between the unit vectors is ``sqrt((|w' - w|**2 - (|w'| - |w|)**2) / (|w'| |w|))``, where the norms'
    difference is taken from ``growth``: dot products would lose all angles below 1e-8, and a good part of those of
    float32 weights.
    """
    start = np.sqrt(squares_start)
    end = np.sqrt(np.maximum(squares_start + growth, 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        chord = (squares_change - (growth / (start + end)) ** 2) / (start * end)
        chord = np.clip(chord, 0.0, 4.0)
        found = 2 * np.arctan2(np.sqrt(chord), np.sqrt(4 - chord))
    return np.where(unchanged, 0.0, np.where((start > 0) & (end > 0), found, np.nan))


MEASURES: dict[str, Measure] = {
    "rwc_l1": Measure(
        "relative weight change, L1",
        "sum |w' - w| / sum |w|",
        lambda row: _share(row.abs_change, row.abs_earlier, row.changed == 0),
        ("abs_earlier", "abs_change"),
    ),
    "rwc_l2": Measure(
        "relative weight change, L2",
        "||w' - w|| / ||w||",
        lambda row: _share(np.sqrt(row.squares_change), np.sqrt(row.squares_earlier), row.changed == 0),
        ("squares_earlier", "squares_change"),
    ),
    "rwc_elementwise": Measure(
        "relative weight change, mean over elements",
        "mean of |w' - w| / |w| over elements with w != 0",
        _elementwise,
        ("ratios",),
    ),
    "update_to_weight": Measure(
        "spread of the update relative to that of the weight",
        "std(w' - w) / std(w)",
        _spread_share,
        ("squares_earlier", "squares_change", "sum_earlier", "sum_change"),
    ),
    "rotation": Measure(
        "rotation, radians",
        "angle between w and w'",
        lambda row: _angle(row.squares_earlier, row.squares_change, row.growth, row.changed == 0),
        ("squares_earlier", "squares_change", "growth"),
    ),
    "rotation_from_init": Measure(
        "rotation from the initial weight, radians",
        "angle between w0 and w'",
        lambda row: _angle(
            row.squares_initial, row.squares_from_init, row.growth_from_init, row.changed_from_init == 0
        ),
        ("squares_initial", "squares_from_init", "growth_from_init", "changed_from_init"),
    ),
    "distance_from_init": Measure(
        "distance from the initial weight, relative to its norm",
        "||w' - w0|| / ||w0||",
        lambda row: _share(np.sqrt(row.squares_from_init), np.sqrt(row.squares_initial), row.changed_from_init == 0),
        ("squares_initial", "squares_from_init", "changed_from_init"),
    ),
}
"""Measures that follow from the sums, by name; the first is the default one."""

DEFAULT = "rwc_l1"

ROBUST = {
    "rwc_median": Measure(
        "relative weight change, median over elements",
        "median of |w' - w| / |w| over elements with w != 0",
        lambda row: np.full(len(row.elements), np.nan),
        (),
    ),
    "rwc_trimmed": Measure(
        "relative weight change, mean over elements without the lowest and highest tenth",
        "10 % trimmed mean of |w' - w| / |w| over elements with w != 0",
        lambda row: np.full(len(row.elements), np.nan),
        (),
    ),
}
"""Measures of the distribution of the element-wise ratio: they need a selection beside the sums."""

ALWAYS = ("elements", "nonzero", "nonfinite", "changed")
"""Sums that every record needs."""

COUNTS = ("zero_weights", "zero_start", "nonfinite")
"""Counts beside the measures: elements left out of the element-wise ratio; 1 where the earlier norm is 0 and something
changed (the relative measures are NaN there); elements that are NaN or infinite."""


def check_measures(measures: Iterable[str] | str | None) -> tuple[str, ...]:
    """The names of the measures asked for, in the order of `MEASURES` and `ROBUST`.

    Args:
        measures: names, one name, or None for all that follow from the sums.

    Raises:
        InputError: an unknown name, or none at all.
    """
    known = [*MEASURES, *ROBUST]
    if measures is None:
        return tuple(MEASURES)
    asked = [measures] if isinstance(measures, str) else list(measures)
    if not asked:
        raise InputError(f"measures is empty: name at least one of {', '.join(known)}")
    for name in asked:
        check_choice(name, known, "measures")
    return tuple(name for name in known if name in asked)


def needed_sums(measures: Sequence[str]) -> tuple[str, ...]:
    """The columns that have to be summed for these measures, in the order of `SUMS`."""
    needed = {name for measure in measures if measure in MEASURES for name in MEASURES[measure].sums} | set(ALWAYS)
    return tuple(name for name in SUMS if name in needed)


def needs_initial(measures: Sequence[str]) -> bool:
    """Whether any of the measures looks back to the initial weights."""
    return any(measure in MEASURES and MEASURES[measure].needs_initial for measure in measures)


def measures_of(sums: SumsArray, measures: Sequence[str]) -> dict[str, PerWeight]:
    """The measures and the counts of every weight.

    Args:
        sums: of whole weights (rows of shards added).
        measures: names in `MEASURES`.

    Returns:
        For each measure, then for each of `COUNTS`, one number per weight. All measures are NaN where a weight holds
        elements that are not finite, and where it has no elements.
    """
    row = Row(np.asarray(sums, dtype=np.float64))
    broken = (row.nonfinite > 0) | (row.elements == 0)
    found = {}
    with np.errstate(invalid="ignore", over="ignore"):
        for name in measures:
            found[name] = np.where(broken, np.nan, MEASURES[name].value(row))
        zero_start = (row.nonzero == 0) & (row.changed > 0)
    return found | {
        "zero_weights": row.elements - row.nonzero,
        "zero_start": zero_start.astype(np.float64),
        "nonfinite": row.nonfinite.copy(),
    }
