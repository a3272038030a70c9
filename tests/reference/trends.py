"""Slow, obvious versions of what the trends compute, and tables with known trends."""

from __future__ import annotations

from itertools import product

import numpy as np
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA

from layerlore.dynamics.history import History


def published_points(values: np.ndarray) -> np.ndarray:
    """The authors' notebooks, cell by cell: a table with all layers in, points without the first and last out."""
    rows = [list(row) for row in values]
    for row in rows:
        total = sum(number for number in row if np.isfinite(number))
        for place, number in enumerate(row):
            if not np.isfinite(number):
                row[place] = total / len(row)
    rows = rows[1:-1]
    for row in rows:
        mean, deviation = float(np.mean(row)), float(np.std(row))
        for place, number in enumerate(row):
            if abs(number - mean) > 2 * deviation:
                row[place] = mean
    return PCA(2).fit_transform(np.array(rows))


def published_labels(values: np.ndarray, k: int) -> np.ndarray:
    """K-Means on these points; forty starts, so that the best grouping of a small table is found."""
    return KMeans(k, init="k-means++", n_init=40, random_state=0).fit_predict(published_points(values))


def least_spread(points: np.ndarray, counts: np.ndarray, k: int) -> float:
    """Smallest weighted sum of squared distances over all ways to make k groups of a handful of points."""
    best = np.inf
    for labels in product(range(k), repeat=len(points)):
        total = 0.0
        for label in set(labels):
            inside = np.array(labels) == label
            centre = np.average(points[inside], axis=0, weights=counts[inside])
            total += float((counts[inside] * ((points[inside] - centre) ** 2).sum(1)).sum())
        best = min(best, total)
    return best


def nearest_course(rows: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Leave one layer out, average the groups anew, see which is nearest."""
    right = []
    for place, row in enumerate(rows):
        others = np.arange(len(rows)) != place
        distances = [np.linalg.norm(row - rows[others & (codes == code)].mean(0)) for code in range(codes.max() + 1)]
        right.append(int(np.argmin(distances)) == codes[place])
    return np.array(right)


def planted(
    seed: int, sizes: tuple[int, ...] = (16, 12, 10), n_steps: int = 20, n_outliers: int = 2, spikes: float = 0.03
) -> tuple[History, np.ndarray]:
    """Layers that follow one of three curves, noise, spikes a thousand times the value, and layers that stand alone.

    The curves are at least 2.5 apart on the log scale at every step but few, the noise is 0.2 per entry and 0.15 per
    layer: no layer comes near another curve.
    """
    rng = np.random.default_rng(seed)
    time = np.linspace(0, 1, n_steps)
    curves = [1.0 + 0 * time, -3.5 + 0.5 * time, -6.0 - 2.5 * time]
    logs, labels = [], []
    for label, size in enumerate(sizes):
        for _ in range(size):
            logs.append(curves[label] + 0.15 * rng.normal() + 0.2 * rng.normal(size=n_steps))
            labels.append(label)
    for number in range(n_outliers):
        logs.append((12.0 + 6 * number) * (-1) ** number - 4 + 0.2 * rng.normal(size=n_steps))
        labels.append(-1)
    values = np.exp(np.array(logs))
    values[rng.random(values.shape) < spikes] *= 1000
    order = rng.permutation(len(values))
    return table(values[order]), np.array(labels)[order]


def table(values: np.ndarray, **options: object) -> History:
    """A history with layers ``layer0``, ``layer1``, ..."""
    names = [f"layer{place}" for place in range(len(values))]
    return History.from_table(names, np.asarray(values, dtype=float), **{"measure": "rwc_l1"} | options)
