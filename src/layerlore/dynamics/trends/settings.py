"""What can be chosen when trends are looked for, checked before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from numbers import Integral
from typing import Any

from layerlore.errors import InputError, check_choice

RECIPES = ("robust", "published")
METHODS = ("kmeans", "gaussian_mixture", "agglomerative", "hdbscan")
REDUCTIONS = ("pca", "umap")
SCALINGS = ("none", "pareto", "unit")
STANDARDISATIONS = ("off", "centre", "scale")
OUTLIERS = ("isolation", "none")
MOST_TRENDS = 10
LEAST_RESAMPLES = 10


@dataclass(frozen=True)
class Settings:
    """The choices of the robust recipe.

    Attributes:
        method: how the layers are grouped, one of `METHODS`.
        reduction: to two dimensions, one of `REDUCTIONS`.
        log: take the logarithm of the changes.
        smoothing: window, in steps, of a running median and a running mean after it; 1 does neither.
        standardise: per layer: ``"centre"`` takes its mean away (its level no longer counts), ``"scale"`` also divides
            by its standard deviation (only the shape counts).
        scaling: per step: ``"unit"`` divides by the spread over layers, ``"pareto"`` by its square root.
        outliers: ``"isolation"`` labels layers that stand alone before the grouping.
        min_size: layers that make a trend; smaller groups are outliers.
    """

    method: str = "kmeans"
    reduction: str = "pca"
    log: bool = True
    smoothing: int = 5
    standardise: str = "off"
    scaling: str = "pareto"
    outliers: str = "isolation"
    min_size: int = 3

    def to_json(self) -> dict[str, Any]:
        """In types that JSON knows."""
        return asdict(self)


def read_settings(recipe: str, given: Mapping[str, object]) -> Settings:
    """The settings of a recipe: those given, and its own where None is given.

    Args:
        recipe: one of `RECIPES`.
        given: values by name of `Settings`; None means that nothing was asked for.

    Raises:
        InputError: an unknown recipe or value, or a choice that the published recipe does not have.
    """
    check_choice(recipe, RECIPES, "recipe")
    asked = {name: value for name, value in given.items() if value is not None}
    if recipe == "published" and asked:
        name, value = next(iter(asked.items()))
        raise InputError(
            f"{name}={value!r} is a choice of recipe='robust': the published recipe is one sequence of steps without "
            f"choices. Leave {name} out, or use recipe='robust'"
        )
    for name, choices in (
        ("method", METHODS),
        ("reduction", REDUCTIONS),
        ("scaling", SCALINGS),
        ("standardise", STANDARDISATIONS),
        ("outliers", OUTLIERS),
    ):
        if name in asked:
            check_choice(asked[name], choices, name)
    if "log" in asked and not isinstance(asked["log"], bool):
        raise InputError(f"log={asked['log']!r} must be True or False")
    if "smoothing" in asked:
        window = whole_number("smoothing", asked["smoothing"], 1)
        if window % 2 == 0:
            raise InputError(f"smoothing={window} must be odd, so that a window has a middle: take {window + 1}")
    if "min_size" in asked:
        whole_number("min_size", asked["min_size"], 1)
    return Settings(**asked)  # pyright: ignore[reportArgumentType]


def whole_number(name: str, value: object, least: int) -> int:
    """A whole number that is large enough.

    Raises:
        InputError: it is not.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < least:
        raise InputError(f"{name}={value!r} must be a whole number of at least {least}")
    return int(value)
