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

_SMALLEST = 1e-270
"""Least sum of squares that is trusted: float32 cannot fall below it, float64 weights near 1e-135 can. Squares that
vanished under 1e-308 are then less than 1e-19 of the norm each."""

_CONSTANT = 1e-12
"""Variance relative to the squared mean that counts as none: cancellation leaves some 1e-15 of that square, so that
above this limit a standard deviation is right to 0.1 %."""

_ROUNDING = 64 * 2.0**-52
"""Relative error of a sum: partial sums of blocks add up to some ten units in the last place for 1e8 elements."""

_DOUBT = 1e-6
"""Largest error of the squared chord, from rounding, with which an angle is reported: it shifts an angle by as much,
and by up to its root near 0 and pi, where an arc is flat."""


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
    """``change / start``; 0 where nothing changed, NaN where something grew out of nothing or beyond float64."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.where((start > 0) & np.isfinite(start), change / start, np.nan)
    return np.where(unchanged, 0.0, found)


def _elementwise(row: Row) -> PerWeight:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(row.nonzero > 0, row.ratios / row.nonzero, np.nan)


def _spread_share(row: Row) -> PerWeight:
    change = _deviation(row.squares_change, row.sum_change, row.elements)
    start = _deviation(_trusted(row.squares_earlier), row.sum_earlier, row.elements)
    return _share(change, start, row.changed == 0)


def _trusted(squares: PerWeight) -> PerWeight:
    """A sum of squares; NaN where some of them may have vanished below the range of float64."""
    return np.where((squares == 0) | (squares > _SMALLEST), squares, np.nan)


def _deviation(squares: PerWeight, total: PerWeight, count: PerWeight) -> PerWeight:
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total / count
        variance = squares / count - mean**2
    return np.sqrt(np.where(variance <= _CONSTANT * mean**2, 0.0, variance))


def _angle(squares_start: PerWeight, squares_change: PerWeight, growth: PerWeight, unchanged: np.ndarray) -> PerWeight:
    """Angle between a vector and a later one, from ``|w|**2``, ``|w' - w|**2`` and ``|w'|**2 - |w|**2``.

    The distance between the unit vectors is ``sqrt((|w' - w|**2 - (|w'| - |w|)**2) / (|w'| |w|))``, where the norms'
    difference is taken from ``growth``: dot products would lose all angles below 1e-8, and a good part of those of
    float32 weights. All in units of ``|w|``, so that nothing leaves the range of float64.

    Rounding of the sums puts the squared chord off by ``_ROUNDING`` times the growth of the norm, or over the square
    of the growth where the norm shrank. In units of the angle that is nothing between snapshots of a training run;
    for pure scaling by 2, whose angle is 0, at most 2e-7. A weight that shrank ten thousand times, or grew fifty
    million times, has an angle of NaN.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        grown = growth / squares_start
        squares_end = np.maximum(1 + grown, 0.0)
        end = np.sqrt(squares_end)
        chord = (squares_change / squares_start - (grown / (1 + end)) ** 2) / end
        chord = np.clip(chord, 0.0, 4.0)
        found = 2 * np.arctan2(np.sqrt(chord), np.sqrt(4 - chord))
        doubt = _ROUNDING * np.maximum(1 / squares_end, end)
    held = np.isfinite(squares_start) & np.isfinite(squares_change) & np.isfinite(growth)
    known = held & (squares_start > _SMALLEST) & (doubt < _DOUBT)
    return np.where(unchanged, 0.0, np.where(known, found, np.nan))


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
        lambda row: _share(np.sqrt(row.squares_change), np.sqrt(_trusted(row.squares_earlier)), row.changed == 0),
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
        lambda row: _share(
            np.sqrt(row.squares_from_init), np.sqrt(_trusted(row.squares_initial)), row.changed_from_init == 0
        ),
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
        elements that are not finite, where it has no elements, and where float64 cannot hold its sums.
    """
    row = Row(np.asarray(sums, dtype=np.float64))
    broken = (row.nonfinite > 0) | (row.elements == 0)
    found = {}
    with np.errstate(invalid="ignore", over="ignore"):
        for name in measures:
            value = MEASURES[name].value(row)
            # Infinite only where float64 weights have squares or ratios beyond float64.
            found[name] = np.where(broken | ~np.isfinite(value), np.nan, value)
        zero_start = (row.nonzero == 0) & (row.changed > 0)
    return found | {
        "zero_weights": row.elements - row.nonzero,
        "zero_start": zero_start.astype(np.float64),
        "nonfinite": row.nonfinite.copy(),
    }
