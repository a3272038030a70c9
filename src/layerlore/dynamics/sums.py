"""What is summed over a weight: every measure of change follows from these, and partial sums add up.

A kernel goes once over the bytes of the earlier, the later and (where asked for) the initial tensor and fills one row
for each weight. Rows of the shards of one weight are added, and a row of zeros is a shard of nothing. With ``w`` the
earlier, ``v`` the later, ``u`` the initial value of an element:

======================  ==================================================================
``elements``            number of elements
``nonzero``             number of elements with ``w != 0``
``nonfinite``           number of elements where ``v`` or ``w`` is NaN or infinite
``abs_earlier``         sum of ``|w|``
``abs_change``          sum of ``|v - w|``
``ratios``              sum of ``|v - w| / |w|`` over ``w != 0``
``sum_earlier``         sum of ``w`` (its real part)
``sum_change``          sum of ``v - w`` (its real part)
``squares_earlier``     sum of ``|w|**2``
``squares_change``      sum of ``|v - w|**2``
``growth``              ``sum of |v|**2 - |w|**2``, as a sum of ``Re conj(v - w) (v + w)``: it does not cancel
``squares_initial``     sum of ``|u|**2``
``squares_from_init``   sum of ``|v - u|**2``
``growth_from_init``    ``sum of |v|**2 - |u|**2``, likewise
``changed_from_init``   number of elements with ``v != u``
``changed``             number of elements with ``v != w``
======================  ==================================================================

Columns that were not asked for hold NaN.
"""

from __future__ import annotations

from jaxtyping import Float64
from numpy import ndarray
from torch import Tensor

SUMS = (
    "elements",
    "nonzero",
    "nonfinite",
    "changed",
    "abs_earlier",
    "abs_change",
    "ratios",
    "sum_earlier",
    "sum_change",
    "squares_earlier",
    "squares_change",
    "growth",
    "changed_from_init",
    "squares_initial",
    "squares_from_init",
    "growth_from_init",
)
"""Names of the columns."""

FROM_INIT = SUMS[-4:]
"""Those that need the initial weights."""

COLUMN = {name: position for position, name in enumerate(SUMS)}

SumsArray = Float64[ndarray, "n_weights 16"]
"""Sums of weights, one row each, on the CPU."""

SumsTensor = Float64[Tensor, "n_weights 16"]
"""The same where the weights are, before the one transfer."""
