"""Several runs or seeds of one network as one history: means with intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from layerlore.dynamics.history import History, new_manifest
from layerlore.errors import InputError, missing_extra

CONFIDENCE = 0.95
RUNS = "n_runs"


def merge_histories(histories: Sequence[History], *, confidence: float = CONFIDENCE) -> History:
    """The mean of each measure over runs, with Student's interval for it.

    Args:
        histories: of the same layers and steps, such as one for each seed.
        confidence: of the intervals, between 0 and 1.

    Returns:
        A history in which every measure that all runs have is the mean over runs, with ``<measure>_low`` and
        ``<measure>_high`` beside it. Entries that are not finite in some run are left out of the mean there, and a
        note counts them; where fewer than two are left, the interval is NaN. Counts and events are not merged.

    Raises:
        InputError: fewer than two histories, or layers, shapes, steps or measures that differ: what differs is said.
        MissingExtraError: scipy is not installed.
    """
    try:
        from scipy import stats  # comes with scikit-learn, optional
    except ImportError:
        raise missing_extra("scipy", "trends", "merging histories") from None
    if len(histories) < 2:
        raise InputError(f"{len(histories)} history given: merging needs at least two")
    if not 0 < confidence < 1:
        raise InputError(f"confidence={confidence} must lie between 0 and 1")
    first = histories[0]
    for number, other in enumerate(histories[1:], start=1):
        _check_same(first, other, number)
    measures = [name for name in first.measures if all(name in other.measures for other in histories)]
    if not measures:
        raise InputError("the histories have no measure in common")
    data = first.data.drop_vars(list(first.data.data_vars))
    notes = {note for history in histories for note in history.notes}
    for name in measures:
        stacked = np.stack([history.values(name) for history in histories])
        finite = np.isfinite(stacked)
        count = finite.sum(0)
        partial = int(((count > 0) & (count < len(histories))).sum())
        if partial:
            notes.add(f"{name}: {partial} entries are finite in some runs only, and are means over those")
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            mean = np.where(finite, stacked, 0.0).sum(0) / count
            squares = np.where(finite, (stacked - mean) ** 2, 0.0).sum(0)
            half = stats.t.ppf((1 + confidence) / 2, count - 1) * np.sqrt(squares / (count - 1) / count)
        for ending, table in (("", mean), ("_low", mean - half), ("_high", mean + half)):
            data[name + ending] = (("layer", "step"), table)
    manifest = new_manifest(
        {"source": "merged", "runs": [history.manifest["identity"] for history in histories]},
        settings={RUNS: len(histories), "confidence": confidence},
        notes=sorted(notes),
        weights=first.manifest["weights"],
        events=[],
    )
    return History(data, manifest)


def _check_same(first: History, other: History, number: int) -> None:
    for what, ours, theirs in (
        ("layers", first.layers, other.layers),
        ("shapes", first.data["shape"].values.tolist(), other.data["shape"].values.tolist()),
        ("steps", first.steps.tolist(), other.steps.tolist()),
    ):
        if ours != theirs:
            here = [entry for entry in ours if entry not in theirs][:3] or ours[:3]
            there = [entry for entry in theirs if entry not in ours][:3] or theirs[:3]
            raise InputError(
                f"history {number} has other {what} than the first one ({there} instead of {here}): only runs of one "
                "network with one schedule can be merged"
            )
