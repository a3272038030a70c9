"""From a cleaned table to two dimensions."""

from __future__ import annotations

import warnings

import numpy as np
from jaxtyping import Float64, Int64

from layerlore.errors import InputError, missing_extra

Rows = Float64[np.ndarray, "n_layers n_features"]
Points = Float64[np.ndarray, "n_layers 2"]
Counts = Int64[np.ndarray, "n_layers"]

TO_DEVIATION = 1.4826
"""The median absolute deviation of a normal distribution times this is its standard deviation."""

NEIGHBOURS = 15
LEAST_FOR_UMAP = 5


def scale_steps(rows: Rows, counts: Counts, how: str) -> Rows:
    """Take each step's median over layers away and divide by its spread.

    Full scaling (``"unit"``) gives steps at which layers hardly differ the weight of those at which they do; none lets
    the steps with the widest spread decide. Pareto scaling, by the square root of the spread, stands between (van den
    Berg et al. 2006, BMC Genomics 7:142); here the spread is the median absolute deviation, which outliers do not move.

    Args:
        rows: cleaned.
        counts: how often each layer was drawn.
        how: ``"none"``, ``"pareto"`` or ``"unit"``.
    """
    drawn = np.repeat(rows, counts, axis=0)
    middle = np.median(drawn, axis=0)
    centred = rows - middle
    if how == "none":
        return centred
    spread = TO_DEVIATION * np.median(np.abs(drawn - middle), axis=0)
    # More than half of the layers agree at such a step: it is left as it is.
    spread = np.where(spread > 0, spread, 1.0)
    return centred / (np.sqrt(spread) if how == "pareto" else spread)


def principal_components(rows: Rows, counts: Float64[np.ndarray, "n_layers"] | Counts) -> tuple[Points, list[float]]:
    """The first two principal components of weighted rows.

    Args:
        rows: to place; also those with count 0, which have no say in the components.
        counts: how often each row counts.

    Returns:
        Points (zeros in a dimension that the rows do not span), and the share of variance of the two components. The
        sign of a component makes its largest loading positive.
    """
    mean = counts @ rows / counts.sum()
    _, values, loadings = np.linalg.svd(np.sqrt(counts)[:, None] * (rows - mean), full_matrices=False)
    loadings, strengths = loadings[:2], values[:2] ** 2
    signs = np.sign(loadings[np.arange(len(loadings)), np.abs(loadings).argmax(1)])
    # Copies of a row share a point to the last digit, which products of whole tables do not promise.
    distinct, copy = np.unique(rows, axis=0, return_inverse=True)
    points = np.zeros((len(distinct), 2))
    points[:, : len(loadings)] = (distinct - mean) @ (loadings * np.where(signs == 0, 1.0, signs)[:, None]).T
    points = points[copy.reshape(-1)]
    variance = (values**2).sum()
    shares = [float(strength / variance) if variance > 0 else 0.0 for strength in strengths]
    return points, [*shares, 0.0][:2]


def umap_points(rows: Rows, seed: int) -> Points:
    """Uniform manifold approximation and projection (McInnes, Healy and Melville 2018, arXiv 1802.03426).

    Raises:
        MissingExtraError: umap-learn is not installed.
        InputError: too few layers.
    """
    if len(rows) < LEAST_FOR_UMAP:
        raise InputError(
            f"reduction='umap' needs at least {LEAST_FOR_UMAP} layers that change, there are {len(rows)}: use 'pca'"
        )
    # Its compiled parts warn about threads, its own start about seeds.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from umap import UMAP
        except ImportError:
            raise missing_extra("umap-learn", "umap", "reducing by UMAP") from None
        # The spectral start needs more neighbours than a small table has.
        start = "spectral" if len(rows) > 2 * NEIGHBOURS else "random"
        reducer = UMAP(n_neighbors=min(NEIGHBOURS, len(rows) - 1), init=start, random_state=seed, n_jobs=1)
        return np.asarray(reducer.fit_transform(rows), dtype=np.float64)
