"""Everything that a page needs of all samples, from one reading of the run: a large one does not fit in memory.

Each sample is read once and leaves a few sums behind, whose size does not depend on the number of its coalitions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float64, Int64

from layerlore.figures.sparsity import N_BINS, count_sizes
from layerlore.interactions.alignment import reference_guides
from layerlore.interactions.bootstrap import ratio
from layerlore.interactions.calibration import in_units
from layerlore.interactions.compare import sample_sums
from layerlore.interactions.knowledge import Knowledge
from layerlore.interactions.ledger import Ledger, Sums
from layerlore.interactions.salience import is_salient, rebuild, relative_error
from layerlore.interactions.survival import life_sums, salient_signs, survival_of

if TYPE_CHECKING:
    import xarray as xr

PerGame = Float64[np.ndarray, "n_samples n_targets n_layers"]


@dataclass(frozen=True, eq=False)
class DepthPass:
    """What is known of all samples.

    Attributes:
        ledger: against the reference that the run was explained with.
        sums: that it was made of.
        survival: as `Knowledge.survival` gives it.
        lives: that it was made of, for each sample the sums of `survival.life_sums`.
        salient: salient interactions of each game.
        rebuild_error: of each game, as ``with_delta`` of `Knowledge.rebuild_error`.
        sizes: effects counted by size, for `figures.sparsity.curves_of`.
    """

    ledger: Ledger
    sums: Sums
    survival: xr.Dataset
    lives: Float64[np.ndarray, "n_samples 3 n_layers n_targets 2 n_players"]
    salient: PerGame
    rebuild_error: PerGame
    sizes: Int64[np.ndarray, "n_targets n_layers n_bins"]


def depth_pass(knowledge: Knowledge) -> DepthPass:
    """Read every sample once."""
    thresholds, units = knowledge.thresholds(), knowledge.normalisers()
    relative = ratio(thresholds, units)
    guides = reference_guides(knowledge.layers, knowledge.manifest["settings"]["reference"])
    sums, lives, salient, errors = [], [], [], []
    sizes = np.zeros((*thresholds.shape, N_BINS), dtype=np.int64)
    for sample in range(knowledge.n_samples):
        effects = knowledge.effects(sample)
        found = is_salient(effects, thresholds)
        salient.append(found.sum((-2, -1), dtype=np.float64))
        errors.append(salient_error(knowledge.scores(sample), effects, found))
        sums.append(sample_sums(in_units(effects, units), guides, relative))
        lives.append(life_sums(np.moveaxis(salient_signs(effects, thresholds), 1, 0)))
        sizes += count_sizes(effects, thresholds)
    every, living = np.stack(sums), np.stack(lives)
    targets = knowledge.manifest["coords"]["target"]
    return DepthPass(
        ledger=knowledge.ledger_of(every),
        sums=every,
        survival=survival_of(living.sum(0), knowledge.n_samples, targets, knowledge.layers),
        lives=living,
        salient=np.stack(salient),
        rebuild_error=np.stack(errors),
        sizes=sizes,
    )


def salient_error(
    scores: Float64[np.ndarray, "n_targets n_layers n_coalitions"],
    effects: Float64[np.ndarray, "n_targets n_layers 2 n_coalitions"],
    salient: Bool[np.ndarray, "n_targets n_layers 2 n_coalitions"],
) -> Float64[np.ndarray, "n_targets n_layers"]:
    """Error of rebuilding scores from salient interactions alone, as a share of ``|v(N) - v(empty)|``."""
    errors = np.empty(scores.shape[:-1])
    # One layer at a time stays in the cache of the processor, which takes half the time.
    for layer in range(scores.shape[1]):
        own = scores[:, layer]
        rebuilt = rebuild(np.where(salient[:, layer], effects[:, layer], 0.0), own[:, 0])
        errors[:, layer] = relative_error(own, own - rebuilt)
    return errors
