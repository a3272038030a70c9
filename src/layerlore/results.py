"""Reading results back, of either half."""

from __future__ import annotations

from pathlib import Path

from layerlore.dynamics.history import KIND as HISTORY
from layerlore.dynamics.history import History
from layerlore.errors import RunError
from layerlore.interactions.knowledge import KIND as KNOWLEDGE
from layerlore.interactions.knowledge import Knowledge
from layerlore.storage import read_manifest


def load(path: Path | str) -> Knowledge | History:
    """Read a run folder: what its manifest says it holds.

    Args:
        path: folder that `explain`, a `WeightTracker`, `read_series` or ``save`` wrote.

    Returns:
        `Knowledge` for a run through depth, `History` for one through training.

    Raises:
        RunError: missing, foreign, damaged or unfinished.
    """
    kind = read_manifest(path)["kind"]
    if kind == KNOWLEDGE:
        return Knowledge.load(path)
    if kind == HISTORY:
        return History.load(path)
    raise RunError(f"{path} holds a {kind!r} run, which this version of LayerLore does not know: update layerlore")
