"""How few interactions matter: absolute effects in descending order, one curve for each layer.

Source: Cheng et al. 2024, Figure 2; METHODS A5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64, Int64

from layerlore.figures.style import GREY, depth_colour, graph_objects, inert, shortened, styled
from layerlore.interactions.knowledge import Knowledge
from layerlore.interactions.salience import SALIENCE

if TYPE_CHECKING:
    import plotly.graph_objects as go

LOWEST = 1e-4
"""Lowest relative effect that is drawn; zeros have no place on a logarithmic axis."""


@dataclass(frozen=True, eq=False)
class Curve:
    """Sizes of a layer's interactions at some ranks; no value is averaged or interpolated.

    Attributes:
        layer: its name.
        rank: positions in descending order over all samples, from 1.
        size: absolute effect at these ranks, as a share of the layer's largest.
        n_salient: salient interactions of all samples.
        n_interactions: interactions of all samples that could be other than 0 (OR has no order 1).
        n_zero: how many of those are exactly 0.
        threshold: salience threshold, as a share of the largest effect.
    """

    layer: str
    rank: Int64[np.ndarray, "n_points"]
    size: Float64[np.ndarray, "n_points"]
    n_salient: int
    n_interactions: int
    n_zero: int
    threshold: float


def sparsity_curves(
    knowledge: Knowledge, target: int = 0, layers: Sequence[str] | None = None, points: int = 200
) -> list[Curve]:
    """Sorted effects of layers, at about ``points`` ranks each, evenly spread on a logarithmic axis.

    The last salient rank and the next are always among them. A layer whose effects are all 0 is left out.

    Args:
        knowledge: from `explain` or `load`.
        target: position of the target.
        layers: some of its layers; None takes all.
        points: ranks to keep of each layer.
    """
    layers = knowledge.layers if layers is None else list(layers)
    rows = [knowledge.layers.index(layer) for layer in layers]
    sizes = np.concatenate(
        [np.abs(knowledge.effects(sample)[target, rows, :, 1:]) for sample in range(knowledge.n_samples)], axis=-1
    ).reshape(len(rows), -1)
    # The OR effects of single players are 0 by definition and are no interactions.
    n_interactions = sizes.shape[-1] - knowledge.n_samples * knowledge.n_players
    thresholds = knowledge.thresholds()[target, rows]
    descending = -np.sort(-sizes, axis=-1)[:, :n_interactions]
    return [
        _curve(layer, found, float(threshold), points)
        for layer, found, threshold in zip(layers, descending, thresholds, strict=True)
        if found[0] > 0
    ]


def _curve(layer: str, descending: np.ndarray, threshold: float, points: int) -> Curve:
    n_salient = int((descending > threshold).sum())
    even = np.geomspace(1, len(descending), points).round().astype(np.int64)
    edge = np.clip([n_salient, n_salient + 1], 1, len(descending))
    rank = np.unique(np.concatenate([even, edge])).astype(np.int64)
    return Curve(
        layer=layer,
        rank=rank,
        size=descending[rank - 1] / descending[0],
        n_salient=n_salient,
        n_interactions=len(descending),
        n_zero=int((descending == 0).sum()),
        threshold=threshold / float(descending[0]),
    )


def sparsity_figure(knowledge: Knowledge, target: int = 0, layers: Sequence[str] | None = None) -> go.Figure:
    """Relative effects over interactions per sample, both axes logarithmic; the dashed line is the salience threshold.

    Raises:
        MissingExtraError: plotly is not installed.
    """
    go = graph_objects()
    curves = sparsity_curves(knowledge, target, layers)
    figure = go.Figure()
    for depth, curve in enumerate(curves):
        per_sample = curve.n_salient / knowledge.n_samples
        figure.add_trace(
            go.Scatter(
                x=curve.rank / knowledge.n_samples,
                y=np.where(curve.size >= LOWEST, curve.size, np.nan),
                mode="lines",
                name=inert(shortened(curve.layer)),
                line={"color": depth_colour(depth, len(curves)), "width": 3 if depth == len(curves) - 1 else 1.75},
                hovertemplate=f"%{{y:.4f}} at %{{x:.2f}} per sample ({per_sample:.1f} salient)",
            )
        )
    figure.add_hline(y=SALIENCE, line={"color": GREY, "dash": "dash", "width": 1.5})
    figure.add_annotation(
        text="salience threshold",
        # Positions on a logarithmic axis are those of the logarithm.
        y=float(np.log10(SALIENCE)),
        x=0,
        xref="paper",
        xanchor="left",
        yanchor="top",
        showarrow=False,
        font={"color": GREY},
    )
    styled(figure, 420)
    figure.update_xaxes(type="log", title_text="interactions per sample, strongest first", dtick=1)
    figure.update_yaxes(
        type="log",
        range=[np.log10(LOWEST), 0.05],
        dtick=1,
        tickformat="~g",
        title_text="|effect| / largest of the layer",
    )
    return figure
