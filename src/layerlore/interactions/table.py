"""Interactions as a table: one row for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64

from layerlore.interactions.bootstrap import ratio
from layerlore.interactions.calibration import LayerEffects
from layerlore.interactions.moebius import orders
from layerlore.interactions.salience import OPS, is_salient

if TYPE_CHECKING:
    import pandas as pd

PerLayer = Float64[np.ndarray, "n_targets n_layers"]


def effects_table(
    sample: int,
    effects: LayerEffects,
    thresholds: PerLayer,
    units: PerLayer,
    targets: Sequence[str],
    layers: Sequence[str],
    salient_only: bool,
) -> pd.DataFrame:
    """Interactions of one sample; the columns are those of `Knowledge.to_dataframe`."""
    import pandas as pd

    n_players = effects.shape[-1].bit_length() - 1
    salient = is_salient(effects, thresholds)
    shown = salient.copy() if salient_only else np.ones_like(salient)
    shown[..., 0] = False
    target, layer, op, coalition = np.nonzero(shown)
    players = [tuple(i for i in range(n_players) if mask >> i & 1) for mask in coalition.tolist()]
    return pd.DataFrame(
        {
            "sample": sample,
            "target": np.asarray(targets, dtype=np.str_)[target],
            "layer": np.asarray(layers, dtype=np.str_)[layer],
            "op": np.asarray(OPS, dtype=np.str_)[op],
            "order": orders(n_players)[coalition],
            "coalition": coalition,
            "players": pd.Series(players, dtype=object),
            "effect": effects[shown],
            "relative_effect": ratio(effects[shown], units[target, layer]),
            "salient": salient[shown],
        }
    )
