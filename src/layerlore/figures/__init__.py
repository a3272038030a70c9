"""One file per figure: a result in, a plotly figure out; beside each the function that gives the data it shows."""

from layerlore.figures.changes import Changes, changes, changes_figure
from layerlore.figures.depth import Thirds, depth_figure, thirds
from layerlore.figures.evidence import evidence, evidence_figure
from layerlore.figures.gaps import certified_gaps, gaps_figure
from layerlore.figures.heatmap import Cells, cells, heatmap_figure
from layerlore.figures.interactions import Interaction, strongest
from layerlore.figures.ledger import strength_figure, strengths
from layerlore.figures.probes import accuracies, probes_figure
from layerlore.figures.ratios import ratios, ratios_figure
from layerlore.figures.sparsity import Curve, sparsity_curves, sparsity_figure
from layerlore.figures.trend_kinds import kind_counts, trend_kinds_figure
from layerlore.figures.trend_lines import Profile, trend_lines_figure, trend_profiles
from layerlore.figures.trend_map import Place, trend_map_figure, trend_places

__all__ = [
    "Cells",
    "Changes",
    "Curve",
    "Interaction",
    "Place",
    "Profile",
    "Thirds",
    "accuracies",
    "cells",
    "certified_gaps",
    "changes",
    "changes_figure",
    "depth_figure",
    "evidence",
    "evidence_figure",
    "gaps_figure",
    "heatmap_figure",
    "kind_counts",
    "probes_figure",
    "ratios",
    "ratios_figure",
    "sparsity_curves",
    "sparsity_figure",
    "strength_figure",
    "strengths",
    "strongest",
    "thirds",
    "trend_kinds_figure",
    "trend_lines_figure",
    "trend_map_figure",
    "trend_places",
    "trend_profiles",
]
