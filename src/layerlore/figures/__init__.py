"""One file per figure: a result in, a plotly figure out; beside each the function that gives the data it shows."""

from layerlore.figures.ablation import SplitCourse, ablation_figure, split_courses
from layerlore.figures.agreement import Overlap, agreement_figure, agreement_matrix, matrix_figure, overlaps
from layerlore.figures.attributions import integrated_gradients
from layerlore.figures.changes import Changes, changes, changes_figure
from layerlore.figures.depth import Thirds, depth_figure, thirds
from layerlore.figures.evidence import evidence, evidence_figure
from layerlore.figures.explanation import Explanation, Method, explanation
from layerlore.figures.explanation_figure import explanation_figure
from layerlore.figures.gaps import certified_gaps, gaps_figure
from layerlore.figures.heatmap import Cells, cells, heatmap_figure
from layerlore.figures.interactions import Interaction, strongest
from layerlore.figures.ledger import strength_figure, strengths
from layerlore.figures.noise import noise_boxes, noise_figure
from layerlore.figures.probes import accuracies, probes_figure
from layerlore.figures.ratios import ratios, ratios_figure
from layerlore.figures.scree import Scree, scree, scree_figure
from layerlore.figures.sparsity import Curve, sparsity_curves, sparsity_figure
from layerlore.figures.stability import stability_figure, steadiness
from layerlore.figures.trend_kinds import kind_counts, trend_kinds_figure
from layerlore.figures.trend_lines import Profile, trend_lines_figure, trend_profiles
from layerlore.figures.trend_map import Place, trend_map_figure, trend_places

__all__ = [
    "Cells",
    "Changes",
    "Curve",
    "Explanation",
    "Interaction",
    "Method",
    "Overlap",
    "Place",
    "Profile",
    "Scree",
    "SplitCourse",
    "Thirds",
    "ablation_figure",
    "accuracies",
    "agreement_figure",
    "agreement_matrix",
    "cells",
    "certified_gaps",
    "changes",
    "changes_figure",
    "depth_figure",
    "evidence",
    "evidence_figure",
    "explanation",
    "explanation_figure",
    "gaps_figure",
    "heatmap_figure",
    "integrated_gradients",
    "kind_counts",
    "matrix_figure",
    "noise_boxes",
    "noise_figure",
    "overlaps",
    "probes_figure",
    "ratios",
    "ratios_figure",
    "scree",
    "scree_figure",
    "sparsity_curves",
    "sparsity_figure",
    "split_courses",
    "stability_figure",
    "steadiness",
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
