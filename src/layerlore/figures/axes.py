"""Axes that several figures through training share: steps, logarithmic numbers, and names of many layers."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float64, Int64

from layerlore.dynamics.history import History, title_of
from layerlore.figures.style import inert, shortened, spread

UNEVEN = 20
"""Steps stand on a logarithmic axis where their largest gap is more than so many times their smallest."""
MOST_STEPS = 200
"""Steps that a figure draws; of more, as many are chosen evenly."""
LONGEST_TITLE = 30
"""Letters in a line of an axis title."""
WEIGHT = ".weight"


def unit_of(history: History) -> str:
    """What a step of this history is called, such as ``epoch``."""
    return str(history.manifest["settings"].get("unit") or "step")


class Drawn(NamedTuple):
    """The part of a measure that a figure draws.

    Attributes:
        measure: its name.
        layers: by depth.
        steps: recorded ones.
        values: layer x step.
    """

    measure: str
    layers: list[str]
    steps: Int64[np.ndarray, "n_steps"]
    values: Float64[np.ndarray, "n_layers n_steps"]


def drawn(history: History, measure: str | None, most_layers: int) -> Drawn:
    """At most so many layers and `MOST_STEPS` steps of a measure, evenly spread.

    Args:
        history: from `WeightTracker`, `read_series` or `load`.
        measure: its name; None takes the history's default.
        most_layers: to draw.

    Raises:
        InputError: the measure was not recorded.
    """
    name = history.default_measure if measure is None else measure
    rows = spread(len(history.layers), most_layers)
    columns = spread(len(history.steps), MOST_STEPS)
    layers = [history.layers[row] for row in rows]
    return Drawn(name, layers, history.steps[columns], history.values(name)[np.ix_(rows, columns)])


def step_axis(steps: Int64[np.ndarray, "n_steps"], unit: str = "step") -> dict[str, Any]:
    """Options of an axis of steps: logarithmic where they were recorded with growing gaps."""
    options: dict[str, Any] = {"title_text": inert(shortened(unit)), "showgrid": False, "zeroline": False}
    gaps = np.diff(steps)
    if len(gaps) and steps[0] > 0 and gaps.max() > UNEVEN * gaps.min():
        return options | log_axis(steps.astype(np.float64))
    if len(steps) > 1:
        pad = 0.02 * float(steps[-1] - steps[0])
        options["range"] = [float(steps[0]) - pad, float(steps[-1]) + pad]
    # A step between two steps does not exist.
    return options | {"dtick": 1 if steps[-1] - steps[0] <= 12 else None, "tickformat": "~d"}


def log_axis(values: Float64[np.ndarray, "..."]) -> dict[str, Any]:
    """Options of a logarithmic axis that holds all positive finite values, its ticks written out in full."""
    low, high = positive_range(values)
    ticks = log_ticks(low, high)
    pad = 0.04 * max(math.log10(high / low), 0.3)
    return {
        "type": "log",
        "range": [math.log10(low) - pad, math.log10(high) + pad],
        "tickvals": ticks,
        "ticktext": [f"{tick:g}" for tick in ticks],
    }


def positive_range(values: Float64[np.ndarray, "..."]) -> tuple[float, float]:
    """The smallest and the largest positive finite value; a decade around 1 where there is none."""
    found = values[np.isfinite(values) & (values > 0)]
    return (float(found.min()), float(found.max())) if found.size else (0.3, 3.0)


def log_ticks(low: float, high: float, most: int = 9) -> list[float]:
    """Round numbers between two positive ones: 1, 2 and 5 of each decade, or decades alone where that is too many.

    At least one lies within or beside the range.

    >>> log_ticks(0.04, 0.6), log_ticks(1e-6, 1.0, most=4)
    ([0.05, 0.1, 0.2, 0.5], [1e-06, 0.0001, 0.01, 1.0])
    """
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    fine = [float(f"{digit}e{power}") for power in range(first, last + 1) for digit in (1, 2, 5)]
    inside = [tick for tick in fine if low <= tick <= high]
    if not inside:
        return [min(fine, key=lambda tick: abs(math.log(tick / low)))]
    if len(inside) <= most:
        return inside
    decades = [tick for tick in inside if math.log10(tick).is_integer()] or inside
    return decades[:: math.ceil(len(decades) / most)]


def even(count: int, most: int) -> list[int]:
    """At most ``most`` positions out of ``count``, the same distance apart: names there do not overlap.

    >>> even(7, 16), even(24, 10)
    ([0, 1, 2, 3, 4, 5, 6], [0, 3, 6, 9, 12, 15, 18, 21])
    """
    return list(range(0, count, max(1, math.ceil(count / most))))


def title_lines(measure: str) -> str:
    """The title of a measure in lines that fit beside a small figure, letter by letter."""
    return "<br>".join(inert(line) for line in textwrap.wrap(title_of(measure), LONGEST_TITLE))


def short_names(layers: Sequence[str]) -> list[str]:
    """Names of weights without the ``.weight`` that all of them end with.

    >>> short_names(["conv1.weight", "fc.weight"]), short_names(["fc.weight", "fc.bias"])
    (['conv1', 'fc'], ['fc.weight', 'fc.bias'])
    """
    if all(name.endswith(WEIGHT) and name != WEIGHT for name in layers):
        return [name.removesuffix(WEIGHT) for name in layers]
    return list(layers)
