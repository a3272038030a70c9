"""The numbers of the figures of one run through depth as tables: one row for each number, or point, that is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from layerlore.figures.gaps import certified_gaps
from layerlore.figures.probes import accuracies
from layerlore.figures.sparsity import Curve
from layerlore.figures.survival import lives_by_layer
from layerlore.interactions.knowledge import Knowledge

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


def probes_table(knowledge: Knowledge) -> pd.DataFrame:
    """``layer``, ``train_accuracy``, ``validation_accuracy``; the network itself is ``output``."""
    import pandas as pd

    found = accuracies(knowledge)
    return pd.DataFrame(
        {
            "layer": [*found["layer"], "output"],
            "train_accuracy": [*found["train"], found["network_train"]],
            "validation_accuracy": [*found["validation"], found["network_validation"]],
            "chance": found["chance"],
        }
    )


def sparsity_table(curves: Sequence[Curve], n_samples: int) -> pd.DataFrame:
    """``layer``, ``rank_per_sample``, ``relative_size``: the points of all curves."""
    import pandas as pd

    columns = ["layer", "rank_per_sample", "relative_size"]
    rows = [
        pd.DataFrame(dict(zip(columns, (curve.layer, curve.rank / n_samples, curve.size), strict=True)))
        for curve in curves
    ]
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=columns)


def gaps_table(knowledge: Knowledge, target: int = 0) -> pd.DataFrame:
    """``sample``, ``layer``, ``certified_gap``."""
    import pandas as pd

    gaps = certified_gaps(knowledge, target)
    sample, layer = (part.ravel() for part in np.indices(gaps.shape))
    names = np.asarray(knowledge.layers, dtype=object)
    return pd.DataFrame({"sample": sample, "layer": names[layer], "certified_gap": gaps.ravel()})


def survival_table(survival: xr.Dataset, target: int = 0) -> pd.DataFrame:
    """``layer``, ``staying`` and ``lost`` (interactions per sample that appear there), ``layers`` (how long)."""
    import pandas as pd

    return pd.DataFrame({"layer": survival.layer.values.astype(object)} | lives_by_layer(survival, target))
