"""The figures of the papers for print: the same names and the same data as on pages, drawn by matplotlib."""

from layerlore.figures.printed.ablation import ablation_figure
from layerlore.figures.printed.agreement import agreement_figure, matrix_figure
from layerlore.figures.printed.changes import changes_figure
from layerlore.figures.printed.explanation import explanation_figure
from layerlore.figures.printed.ledger import strength_figure
from layerlore.figures.printed.noise import noise_figure
from layerlore.figures.printed.ratios import ratios_figure
from layerlore.figures.printed.scree import scree_figure
from layerlore.figures.printed.sparsity import sparsity_figure
from layerlore.figures.printed.stability import stability_figure
from layerlore.figures.printed.style import COLUMN, PAGE, save_figure
from layerlore.figures.printed.trend_lines import trend_lines_figure
from layerlore.figures.printed.trend_map import trend_map_figure

__all__ = [
    "COLUMN",
    "PAGE",
    "ablation_figure",
    "agreement_figure",
    "changes_figure",
    "explanation_figure",
    "matrix_figure",
    "noise_figure",
    "ratios_figure",
    "save_figure",
    "scree_figure",
    "sparsity_figure",
    "stability_figure",
    "strength_figure",
    "trend_lines_figure",
    "trend_map_figure",
]
