"""The numbers of the figures through depth as tables: one row for each number, or point, that is drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from layerlore.figures.ablation import MEASURES, SplitCourse, shown_measures, split_courses
from layerlore.figures.agreement import MOST_PAIRS, agreement_matrix, overlaps
from layerlore.figures.gaps import certified_gaps
from layerlore.figures.ledger import PARTS, strengths
from layerlore.figures.noise import QUANTILES, noise_boxes
from layerlore.figures.probes import accuracies
from layerlore.figures.ratios import ratios
from layerlore.figures.sparsity import Curve
from layerlore.figures.stability import MOST_LAYERS, steadiness
from layerlore.figures.style import spread
from layerlore.figures.survival import lives_by_layer
from layerlore.interactions.agreement import Agreement
from layerlore.interactions.knowledge import Knowledge
from layerlore.interactions.ledger import RATIOS, Ledger
from layerlore.interactions.salience import OPS
from layerlore.interactions.stability import Stability

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


def ratios_table(ledger: Ledger, target: int = 0) -> pd.DataFrame:
    """``layer``, ``ratio`` (completeness or redundancy), ``value``, ``low``, ``high``, ``ceiling``, ``floor``."""
    import pandas as pd

    found = ratios(ledger, target)
    names = [str(name) for name in ledger.total.layer.values]
    parts = [
        {
            "layer": names,
            "ratio": ratio,
            "value": found[ratio],
            "low": found[f"{ratio}_low"],
            "high": found[f"{ratio}_high"],
            "ceiling": found[f"ceiling_{ratio}"],
            "floor": found[f"floor_{ratio}"],
        }
        for ratio in RATIOS
    ]
    return pd.concat([pd.DataFrame(part) for part in parts], ignore_index=True)


def strength_table(ledger: Ledger, target: int, layers: Sequence[str]) -> pd.DataFrame:
    """``layer``, ``op``, ``order``, ``part`` (overlap, forget or new), ``strength``, ``low``, ``high``."""
    import pandas as pd

    found = strengths(ledger, target, layers)
    rows = [
        (layers[row], OPS[op], order + 1, part, *(found[part + end][row, op, order] for end in ("", "_low", "_high")))
        for part in PARTS
        for row, op, order in np.ndindex(found[part].shape)
        if op == 0 or order > 0
    ]
    return pd.DataFrame(rows, columns=["layer", "op", "order", "part", "strength", "low", "high"])


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


def stability_table(stability: Stability) -> pd.DataFrame:
    """``layer``, ``op``, ``order``, ``split`` (own or aligned), ``stability`` (the mean), ``low``, ``high``."""
    import pandas as pd

    every = [str(name) for name in stability.by_order.layer.values]
    layers = [every[place] for place in spread(len(every), MOST_LAYERS)]
    found = steadiness(stability, layers=layers)
    rows = [
        (layers[row], OPS[op], order + 1, split, *(found[split + end][row, op, order] for end in ("", "_low", "_high")))
        for split in ("own", "aligned")
        for row, op, order in np.ndindex(found[split].shape)
        if np.isfinite(found[split][row, op, order])
    ]
    return pd.DataFrame(rows, columns=["layer", "op", "order", "split", "stability", "low", "high"])


def noise_table(stability: Stability) -> pd.DataFrame:
    """``order``, ``quantile`` (a share) and the noise-to-signal ``ratio`` there."""
    import pandas as pd

    found = noise_boxes(stability)
    rows = [
        (int(order), share, float(found[name][place]))
        for place, order in enumerate(found["order"])
        for name, share in QUANTILES.items()
    ]
    return pd.DataFrame(rows, columns=["order", "quantile", "ratio"])


def ablation_table(results: Mapping[str, Knowledge | Ledger], target: int = 0) -> pd.DataFrame:
    """``split``, ``layer``, ``measure``, ``value``, ``low``, ``high``."""
    import pandas as pd

    courses = split_courses(results, target)
    rows = [row for course in courses for row in _of_split(course, shown_measures(courses))]
    return pd.DataFrame(rows, columns=["split", "layer", "measure", "value", "low", "high"])


def agreement_table(agreement: Agreement) -> pd.DataFrame:
    """``pair``, ``op``, ``order``, ``measure`` (iou or corrected), ``value``, ``low``, ``high``, ``chance``."""
    import pandas as pd

    found = overlaps(agreement)
    rows = [
        (pair.name, OPS[op], order + 1, measure, value, low[op, order], high[op, order], chance[op, order])
        for pair in (found[place] for place in spread(len(found), MOST_PAIRS))
        for measure, values, low, high, chance in (
            ("iou", pair.iou, pair.iou_low, pair.iou_high, pair.chance),
            ("corrected", pair.corrected, pair.corrected_low, pair.corrected_high, np.full_like(pair.chance, np.nan)),
        )
        for (op, order), value in np.ndenumerate(values)
        if np.isfinite(value)
    ]
    return pd.DataFrame(rows, columns=["pair", "op", "order", "measure", "value", "low", "high", "chance"])


def matrix_table(agreement: Agreement) -> pd.DataFrame:
    """``model_a``, ``model_b`` and the ``corrected`` IoU of all their interactions."""
    import pandas as pd

    names, values = agreement_matrix(agreement)
    rows = [(names[row], names[column], value) for (row, column), value in np.ndenumerate(values)]
    return pd.DataFrame(rows, columns=["model_a", "model_b", "corrected"])


def _of_split(course: SplitCourse, shown: Sequence[str]) -> Iterator[tuple[object, ...]]:
    for measure in MEASURES:
        if measure in shown:
            columns = (course.layers, *(part[measure].tolist() for part in (course.values, course.low, course.high)))
            for layer, value, low, high in zip(*columns, strict=True):
                yield course.label, layer, measure, value, low, high
