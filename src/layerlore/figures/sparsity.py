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
from layerlore.interactions.salience import SALIENCE, n_interactions

if TYPE_CHECKING:
    import plotly.graph_objects as go

LOWEST = 1e-4
"""Lowest relative effect that is drawn; zeros have no place on a logarithmic axis."""
BITS = 10
"""Bits of the mantissa by which sizes are told apart."""
ACCURACY = 2.0 ** -(BITS + 1)
"""How far a size may be from the one it stands for, as a share of itself: 0.05 %, a fiftieth of a pixel."""

_SHIFT = 52 - BITS
_FIRST, _LAST = (int(np.float64(share / SALIENCE).view(np.int64)) >> _SHIFT for share in (LOWEST, 1.0))
_SALIENT = (int(np.float64(1.0).view(np.int64)) >> _SHIFT) - _FIRST + 1
N_BINS = _LAST - _FIRST + 2
"""Bins of size, from small to large; the first holds all that is not drawn."""


@dataclass(frozen=True, eq=False)
class Curve:
    """Sizes of a layer's interactions at some ranks.

    Attributes:
        layer: its name.
        rank: positions in descending order over all samples, from 1; as far as sizes are drawn.
        size: absolute effect at these ranks, as a share of the layer's largest, to within `ACCURACY`; never on the
            wrong side of the salience threshold.
        n_salient: salient interactions of all samples.
        n_interactions: interactions of all samples that could be other than 0 (OR has no order 1).
    """

    layer: str
    rank: Int64[np.ndarray, "n_points"]
    size: Float64[np.ndarray, "n_points"]
    n_salient: int
    n_interactions: int


def sparsity_curves(
    knowledge: Knowledge, target: int = 0, layers: Sequence[str] | None = None, points: int = 200
) -> list[Curve]:
    """Sorted effects of layers, at about ``points`` ranks each, evenly spread on a logarithmic axis.

    The last salient rank and the next are always among them. A layer whose effects are all 0 is left out. Effects are
    counted by size while samples go by, so that memory does not grow with the samples.

    Args:
        knowledge: from `explain` or `load`.
        target: position of the target.
        layers: some of its layers; None takes all.
        points: ranks to keep of each layer.
    """
    counts = np.zeros((*knowledge.thresholds().shape, N_BINS), dtype=np.int64)
    for sample in range(knowledge.n_samples):
        counts += count_sizes(knowledge.effects(sample), knowledge.thresholds())
    return curves_of(knowledge, counts, target, layers, points)


def count_sizes(
    effects: Float64[np.ndarray, "n_targets n_layers 2 n_coalitions"],
    thresholds: Float64[np.ndarray, "n_targets n_layers"],
) -> Int64[np.ndarray, "n_targets n_layers n_bins"]:
    """How many effects of a sample fall into each of `N_BINS` bins of size; counts of samples add up."""
    # The bits of a positive number, read as an integer, grow with it: the upper ones are a logarithmic scale. What is
    # divided by the next number after the threshold is 1 or more exactly where it is salient.
    units = np.nextafter(thresholds, np.inf)
    counts = np.empty((*thresholds.shape, N_BINS), dtype=np.int64)
    for game in np.ndindex(*thresholds.shape):
        bins = (np.abs(effects[game]) / units[game]).ravel().view(np.int64)
        bins >>= _SHIFT
        bins -= _FIRST - 1
        counts[game] = np.bincount(np.clip(bins, 0, N_BINS - 1, out=bins), minlength=N_BINS)
    return counts


def curves_of(
    knowledge: Knowledge,
    counts: Int64[np.ndarray, "n_targets n_layers n_bins"],
    target: int = 0,
    layers: Sequence[str] | None = None,
    points: int = 200,
) -> list[Curve]:
    """`sparsity_curves` of the sums of `count_sizes` over all samples."""
    layers = knowledge.layers if layers is None else list(layers)
    each = n_interactions(knowledge.n_players)
    found = ((layer, counts[target, knowledge.layers.index(layer)]) for layer in layers)
    return [_curve(layer, row, knowledge.n_samples * each, points) for layer, row in found if row[1:].any()]


def _curve(layer: str, counts: Int64[np.ndarray, "n_bins"], n_interactions: int, points: int) -> Curve:
    n_salient = int(counts[_SALIENT:].sum())
    reached = np.cumsum(counts[:0:-1])
    even = np.geomspace(1, reached[-1], points).round().astype(np.int64)
    edge = np.clip([n_salient, n_salient + 1], 1, reached[-1])
    rank = np.unique(np.concatenate([even, edge])).astype(np.int64)
    middles = (((_FIRST - 1 + np.arange(N_BINS)) << _SHIFT) + (1 << (_SHIFT - 1))).view(np.float64)
    size = SALIENCE * middles[N_BINS - 1 - np.searchsorted(reached, rank)]
    return Curve(layer, rank, np.clip(size, LOWEST, 1.0), n_salient, n_interactions)


def sparsity_figure(knowledge: Knowledge, target: int = 0, layers: Sequence[str] | None = None) -> go.Figure:
    """Relative effects over interactions per sample, both axes logarithmic; the dashed line is the salience threshold.

    Raises:
        MissingExtraError: plotly is not installed.
    """
    return curves_figure(sparsity_curves(knowledge, target, layers), knowledge.n_samples)


def curves_figure(curves: Sequence[Curve], n_samples: int) -> go.Figure:
    """`sparsity_figure` of curves that are known."""
    go = graph_objects()
    figure = go.Figure()
    for depth, curve in enumerate(curves):
        per_sample = curve.n_salient / n_samples
        figure.add_trace(
            go.Scatter(
                x=curve.rank / n_samples,
                y=curve.size,
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
