"""Records as named numbers, for tools that draw one curve for each name.

The same names in every tool: the measure first, since tools group by what stands before the first slash; then the depth
with leading zeros, so that a list sorts from the input to the output; then the weight.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from layerlore.dynamics import Record, WeightInfo
from layerlore.dynamics.measures import COUNTS

LONGEST = 250
"""Characters that MLflow takes; the others take more."""

ALARM = "nonfinite"


def scalar_name(measure: str, layer: str, depth: int, n_weights: int) -> str:
    """What the curve of one measure of one weight is called.

    Characters other than letters, digits, ``_ - .`` and space become ``_``, since not every tool takes them, and
    names longer than 250 characters lose their middle. Two weights never share a name: the depth is in it.

    Args:
        measure: name of the measure or count.
        layer: name of the weight.
        depth: its place among the weights, from 0.
        n_weights: how many there are; decides how many leading zeros.

    >>> scalar_name("rwc_l1", "layer1.0.conv1.weight", 3, 20)
    'rwc_l1/03 layer1.0.conv1.weight'
    """
    place = str(depth).zfill(max(2, len(str(n_weights - 1))))
    name = re.sub(r"[^\w.\- ]", "_", layer).strip() or "_"
    room = LONGEST - len(measure) - len(place) - 2
    if len(name) > room:
        half = (room - 2) // 2
        name = f"{name[:half]}..{name[-half:]}"
    return f"{measure}/{place} {name}"


class Scalars:
    """Turns records into named numbers.

    Args:
        weights: that will be recorded. Weights that are added to the network later come at the end.
        counts: whether the counts are among the numbers. Even where they are not, ``nonfinite`` is there for a weight
            that holds NaN or infinity: its other curves end at that step, and this one says why.
    """

    def __init__(self, weights: Sequence[WeightInfo], *, counts: bool = False) -> None:
        self._counts = counts
        self._n_weights = len(weights)
        self._depth = {weight.layer: weight.depth for weight in weights}
        self._names: dict[tuple[str, str], str] = {}

    def of(self, record: Record) -> Mapping[str, float]:
        """The finite numbers of a record by `scalar_name`: tools draw NaN and infinity wrongly, or refuse them."""
        found = {}
        for layer, numbers in record.values.items():
            for column, number in zip(record.columns, numbers, strict=True):
                wanted = self._counts or column not in COUNTS or (column == ALARM and number > 0)
                if wanted and math.isfinite(number):
                    found[self._name(column, layer)] = float(number)
        return found

    def _name(self, column: str, layer: str) -> str:
        if (column, layer) not in self._names:
            if layer not in self._depth:
                self._depth[layer] = max(self._depth.values(), default=-1) + 1
            self._names[column, layer] = scalar_name(column, layer, self._depth[layer], self._n_weights)
        return self._names[column, layer]
