"""How much of the variance every principal component of a result holds: the scree curve behind its two dimensions."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
from jaxtyping import Float64

from layerlore.dynamics.history import History
from layerlore.dynamics.trends.cleaning import clean_as_published, clean_robustly
from layerlore.dynamics.trends.find import recipe_of
from layerlore.dynamics.trends.grouping import place
from layerlore.dynamics.trends.reduction import scale_steps
from layerlore.dynamics.trends.result import Trends
from layerlore.dynamics.trends.settings import Settings
from layerlore.errors import InputError


def explained_variance(trends: Trends, history: History) -> Float64[np.ndarray, "n_components"]:
    """Share of variance of every principal component, largest first; they sum to 1.

    The table is cleaned, scaled and rid of layers that stand alone as `find_trends` did it, so that the first two
    numbers are ``trends.explained``. There are as many as the smaller of layers and steps; none where no layer moves.

    Args:
        trends: from `find_trends`, reduced by PCA.
        history: what they were found in.

    Raises:
        InputError: another history, or trends that were reduced by UMAP.

    Source: METHODS B2; the scree test is Cattell's (1966).
    """
    if not trends.belongs_to(history):
        raise InputError(
            f"these trends of {trends.measure} were found in another history than the one given: find them again, or "
            "pass the history that they were found in"
        )
    settings = Settings(**{part.name: trends.settings[part.name] for part in fields(Settings)})
    if settings.reduction != "pca":
        raise InputError(
            f"these trends were reduced by {settings.reduction!r}, which explains no variance: find them with "
            "reduction='pca'"
        )
    values = history.values(trends.measure)
    published = trends.recipe == "published"
    cleaned = clean_as_published(values[1:-1]) if published else clean_robustly(values, settings)
    table = cleaned.table[cleaned.moving]
    if not len(table):
        return np.empty(0)
    recipe = recipe_of(table, settings, int(trends.settings["seed"]))
    placed = place(recipe, recipe.once)
    rows = scale_steps(recipe.rows, recipe.once, recipe.scaling)[~placed.alone]
    strengths = np.linalg.svd(rows - rows.mean(0), compute_uv=False) ** 2
    total = strengths.sum()
    return strengths / total if total > 0 else np.zeros_like(strengths)
