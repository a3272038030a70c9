"""How few interactions matter, in print. Source: Cheng et al. 2024, Figure 2; METHODS A5."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from layerlore.figures.printed.style import COLUMN, LINES, finished, legend, log_scale, name_axes, new_figure, panels
from layerlore.figures.sparsity import LOWEST, sparsity_curves
from layerlore.figures.style import GREY, depth_colour
from layerlore.interactions.knowledge import Knowledge
from layerlore.interactions.salience import SALIENCE

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def sparsity_figure(
    knowledge: Knowledge, target: int = 0, layers: Sequence[str] | None = None, width: float = COLUMN
) -> Figure:
    """Relative effects over interactions per sample, both axes logarithmic; the dashed line is the salience threshold.

    Args:
        knowledge: see `layerlore.figures.sparsity_curves`, as are the next two.
        target: position of the target.
        layers: some of its layers; None takes all.
        width: in inches.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    curves = sparsity_curves(knowledge, target, layers)
    figure = new_figure(width, 0.78 * width)
    ((axes,),) = panels(figure, 1, 1)
    entries = []
    for depth, curve in enumerate(curves):
        look = {"color": depth_colour(depth, len(curves)), "linewidth": 1.6 if depth == len(curves) - 1 else 1.0}
        entries.append((axes.plot(curve.rank / knowledge.n_samples, curve.size, **look)[0], curve.layer))
    line = axes.axhline(SALIENCE, color=GREY, linewidth=0.9, linestyle=LINES["dash"])
    log_scale(axes.yaxis, LOWEST, 1.15, [1e-4, 1e-3, 1e-2, 0.1, 1])
    lowest, highest = _ends([curve.rank / knowledge.n_samples for curve in curves])
    decades = 10.0 ** np.arange(np.ceil(np.log10(lowest)), np.floor(np.log10(highest)) + 1)
    log_scale(axes.xaxis, lowest, highest, decades.tolist())
    name_axes(axes, "interactions per sample, strongest first", "|effect| / largest of the layer")
    legend(figure, [*entries, (line, "salience threshold")])
    return finished(figure)


def _ends(ranks: list[np.ndarray]) -> tuple[float, float]:
    return (min(rank.min() for rank in ranks), max(rank.max() for rank in ranks)) if ranks else (1.0, 10.0)
