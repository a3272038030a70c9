"""The ways to group points, each behind the same call."""

from __future__ import annotations

import warnings

import numpy as np
from jaxtyping import Float64, Int64

from layerlore.dynamics.trends.kmeans import kmeans

Points = Float64[np.ndarray, "n_points 2"]
Counts = Int64[np.ndarray, "n_points"]
Labels = Int64[np.ndarray, "n_points"]

LEAST_VARIANCE = 1e-3
"""Of a mixture's component, relative to the variance of all points: copies of one layer would have none."""


def cluster(
    points: Points, counts: Counts, k: int, method: str, *, starts: int, min_size: int, rng: np.random.Generator
) -> Labels:
    """Labels from 0; -1 for what a method itself calls noise.

    Args:
        points: at least ``k`` distinct ones.
        counts: how often each point counts. HDBSCAN takes each once: copies would look like dense places.
        k: number of groups; HDBSCAN finds its own.
        method: ``"kmeans"``, ``"gaussian_mixture"``, ``"agglomerative"`` (Ward) or ``"hdbscan"``.
        starts: of K-Means, also of the one that a mixture starts from.
        min_size: smallest group of HDBSCAN.
        rng: source of all randomness.
    """
    if method == "hdbscan":
        return _hdbscan(points, min_size)
    if k == 1:
        return np.zeros(len(points), np.int64)
    if method == "kmeans":
        return kmeans(points, counts, k, starts, rng)
    copies = np.repeat(np.arange(len(points)), counts)
    found = _agglomerative(points[copies], k) if method == "agglomerative" else _mixture(points[copies], k, starts, rng)
    labels = np.empty(len(points), np.int64)
    labels[copies] = found
    return labels


def _agglomerative(points: Points, k: int) -> Labels:
    from sklearn.cluster import AgglomerativeClustering

    return AgglomerativeClustering(k).fit_predict(points).astype(np.int64)


def _mixture(points: Points, k: int, starts: int, rng: np.random.Generator) -> Labels:
    """Full covariances, started from K-Means: starts of scikit-learn's own cost ten times as much."""
    from sklearn.mixture import GaussianMixture

    labels = kmeans(points, np.ones(len(points), np.int64), k, starts, rng)
    least = max(LEAST_VARIANCE * float(points.var(0).sum()), np.finfo(float).tiny)
    groups = [points[labels == label] for label in range(k)]
    groups = [group if len(group) else points for group in groups]
    covariances = [np.cov(group.T, bias=True) + least * np.eye(points.shape[1]) for group in groups]
    model = GaussianMixture(
        k,
        reg_covar=least,
        weights_init=np.array([len(group) for group in groups]) / sum(len(group) for group in groups),
        means_init=np.array([group.mean(0) for group in groups]),
        precisions_init=np.linalg.inv(np.array(covariances)),
        random_state=int(rng.integers(2**31)),
    )
    # One that is not done after its iterations is still a grouping.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit_predict(points).astype(np.int64)


def _hdbscan(points: Points, min_size: int) -> Labels:
    """Campello, Moulavi and Sander 2013, *Density-based clustering based on hierarchical density estimates*."""
    from sklearn.cluster import HDBSCAN

    size = max(2, min_size)
    if len(points) <= size:
        return np.full(len(points), -1)
    model = HDBSCAN(min_cluster_size=size, copy=True)  # pyright: ignore[reportArgumentType]
    return model.fit_predict(points).astype(np.int64)
