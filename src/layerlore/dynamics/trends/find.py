"""Find learning trends: which layers change alike (METHODS B2)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Int64

from layerlore.dynamics.history import History
from layerlore.dynamics.trends.choosing import Choice, by_level, choose, n_groups
from layerlore.dynamics.trends.cleaning import Cleaned, clean_as_published, clean_robustly
from layerlore.dynamics.trends.composition import compose
from layerlore.dynamics.trends.grouping import ROUNDS, STARTS, Recipe
from layerlore.dynamics.trends.profiles import profiles_of
from layerlore.dynamics.trends.reduction import scale_steps, umap_points
from layerlore.dynamics.trends.result import FROZEN, OUTLIER, Trends, digest_of
from layerlore.dynamics.trends.settings import LEAST_RESAMPLES, Settings, read_settings, whole_number
from layerlore.errors import InputError, check_choice, missing_extra

Labels = Int64[np.ndarray, "n_layers"]

PUBLISHED = Settings(log=False, smoothing=1, scaling="none", outliers="none", min_size=1)
LEAST_PUBLISHED = 3
LEAST_EACH = 2
MANY_OUTLIERS = 0.2
UNSTABLE = 0.6


def find_trends(
    history: History,
    measure: str | None = None,
    *,
    recipe: str = "robust",
    n_clusters: int | None = None,
    method: str | None = None,
    reduction: str | None = None,
    log: bool | None = None,
    smoothing: int | None = None,
    standardise: str | None = None,
    scaling: str | None = None,
    outliers: str | None = None,
    min_size: int | None = None,
    resamples: int = 100,
    seed: int = 0,
) -> Trends:
    """Group the layers of a network by how they change through training.

    ``recipe="robust"``: layers without any change are set aside as *frozen*; the rest is put on a log scale (zeros at
    the smallest positive value), gaps are filled, steps smoothed and scaled, two principal components taken; layers
    that stand alone, and groups of fewer than ``min_size``, are *outliers*; the rest is grouped. ``recipe="published"``
    does what the authors' notebooks do (METHODS B2) and has no further choices. Both report how stable the result is
    when the layers are resampled, and, for how many trends what speaks.

    Args:
        history: at least one record of at least one layer.
        measure: what to group; None takes the history's default.
        recipe: ``"robust"`` or ``"published"``.
        n_clusters: number of trends; None chooses it by silhouette, gap statistic and stability (`weigh`), one trend
            included. A group that is too small to be a trend is not counted.
        method: ``"kmeans"`` (default), ``"gaussian_mixture"``, ``"agglomerative"`` or ``"hdbscan"``, which finds
            its own number of groups.
        reduction: ``"pca"`` (default) or ``"umap"`` (extra ``umap``). UMAP's points are made once: the stability is
            then that of the grouping alone.
        log: take logarithms (default True).
        smoothing: odd window in steps (default 5, less for fewer than 15 steps); 1 for none.
        standardise: per layer, ``"off"`` (default), ``"centre"`` or ``"scale"``. By default the level counts: layers
            that change much and layers that change little are different trends even if their curves are parallel.
        scaling: per step, ``"pareto"`` (default), ``"unit"`` or ``"none"``.
        outliers: ``"isolation"`` (default) or ``"none"``; HDBSCAN has its own rule beside.
        min_size: layers that make a trend (default 3).
        resamples: of the bootstrap, at least 10.
        seed: of all randomness; the same seed gives the same result, and the global random state is not touched.

    Returns:
        `Trends`. Trends are numbered by how much they change, most first.

    Raises:
        InputError: unknown or foreign options, a negative change under ``log``, or more trends asked for than layers
            (twice as many layers as trends in the robust recipe) or different histories there are.
        MissingExtraError: scikit-learn (extra ``trends``) or umap-learn (extra ``umap``) is not installed.
    """
    settings = read_settings(
        recipe,
        {
            "method": method,
            "reduction": reduction,
            "log": log,
            "smoothing": smoothing,
            "standardise": standardise,
            "scaling": scaling,
            "outliers": outliers,
            "min_size": min_size,
        },
    )
    published = recipe == "published"
    settings = PUBLISHED if published else settings
    seed, resamples = whole_number("seed", seed, 0), whole_number("resamples", resamples, LEAST_RESAMPLES)
    n_clusters = None if n_clusters is None else whole_number("n_clusters", n_clusters, 1)
    if n_clusters is not None and settings.method == "hdbscan":
        raise InputError(f"n_clusters={n_clusters} with method='hdbscan', which finds its own number: leave it out")
    _check_installed()
    name = history.default_measure if measure is None else measure
    check_choice(name, history.measures, "measure")
    values, weights = history.values(name), history.weights
    dropped: list[str] = []
    first_and_last = {"step": "first and last layer", "what": "left out", "count": 2}
    if published:
        dropped = _ends(history.layers)
        values, weights = values[1:-1], weights[1:-1]
    cleaned = clean_as_published(values) if published else clean_robustly(values, settings)
    labels, points, choice = _group_moving(cleaned, settings, n_clusters, resamples, seed)
    several = choice is not None and n_groups(choice.labels) > 1
    return Trends(
        layers=[weight.layer for weight in weights],
        labels=labels,
        points=points,
        stability=choice.stability.mean if choice and several else np.nan,
        stability_interval=choice.stability.interval if choice and several else (np.nan, np.nan),
        cluster_stability=choice.stability.clusters if choice else [],
        profiles=profiles_of(values, labels, history.steps, log=cleaned.log),
        measure=name,
        recipe=recipe,
        settings=settings.to_json()
        | {
            "n_clusters": n_clusters,
            "resamples": resamples,
            "seed": seed,
            "starts": STARTS * ROUNDS,
            "starts_per_resample": STARTS,
            "history": digest_of(history, name),
        },
        explained=choice.placed.explained if choice else None,
        cleaning=[*([first_and_last] if dropped else []), *cleaned.steps],
        evidence=choice.evidence if choice else [],
        dropped=dropped,
        composition=compose(labels, weights),
        notes=[*cleaned.notes, *_notes(labels, choice, recipe, values.shape[1])],
    )


def _group_moving(
    cleaned: Cleaned, settings: Settings, n_clusters: int | None, resamples: int, seed: int
) -> tuple[Labels, Float64[np.ndarray, "n_layers 2"], Choice | None]:
    """Labels and points of all layers; those that are not grouped keep their own label."""
    moving = np.flatnonzero(cleaned.moving)
    labels = np.where(cleaned.frozen, FROZEN, OUTLIER)
    points = np.full((len(labels), 2), np.nan)
    if not len(moving) and n_clusters is None:
        return labels, points, None
    _check_enough(len(moving), settings, n_clusters)
    # In an order that does not depend on that of the layers, so that the random numbers fall on the same ones.
    moving = moving[np.lexsort(cleaned.table[moving].T[::-1])]
    recipe = recipe_of(cleaned.table[moving], settings, seed)
    choice = choose(recipe, n_clusters, resamples, seed, lambda groups: by_level(groups, cleaned.level[moving], moving))
    labels[moving], points[moving] = choice.labels, choice.placed.points
    return labels, points, choice


def recipe_of(table: Float64[np.ndarray, "n_moving n_steps"], settings: Settings, seed: int) -> Recipe:
    """How the layers of a cleaned table are placed and grouped under these settings."""
    placed = settings.reduction == "umap"
    if placed:
        table = umap_points(scale_steps(table, np.ones(len(table), np.int64), settings.scaling), seed)
    return Recipe(table, settings.method, settings.scaling, placed, settings.outliers == "isolation", settings.min_size)


def _check_installed() -> None:
    try:
        import scipy  # noqa: F401
        import sklearn  # noqa: F401
    except ImportError:
        raise missing_extra("scikit-learn", "trends", "finding trends") from None


def _check_enough(n_moving: int, settings: Settings, n_clusters: int | None) -> None:
    each = 1 if settings.min_size == 1 else LEAST_EACH
    if n_clusters is not None and n_clusters * each > n_moving:
        raise InputError(
            f"n_clusters={n_clusters} needs at least {n_clusters * each} layers that change, and there are {n_moving}: "
            "ask for fewer, or leave n_clusters out"
        )


def _ends(layers: list[str]) -> list[str]:
    if len(layers) < LEAST_PUBLISHED:
        raise InputError(
            f"recipe='published' drops the first and the last layer, and the history has {len(layers)}: at least "
            f"{LEAST_PUBLISHED} are needed"
        )
    return [layers[0], layers[-1]]


def _notes(labels: Labels, choice: Choice | None, recipe: str, n_steps: int) -> list[str]:
    """What limits the result."""
    if choice is None:
        return ["no layer changed: there is nothing to group"]
    notes = list(choice.notes)
    if n_steps == 1:
        notes.append("one step only: layers differ in how much they change, and no course can be told")
    outliers = int((labels == OUTLIER).sum())
    if outliers > MANY_OUTLIERS * len(labels):
        notes.append(f"{outliers} of {len(labels)} layers are outliers: the trends speak for the others only")
    loners = [int(label) for label in np.unique(labels) if label >= 0 and (labels == label).sum() == 1]
    if loners:
        why = "the published recipe has no rule for outliers" if recipe == "published" else "min_size=1 allows it"
        notes.append(f"trends {loners} have one member each: {why}")
    if n_groups(labels) > 1 and choice.stability.mean < UNSTABLE:
        notes.append(
            f"the grouping is not stable: resamples of the layers agree with it to {choice.stability.mean:.2f} on "
            f"average, where {UNSTABLE} would be fair and 1 the same"
        )
    return notes
