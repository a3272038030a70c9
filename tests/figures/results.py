"""Results by hand: agreements and stabilities whose every number is known, and a sample that is a sentence."""

import numpy as np
import xarray as xr

from layerlore.interactions.agreement import Agreement
from layerlore.interactions.knowledge import Knowledge
from layerlore.interactions.stability import Stability
from report.tiny import tiny

N_ORDERS = 5
QUANTILES = [0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0]
HOSTILE = ("$\\frac$", "_x_^", "<img src=x onerror=alert(1)>", "a\nb%{x}")
"""Names that matplotlib or plotly would read as a formula, as nothing, as a picture, as two lines."""


def agreement(names=("mlp", "vgg", "resnet"), seed=0, nothing=False) -> Agreement:
    """Numbers of no meaning for all pairs, each different; OR of order 1 does not exist."""
    pairs = [(a, b) for place, a in enumerate(names) for b in names[place + 1 :]]
    draws = np.random.default_rng(seed)
    parts = {}
    for name in ("iou", "chance", "corrected", "weighted", "aligned_iou", "aligned_corrected"):
        values = draws.uniform(-0.2 if "corrected" in name else 0, 0.8, (len(pairs), 2, N_ORDERS))
        values[:, 1, 0] = np.nan
        if nothing:
            values[:] = np.nan
        parts |= {name: values, f"{name}_low": values - 0.1, f"{name}_high": values + 0.2}
    coords = {
        "model_a": ("pair", [a for a, _ in pairs]),
        "model_b": ("pair", [b for _, b in pairs]),
        "layer_a": ("pair", ["relu4"] * len(pairs)),
        "layer_b": ("pair", ["output"] * len(pairs)),
        "op": ["and", "or"],
        "order": list(range(1, N_ORDERS + 1)),
    }
    by_order = xr.Dataset({name: (("pair", "op", "order"), values) for name, values in parts.items()}, coords)
    total = by_order[["corrected", "iou"]].mean("order").reindex(op=["and", "or", "all"]).fillna(-0.25)
    return Agreement(by_order, total, tuple(names), {})


def stability(layers=("relu1", "relu2", "output"), factor=1.0, nothing=False) -> Stability:
    """Falls with the order; nothing of order 5 is salient."""
    draws = np.random.default_rng(1)
    parts = {}
    for place, name in enumerate(("mean", "median", "aligned_mean", "aligned_median")):
        values = (place + 2) * factor ** (place > 1) * draws.uniform(1, 2, (len(layers), 2, N_ORDERS))
        values[:, 1, 0] = values[:, :, 4] = np.nan
        if nothing:
            values[:] = np.nan
        parts |= {name: values, f"{name}_low": 0.8 * values, f"{name}_high": 1.3 * values}
    coords = {"layer": list(layers), "op": ["and", "or"], "order": list(range(1, N_ORDERS + 1))}
    boxes = np.sort(draws.uniform(0, 1, (N_ORDERS, len(QUANTILES))), axis=1)
    boxes[3 if not nothing else slice(None)] = np.nan
    axes = {"order": coords["order"], "quantile": QUANTILES}
    return Stability(
        xr.Dataset({name: (tuple(coords), values) for name, values in parts.items()}, coords),
        xr.DataArray(boxes[None], {"sample": [0], **axes}, ("sample", *axes), name="noise_ratio"),
        xr.DataArray(boxes, axes, tuple(axes), name="noise_boxes"),
        {},
    )


PIECES = ["[CLS]", "the", "un", "##believably", "not", "bad", "fil", "m", "<b>", "[SEP]", "[PAD]"]
OWNER = [-1, -1, -1, -1, 0, 1, 2, 2, 3, -1, -1]
WORDS = ["not", "bad", "film", "<b>", "end"]


class Sentences(Knowledge):
    """The tiny run about tables, as if its samples were sentences."""

    def owner(self, sample):
        return np.array([*OWNER, 4])

    def inputs(self, sample, name=None):
        return np.arange(len(OWNER) + 1)


def sentences() -> Knowledge:
    found = tiny("table")
    coords = found.manifest["coords"] | {"pieces": [[*PIECES, "end"]] * 4, "players": [WORDS] * 4}
    return Sentences(found.data, found.manifest | {"coords": coords}, found._run)


def words_in(figure) -> list[str]:
    """All that a figure of matplotlib says once it is drawn, and no word of it is read as a formula."""
    from matplotlib.text import Text

    figure.canvas.draw()
    found = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text()]
    for text in found:
        assert not text.get_parse_math()
        assert not text.get_usetex()
    return [text.get_text() for text in found]


def lines_in(axes) -> list[np.ndarray]:
    """What the lines of a panel show."""
    return [np.asarray(line.get_ydata(), dtype=float) for line in axes.lines]
