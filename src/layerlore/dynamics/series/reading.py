"""One weight through all checkpoints: each of its tensors is read once, and three are in memory at most."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from layerlore.dynamics.change import check_weight, ratio_summaries, sum_weights
from layerlore.dynamics.measures import ROBUST, needed_sums, needs_initial
from layerlore.dynamics.series.plan import Series
from layerlore.networks.checkpoints import Checkpoint


def read_weight(
    series: Series, name: str, measures: tuple[str, ...]
) -> tuple[Float64[np.ndarray, "n_pairs 16"], Float64[np.ndarray, "n_pairs n_robust"]]:
    """The sums of one weight over each pair of neighbouring checkpoints, and its robust measures.

    Args:
        series: opened checkpoints.
        name: of a tensor that all of them hold with one shape and dtype.
        measures: names in `MEASURES` and `ROBUST`.

    Raises:
        InputError: a tensor cannot be read.
    """
    columns = needed_sums(measures)
    robust = [measure for measure in measures if measure in ROBUST]
    earlier = load_weight(series.checkpoints[0], name, None)
    initial = earlier if needs_initial(measures) else None
    reusable = all(checkpoint.info(name).plain for checkpoint in series.checkpoints)
    spare: Tensor | None = None
    sums, summaries = [], []
    for checkpoint in series.checkpoints[1:]:
        later = load_weight(checkpoint, name, spare)
        spare = None
        sums.append(sum_weights([earlier], [later], None if initial is None else [initial], columns)[0].numpy())
        if robust:
            found = ratio_summaries(earlier, later)
            summaries.append([found[measure] for measure in robust])
        spare = earlier if reusable and earlier is not initial else None
        earlier = later
        del later
    return np.stack(sums), np.array(summaries, dtype=np.float64).reshape(len(sums), len(robust))


def load_weight(checkpoint: Checkpoint, name: str, spare: Tensor | None) -> Tensor:
    """Read a tensor, into memory that is no longer needed where that fits.

    Raises:
        InputError: it cannot be read, or is of a kind that cannot be measured.
    """
    info = checkpoint.info(name)
    if not info.plain:
        return check_weight(name, checkpoint.tensor(name))
    fits = spare is not None and (tuple(spare.shape), spare.dtype) == (info.shape, info.dtype)
    out = spare if fits and spare is not None else torch.empty(info.shape, dtype=info.dtype)
    checkpoint.read_into(name, out)
    return check_weight(name, out)
