"""One sample explained, drawn as what it is: an image, a sentence, or rows of players."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64

from layerlore.figures.explanation import OUTPUT, explanation
from layerlore.figures.explanation_image import explained_image
from layerlore.figures.explanation_row import explained_row, player_labels
from layerlore.figures.explanation_sentence import explained_sentence
from layerlore.figures.pictures import image_of
from layerlore.figures.sentences import sentence
from layerlore.interactions.knowledge import Knowledge

if TYPE_CHECKING:
    import plotly.graph_objects as go


def explanation_figure(
    knowledge: Knowledge,
    sample: int,
    layer: str = OUTPUT,
    target: int = 0,
    count: int = 3,
    gradients: Float64[np.ndarray, "n_samples n_players"] | None = None,
) -> go.Figure:
    """The strongest interactions of a sample beside Shapley values and Integrated Gradients.

    Args:
        knowledge: see `explanation`, as are the others.
        sample: position of the sample.
        layer: its name.
        target: position of the target.
        count: interactions at most.
        gradients: from `integrated_gradients`.

    Raises:
        InputError: see `explanation`.
        MissingExtraError: plotly is not installed.
    """
    found = explanation(knowledge, sample, layer, target, count, gradients)
    image, chunks = image_of(knowledge, sample), sentence(knowledge, sample)
    if image is not None:
        return explained_image(found, *image)
    if chunks is not None:
        return explained_sentence(found, chunks)
    return explained_row(found, player_labels(knowledge, sample))
