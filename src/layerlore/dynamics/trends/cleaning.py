"""Cleaning a table of changes, step by step, each step recorded.

Layers that did not change at all are *frozen* and layers without a single finite number are *unknown*: both are set
aside here, so that what is grouped later has a number everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64

from layerlore.dynamics.trends.settings import Settings
from layerlore.errors import InputError

Table = Float64[np.ndarray, "n_layers n_steps"]
PerLayer = Float64[np.ndarray, "n_layers"]
Chosen = Bool[np.ndarray, "n_layers"]

MOSTLY = 0.5
DEVIATIONS = 2.0
LARGEST = 1e100


@dataclass(frozen=True, eq=False)
class Cleaned:
    """A table that can be grouped.

    Attributes:
        table: cleaned numbers, layer x step; rows of layers that are not grouped are NaN.
        level: per layer, mean over steps of the cleaned numbers before any standardisation; NaN likewise.
        frozen: layers without any change.
        unknown: layers without a finite number.
        log: the numbers are logarithms of the measure.
        steps: what was done, in order: ``step``, ``what``, ``count``.
        notes: what a reader has to know.
    """

    table: Table
    level: PerLayer
    frozen: Chosen
    unknown: Chosen
    log: bool
    steps: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def moving(self) -> Chosen:
        """Layers that are grouped."""
        return ~(self.frozen | self.unknown)


def clean_robustly(values: Table, settings: Settings) -> Cleaned:
    """Set frozen and unknown layers aside, take the logarithm, fill gaps, smooth, standardise.

    Infinite entries come from a division by nothing: they say as little as NaN, and both are filled from the layer's
    own neighbouring steps.

    Args:
        values: the measure; NaN and infinity allowed.
        settings: what to do.

    Raises:
        InputError: a negative change under ``log``, or values beyond all range without it.
    """
    finite = np.isfinite(values)
    unknown = np.logical_not(finite.any(axis=1))
    frozen = ~unknown & ((values == 0) | np.isnan(values)).all(1)
    moving = ~(unknown | frozen)
    log = _Log()
    log.add("unknown layers", "layers without a finite number, labelled as outliers", unknown.sum())
    log.add("frozen layers", "layers without any change, a group of their own", frozen.sum())
    table = np.where(finite & moving[:, None], values, np.nan)
    if settings.log:
        table = _logarithm(table, log)
    else:
        _check_range(table)
    log.add("gaps: NaN", "filled from neighbouring steps", np.isnan(values[moving]).sum())
    log.add("gaps: infinite", "filled from neighbouring steps", np.isinf(values[moving]).sum())
    table = np.array([fill_gaps(row) if keep else row for row, keep in zip(table, moving, strict=True)])
    window = fitting_window(settings.smoothing, values.shape[1])
    if window > 1:
        table = running(running(table, window, np.median), window, np.mean)
        log.add("smoothing", f"running median, then running mean, over {window} steps", moving.sum())
    level = table.mean(1)
    table = _standardise(table, settings.standardise, log)
    notes = _notes_on_gaps(finite[moving])
    if unknown.any():
        notes.append(f"{unknown.sum()} layers hold no finite number: they are labelled as outliers")
    return Cleaned(table, level, frozen, unknown, settings.log, log.steps, notes)


def clean_as_published(values: Table) -> Cleaned:
    """What the authors' notebooks do before PCA (METHODS B2), for rows that are left after the first and last are gone.

    A number that is not finite becomes the row's finite sum divided by the row's length; then numbers farther than two
    population standard deviations from the row's mean become that mean. Layers without a finite number, which the
    notebooks would treat as zeros, are labelled instead.

    Raises:
        InputError: values beyond all range.
    """
    finite = np.isfinite(values)
    unknown = np.logical_not(finite.any(axis=1))
    log = _Log()
    log.add("unknown layers", "layers without a finite number, labelled as outliers", unknown.sum())
    _check_range(values)
    fill = np.where(finite, values, 0.0).sum(1, keepdims=True) / values.shape[1]
    table = np.where(finite, values, fill)
    log.add("not finite", "set to the finite sum of the row divided by its length", (~finite[~unknown]).sum())
    mean, deviation = table.mean(1, keepdims=True), table.std(1, keepdims=True)
    far = np.abs(table - mean) > DEVIATIONS * deviation
    table = np.where(far, mean, table)
    log.add("far from the row mean", "values beyond 2 standard deviations set to the row mean", far[~unknown].sum())
    table[unknown] = np.nan
    notes = []
    if unknown.any():
        notes.append(f"{unknown.sum()} layers hold no finite number: they are labelled as outliers")
    return Cleaned(table, table.mean(1), np.zeros_like(unknown), unknown, False, log.steps, notes)


def fill_gaps(row: Float64[np.ndarray, "n_steps"]) -> Float64[np.ndarray, "n_steps"]:
    """NaN replaced on the straight line between the nearest finite neighbours, or by the nearest one at the ends.

    >>> fill_gaps(np.array([np.nan, 1.0, np.nan, 3.0])).tolist()
    [1.0, 1.0, 2.0, 3.0]
    """
    known = np.isfinite(row)
    places = np.arange(len(row))
    return np.interp(places, places[known], row[known])


def fitting_window(window: int, n_steps: int) -> int:
    """The window asked for, or the largest odd one that is at most a third of the steps.

    >>> fitting_window(5, 25), fitting_window(5, 10), fitting_window(5, 4)
    (5, 3, 1)
    """
    third = n_steps // 3
    largest = third if third % 2 else third - 1
    return max(1, min(window, largest))


def running(table: Table, window: int, summary: Any) -> Table:
    """A summary of the steps around each step; the window is cut off at both ends."""
    half, n_steps = window // 2, table.shape[1]
    return np.stack([summary(table[:, max(0, t - half) : t + half + 1], axis=1) for t in range(n_steps)], axis=1)


class _Log:
    """The steps so far."""

    def __init__(self) -> None:
        self.steps: list[dict[str, Any]] = []

    def add(self, step: str, what: str, count: int | np.integer) -> None:
        self.steps.append({"step": step, "what": what, "count": int(count)})


def _check_range(values: Table) -> None:
    """Distances between numbers beyond this range leave that of float64."""
    sizes = np.abs(values[np.isfinite(values) & (values != 0)])
    if sizes.size and (sizes.max() > LARGEST or sizes.max() < 1 / LARGEST):
        raise InputError(
            f"the largest value is {sizes.max():.3g}: values beyond {LARGEST:g} or all below {1 / LARGEST:g} can only "
            "be grouped on a log scale, recipe='robust' with log=True"
        )


def _logarithm(table: Table, log: _Log) -> Table:
    if (table < 0).any():
        raise InputError(
            f"the measure has {(table < 0).sum()} negative values (least {np.nanmin(table):g}), which have no "
            "logarithm: a change cannot be negative. Pass log=False if these numbers are no changes"
        )
    zeros = table == 0
    positive = table[table > 0]
    floor = float(positive.min()) if positive.size else 1.0
    log.add("zeros", f"raised to the smallest positive value, {floor:.3g}", zeros.sum())
    log.add("log scale", "natural logarithm of every value", np.isfinite(table).sum())
    return np.log(np.where(zeros, floor, table))


def _standardise(table: Table, how: str, log: _Log) -> Table:
    if how == "off":
        return table
    centred = table - table.mean(1, keepdims=True)
    if how == "scale":
        deviation = table.std(1, keepdims=True)
        # What is left of a constant layer is rounding error: it has no shape.
        flat = deviation <= 1e-12 * np.maximum(1.0, np.abs(table).max(1, keepdims=True))
        centred = np.where(flat, 0.0, centred / np.where(flat, 1.0, deviation))
        centred[np.isnan(table)] = np.nan
    log.add("standardisation", f"each layer: {how}", np.isfinite(table).all(1).sum())
    return centred


def _notes_on_gaps(finite: Bool[np.ndarray, "n_moving n_steps"]) -> list[str]:
    gaps = int((finite.mean(1) < MOSTLY).sum()) if finite.size else 0
    return [f"{gaps} layers have no finite number at more than half of the steps"] if gaps else []
