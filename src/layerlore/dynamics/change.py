"""How much weights changed between two snapshots: their sums, and all measures of one pair (METHODS B1)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from layerlore.dynamics.kernels import add_sums, sum_packed
from layerlore.dynamics.kernels.weights import check_pair, check_weight
from layerlore.dynamics.measures import MEASURES, ROBUST, check_measures, measures_of, needed_sums, needs_initial
from layerlore.dynamics.robust import ratio_summaries
from layerlore.dynamics.sums import COLUMN, FROM_INIT, SUMS, SumsTensor
from layerlore.errors import InputError, check_choice

__all__ = ["check_weight", "ratio_summaries", "sum_weights", "weight_change"]

_FEW = {"elements", "nonzero", "nonfinite", "changed", "abs_earlier", "abs_change", *FROM_INIT}
"""Columns that need no second loop over a block."""


def weight_change(
    earlier: Tensor,
    later: Tensor,
    initial: Tensor | None = None,
    *,
    measures: Iterable[str] | str | None = None,
) -> dict[str, float]:
    """All measures of change between two snapshots of a weight, and the counts beside them.

    Args:
        earlier: the weight before, any shape and floating or complex dtype; nothing is written to it.
        later: the weight after, of the same shape, on the same device (or ``earlier`` on the CPU). Where its dtype is
            another, it is rounded to that of the snapshot that it is compared with.
        initial: the weight before training.
        measures: names in `layerlore.dynamics.MEASURES` and `layerlore.dynamics.ROBUST`; None takes all, those from
            ``initial`` where that is given.

    Returns:
        By name: the measures (relative changes without unit, rotations in radians; NaN where undefined), then
        ``zero_weights``, ``zero_start`` and ``nonfinite``.

    Raises:
        InputError: an unknown measure, one from ``initial`` without it, a tensor that cannot be measured, or snapshots
            that do not belong together.

    >>> change = weight_change(torch.tensor([1.0, -2.0, 0.0]), torch.tensor([1.5, -2.0, 0.0]))
    >>> round(change["rwc_l1"], 4), change["rwc_elementwise"], change["zero_weights"]
    (0.1667, 0.25, 1.0)
    """
    if measures is None:
        names = tuple(name for name in (*MEASURES, *ROBUST) if initial is not None or not needs_initial([name]))
    else:
        names = check_measures(measures)
    if initial is None and needs_initial(names):
        asked = [name for name in names if needs_initial([name])]
        raise InputError(
            f"measures={asked} look back to the initial weight, and initial is None: pass it, or ask for others"
        )
    from_sums = [name for name in names if name in MEASURES]
    earlier, later = check_weight("earlier", earlier), check_weight("later", later)
    sums = sum_weights([earlier], [later], None if initial is None else [initial], needed_sums(from_sums))
    found = {name: float(value[0]) for name, value in measures_of(sums.numpy(), from_sums).items()}
    if any(name in ROBUST for name in names):
        found |= ratio_summaries(earlier, later)
    return {name: found[name] for name in (*names, *(name for name in found if name not in MEASURES | ROBUST))}


def sum_weights(
    earlier: Sequence[Tensor],
    later: Sequence[Tensor],
    initial: Sequence[Tensor] | None,
    columns: Sequence[str],
    *,
    keep: bool = False,
) -> SumsTensor:
    """Sums of weights, a row each: one pass over the bytes of a weight where it lies, one transfer home per device.

    Args:
        earlier: snapshots, each beside its later weight or on the CPU.
        later: the weights now, local tensors of any shapes, dtypes and devices.
        initial: snapshots from before training; None where ``columns`` has none of `FROM_INIT`.
        columns: names in `layerlore.dynamics.sums.SUMS`.
        keep: overwrite each ``earlier`` with its ``later`` after it was read, rounded to its dtype. Nothing is written
            unless all weights pass the checks.

    Returns:
        On the CPU, in the order of ``later``; NaN in columns that were not asked for.

    Raises:
        InputError: numbers of weights that differ, unknown columns, columns from the initial weights without them, a
            tensor that cannot be measured or, with ``keep``, not be written, snapshots that do not belong together.
    """
    for name in columns:
        check_choice(name, SUMS, "columns")
    looks_back = any(name in FROM_INIT for name in columns)
    if looks_back and initial is None:
        raise InputError(
            "columns from the initial weights were asked for, and initial is None: pass the initial weights"
        )
    initial = initial if looks_back else None
    trios = _checked(earlier, later, initial, keep=keep)
    more = not _FEW.issuperset(columns)
    rows = np.zeros((len(later), len(SUMS)))
    elsewhere: dict[tuple[torch.device, bool], list[int]] = {}
    for place, trio in enumerate(trios):
        if trio[1].device.type == "cpu":
            add_sums(trio[0], trio[1], trio[2] if looks_back else None, rows[place], more=more, keep=keep)
        else:
            elsewhere.setdefault((trio[1].device, trio[1].is_complex()), []).append(place)
    for places in elsewhere.values():
        before, after, *start = zip(*(trios[place] for place in places), strict=True)
        rows[places] = sum_packed(before, after, start[0] if start else None, more=more, keep=keep)
    unasked = [COLUMN[name] for name in SUMS if name not in columns]
    rows[:, unasked] = np.nan
    return torch.from_numpy(rows)


def _checked(
    earlier: Sequence[Tensor], later: Sequence[Tensor], initial: Sequence[Tensor] | None, *, keep: bool
) -> list[list[Tensor]]:
    """Earlier, later and initial tensor of each weight, dense and in pairs that belong together."""
    counts = {len(snapshot) for snapshot in (earlier, later, initial) if snapshot is not None}
    if len(counts) > 1:
        raise InputError(f"the snapshots hold {sorted(counts)} weights: each needs the same weights in the same order")
    trios = []
    for place, (before, after) in enumerate(zip(earlier, later, strict=True)):
        name = str(place)
        trio = [check_weight(name, before), check_weight(name, after)]
        check_pair(name, trio[0], trio[1])
        if keep:
            _check_writable(name, before, trio[0])
        if initial is not None:
            trio.append(check_weight(name, initial[place]))
            check_pair(name, trio[-1], trio[1], what="initial")
        trios.append(trio)
    return trios


def _check_writable(name: str, given: Tensor, dense: Tensor) -> None:
    if given.layout != torch.strided or given.data_ptr() != dense.data_ptr():
        raise InputError(f"weight {name!r}: a sparse or quantised snapshot cannot be overwritten; keep a dense one")
    if any(size > 1 and stride == 0 for size, stride in zip(given.shape, given.stride(), strict=True)):
        raise InputError(f"weight {name!r}: the snapshot is expanded, its elements share memory; keep a clone of it")
