"""What splitting games needs to know: all of a `Task`, or less where the scores are there already."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64
from torch import Tensor

from layerlore.interactions.alignment import Guides, SplitSettings
from layerlore.interactions.task import Task


@dataclass(frozen=True)
class Resplitting:
    """What is needed to split scores that are there already; attributes as in `Task`."""

    targets: Int64[Tensor, "n_samples n_targets"]
    other: Int64[np.ndarray, "n_samples n_targets"]
    layers: tuple[str, ...]
    guides: Guides
    settings: SplitSettings
    noise: float
    seed: int
    n_samples: int
    n_players: int


Splitting = Task | Resplitting
"""Whose games are split."""
