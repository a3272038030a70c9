"""One sample explained: its strongest interactions beside Shapley values and Integrated Gradients.

The three answer different questions in units of their own, so each has a scale of its own around zero, and nothing here
says that they agree. Source: Cheng et al. 2024, Figure 6; METHODS A3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from layerlore.errors import InputError
from layerlore.figures.interactions import Interaction, strongest
from layerlore.figures.style import BLUE, VERMILLION, diverging
from layerlore.interactions.knowledge import Knowledge
from layerlore.interactions.salience import shapley_values

OUTPUT = "output"
SHAPLEY, GRADIENTS = "Shapley values", "Integrated Gradients"
MOST_WRITTEN = 5
"""Players that a short label of an interaction names; of more, it counts them."""


@dataclass(frozen=True, eq=False)
class Method:
    """A number for each player.

    Attributes:
        name: of the method.
        values: in units of the score.
        scale: the largest absolute value; colours run from ``-scale`` over 0 to ``scale``. 0 where all are 0 or NaN.
    """

    name: str
    values: Float64[np.ndarray, "n_players"]
    scale: float

    @property
    def colours(self) -> list[str]:
        """Of each player, ``#rrggbb``: vermillion below 0, white, blue above; grey where there is no number."""
        return [diverging(value / self.scale if self.scale else value * 0) for value in self.values]

    @property
    def words(self) -> tuple[str, str]:
        """Its name, and its scale."""
        return self.name, f"±{self.scale:.2g}"


@dataclass(frozen=True, eq=False)
class Explanation:
    """A sample at a layer.

    Attributes:
        sample: its position.
        layer: its name.
        names: of the players.
        methods: Shapley values of the scores; Integrated Gradients where they were given.
        interactions: the strongest, first.
    """

    sample: int
    layer: str
    names: tuple[str, ...]
    methods: tuple[Method, ...]
    interactions: tuple[Interaction, ...]


def explanation(
    knowledge: Knowledge,
    sample: int,
    layer: str = OUTPUT,
    target: int = 0,
    count: int = 3,
    gradients: Float64[np.ndarray, "n_samples n_players"] | None = None,
) -> Explanation:
    """What a figure of one sample shows.

    Args:
        knowledge: from `explain` or `load`.
        sample: position of the sample.
        layer: its name.
        target: position of the target.
        count: interactions at most.
        gradients: of all samples, from `integrated_gradients`, for the same target; with the output only.

    Raises:
        InputError: no such sample, layer or target, or gradients that belong to something else.
    """
    found = strongest(knowledge, sample, layer, target, count)
    names = tuple(str(name) for name in knowledge.manifest["coords"]["players"][sample])
    # As `knowledge.shapley` has it, which would read the scores of all samples.
    scores = knowledge.scores(sample)[target, knowledge.layers.index(layer)]
    methods = [_method(SHAPLEY, shapley_values(scores))]
    if gradients is not None:
        expected = (knowledge.n_samples, knowledge.n_players)
        if gradients.shape != expected or layer != OUTPUT:
            raise InputError(
                f"gradients of shape {gradients.shape} beside layer={layer!r}: Integrated Gradients are of the "
                f"network's {OUTPUT!r}, one row for each sample, {expected}"
            )
        methods.append(_method(GRADIENTS, gradients[sample]))
    return Explanation(sample, layer, names, tuple(methods), tuple(found))


def _method(name: str, values: Float64[np.ndarray, "n_players"]) -> Method:
    values = np.where(np.isfinite(values), values, np.nan)
    return Method(name, values, float(np.nanmax(np.abs(values), initial=0.0)))


def short_label(shown: Interaction) -> tuple[str, str]:
    """An interaction in two short lines, by positions of its players.

    >>> short_label(Interaction("and", (3, 5), ("a", "b"), 1.234, 0.1, "conv", "output"))
    ('AND {3, 5}', '+1.23')
    """
    members = ", ".join(map(str, shown.players))
    op = shown.op.upper() if len(shown.players) > 1 else "player"
    which = f"{{{members}}}" if len(shown.players) <= MOST_WRITTEN else f"of {len(shown.players)}"
    return f"{op} {which}", f"{shown.effect:+.2f}"


def sign_colour(shown: Interaction) -> str:
    """Blue for what speaks for the target, vermillion for what speaks against it."""
    return BLUE if shown.effect > 0 else VERMILLION
