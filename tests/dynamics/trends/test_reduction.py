import numpy as np
import pytest
from sklearn.decomposition import PCA

from layerlore.dynamics.trends.reduction import principal_components, scale_steps

RNG = np.random.default_rng


@pytest.mark.parametrize("seed", range(5))
def test_weighted_components_are_those_of_repeated_rows(seed):
    rows, counts = RNG(seed).normal(size=(14, 6)), RNG(seed).integers(0, 4, 14)
    points, explained = principal_components(rows, counts)
    model = PCA(2).fit(np.repeat(rows, counts, axis=0))
    slow = model.transform(rows)
    np.testing.assert_allclose(points, slow * np.sign((slow * points).sum(0)), atol=1e-10)
    np.testing.assert_allclose(explained, model.explained_variance_ratio_, atol=1e-12)


def test_components_are_those_of_numpy_with_a_fixed_sign():
    rows = RNG(0).normal(size=(9, 5))
    points, _ = principal_components(rows, np.ones(9, np.int64))
    _, _, loadings = np.linalg.svd(rows - rows.mean(0))
    for column in range(2):
        sign = np.sign(loadings[column][np.abs(loadings[column]).argmax()])
        np.testing.assert_allclose(points[:, column], sign * ((rows - rows.mean(0)) @ loadings[column]), atol=1e-12)
    flipped, _ = principal_components(rows[::-1].copy(), np.ones(9, np.int64))
    np.testing.assert_allclose(flipped[::-1], points, atol=1e-12)


def test_rows_that_span_one_dimension_or_none():
    line = np.outer(np.arange(4.0), [1.0, 2.0, 0.0])
    points, explained = principal_components(line, np.ones(4, np.int64))
    np.testing.assert_allclose(points[:, 1], 0, atol=1e-12)
    np.testing.assert_allclose(explained, [1, 0], atol=1e-12)
    points, explained = principal_components(np.ones((3, 1)), np.ones(3, np.int64))
    assert points.tolist() == np.zeros((3, 2)).tolist()
    assert explained == [0.0, 0.0]


def test_scaling_of_steps():
    rows, counts = RNG(0).normal(size=(11, 4)) * [1.0, 10.0, 100.0, 0.0], np.array([1, 2, 0, 1, 1, 3, 1, 1, 1, 1, 1])
    drawn = np.repeat(rows, counts, axis=0)
    middle = np.median(drawn, axis=0)
    spread = 1.4826 * np.median(np.abs(drawn - middle), axis=0)
    np.testing.assert_allclose(scale_steps(rows, counts, "none"), rows - middle)
    np.testing.assert_allclose(scale_steps(rows, counts, "unit")[:, :3], (rows - middle)[:, :3] / spread[:3])
    np.testing.assert_allclose(scale_steps(rows, counts, "pareto")[:, :3], (rows - middle)[:, :3] / np.sqrt(spread[:3]))
    # A step at which nothing differs is left as it is.
    assert not scale_steps(rows, counts, "unit")[:, 3].any()
