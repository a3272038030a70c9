"""One file per figure: a result in, a plotly figure out; beside each the function that gives the data it shows."""

from layerlore.figures.gaps import certified_gaps, gaps_figure
from layerlore.figures.interactions import Interaction, strongest
from layerlore.figures.ledger import strength_figure, strengths
from layerlore.figures.probes import accuracies, probes_figure
from layerlore.figures.ratios import ratios, ratios_figure
from layerlore.figures.sparsity import Curve, sparsity_curves, sparsity_figure

__all__ = [
    "Curve",
    "Interaction",
    "accuracies",
    "certified_gaps",
    "gaps_figure",
    "probes_figure",
    "ratios",
    "ratios_figure",
    "sparsity_curves",
    "sparsity_figure",
    "strength_figure",
    "strengths",
    "strongest",
]
