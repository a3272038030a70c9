import numpy as np
import pytest
from sklearn.cluster import KMeans

from layerlore.dynamics.trends.kmeans import kmeans, spread_within
from reference.trends import least_spread

RNG = np.random.default_rng


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("seed", range(4))
def test_best_of_many_starts_is_the_best_there_is(seed, k):
    points, counts = RNG(seed).normal(size=(7, 2)), RNG(seed).integers(1, 4, 7)
    labels = kmeans(points, counts, k, 30, RNG(seed))
    # The same sums in another order: rounding error of a dozen terms.
    assert spread_within(points, counts, labels) == pytest.approx(least_spread(points, counts, k), rel=1e-12)


@pytest.mark.parametrize("k", [2, 4, 8])
@pytest.mark.parametrize("seed", range(3))
def test_as_good_as_scikit_learn(seed, k):
    points = RNG(seed).normal(size=(120, 2)) + RNG(seed).integers(0, 4, (120, 1)) * 3
    ours = spread_within(points, np.ones(120, np.int64), kmeans(points, np.ones(120, np.int64), k, 50, RNG(seed)))
    theirs = KMeans(k, n_init=50, random_state=seed).fit(points).inertia_
    # Neither is sure to find the best of many optima. Over 60 clouds the two differ by 0.1 % on average and at most by
    # some per cent; plain random starts instead of k-means++ are worse by 10 % and more.
    assert ours == pytest.approx(theirs, rel=2e-2)


def test_a_count_is_as_good_as_copies():
    points, counts = RNG(0).normal(size=(30, 2)), RNG(1).integers(1, 5, 30)
    labels = kmeans(points, counts, 3, 50, RNG(2))
    copies = np.repeat(points, counts, axis=0)
    slow = KMeans(3, n_init=50, random_state=0).fit(copies).inertia_
    assert spread_within(points, counts, labels) == pytest.approx(slow, rel=1e-9)
    assert spread_within(copies, np.ones(len(copies), np.int64), np.repeat(labels, counts)) == pytest.approx(
        slow, rel=1e-9
    )


def test_far_from_the_origin_and_in_more_dimensions():
    near = RNG(0).normal(size=(40, 5)) + np.repeat([[0.0], [6.0]], 20, axis=0)
    for shift in (0.0, 1e7):
        labels = kmeans(near + shift, np.ones(40, np.int64), 2, 10, RNG(0))
        assert len(set(labels[:20])) == len(set(labels[20:])) == 1
        assert labels[0] != labels[20]


def test_as_many_groups_as_distinct_points():
    points = np.repeat([[0.0, 0.0], [1.0, 0.0], [0.0, 5.0]], 3, axis=0)
    labels = kmeans(points, np.ones(9, np.int64), 3, 10, RNG(0))
    assert len(set(labels.tolist())) == 3
    assert spread_within(points, np.ones(9, np.int64), labels) == 0
