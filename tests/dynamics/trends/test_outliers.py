import numpy as np
import pytest

from layerlore.dynamics.trends.outliers import isolated, tiny_groups

RNG = np.random.default_rng


def by_loops(points, min_size):
    """The rule, point by point; for a spread of logarithms wider than the floor."""
    logs = []
    for place, point in enumerate(points):
        others = np.delete(points, place, axis=0)
        logs.append(np.log(sorted(np.linalg.norm(others - point, axis=1))[min_size - 2]))
    deviation = 1.4826 * np.median(np.abs(logs - np.median(logs)))
    # sqrt(trigamma(1)) / 2 and sqrt(trigamma(2)) / 2: pi^2 / 6 and that less 1.
    floor = {2: np.sqrt(np.pi**2 / 6) / 2, 3: np.sqrt(np.pi**2 / 6 - 1) / 2}[min_size]
    return (logs - np.median(logs)) / max(deviation, floor) > 3.5


@pytest.mark.parametrize("min_size", [2, 3])
@pytest.mark.parametrize("seed", range(5))
def test_rule_by_loops(seed, min_size):
    points = RNG(seed).standard_t(2, size=(40, 2))
    assert isolated(points, min_size).tolist() == by_loops(points, min_size).tolist()


def test_a_pair_is_alone_and_three_are_not():
    cloud = RNG(0).normal(size=(40, 2))
    pair = np.array([[60.0, 0.0], [60.0, 0.2]])
    assert isolated(np.vstack([cloud, pair]), 3).tolist() == [False] * 40 + [True] * 2
    three = np.vstack([cloud, pair, [[60.1, 0.1]]])
    assert not isolated(three, 3).any()
    assert not isolated(np.vstack([cloud, pair]), 2).any()


def test_regular_points_copies_and_few_points_have_no_outliers():
    grid = np.stack(np.meshgrid(np.arange(6.0), np.arange(6.0)), -1).reshape(-1, 2)
    line = np.stack([np.arange(20.0), np.zeros(20)], 1)
    assert not isolated(grid, 3).any()
    assert not isolated(line, 3).any()
    assert not isolated(np.zeros((10, 2)), 3).any()
    assert not isolated(np.array([[0.0, 0.0], [9.0, 9.0]]), 3).any()


def test_copies_count_once():
    cloud = RNG(0).normal(size=(30, 2))
    far = np.repeat([[50.0, 50.0]], 5, axis=0)
    assert isolated(np.vstack([cloud, far]), 3).tolist() == [False] * 30 + [True] * 5


def test_about_one_in_a_hundred_of_a_normal_cloud_is_called_an_outlier():
    share = np.mean([isolated(RNG(seed).normal(size=(100, 2)), 3).mean() for seed in range(30)])
    # 3000 points: a share of 0.01 has a standard error of 0.002.
    assert share < 0.02


def test_tiny_groups():
    labels = np.array([0, 0, 0, 1, 1, 2, -1, -1])
    assert tiny_groups(labels, 3).tolist() == [False] * 3 + [True] * 3 + [False] * 2
    assert not tiny_groups(labels, 1).any()
    assert not tiny_groups(np.full(3, -1), 3).any()
