import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score

from layerlore.dynamics.trends.grouping import ABSENT, Recipe, group, place
from layerlore.dynamics.trends.stability import bootstrap
from reference.trends import planted

RNG = np.random.default_rng


def plain(rows: np.ndarray, **options: object) -> Recipe:
    chosen = {"method": "kmeans", "scaling": "none", "placed": False, "find_outliers": False, "min_size": 1}
    return Recipe(rows, **chosen | options)


def rows_of(seed: int) -> np.ndarray:
    return np.log(planted(seed, spikes=0.0)[0].values())


def test_bootstrap_with_repeated_rows_and_scikit_learn_gives_the_same_stability():
    rows = rows_of(0)
    recipe = plain(rows)
    labels = group(recipe, place(recipe, recipe.once), 3, RNG(0), rounds=5)
    ours = bootstrap(recipe, {3: labels}, 12, seed=4)[3]
    slow, alike = [], {label: [] for label in range(3)}
    for draw in range(12):
        drawn = np.random.default_rng((4, 1, draw)).integers(0, len(rows), len(rows))
        found = KMeans(3, n_init=10, random_state=0).fit_predict(PCA(2).fit_transform(rows[drawn]))
        layers, first = np.unique(drawn, return_index=True)
        slow.append(adjusted_rand_score(labels[layers], found[first]))
        for label in range(3):
            own = set(layers[labels[layers] == label].tolist())
            if own:
                others = [set(layers[found[first] == other].tolist()) for other in range(3)]
                alike[label].append(max(len(own & other) / len(own | other) for other in others))
    # Groups far apart: both routes find the best grouping of every draw.
    np.testing.assert_allclose(ours.draws, slow, atol=1e-12)
    np.testing.assert_allclose(ours.clusters, [np.mean(shares) for shares in alike.values()], atol=1e-12)
    assert ours.mean == pytest.approx(np.mean(slow))
    assert ours.interval == pytest.approx(tuple(np.quantile(slow, [0.025, 0.975])))


def test_arbitrary_groups_are_not_stable_and_planted_ones_are():
    noise = plain(RNG(0).normal(size=(60, 10)))
    labels = group(noise, place(noise, noise.once), 5, RNG(0))
    assert bootstrap(noise, {5: labels}, 20, 0)[5].mean < 0.7
    clear = plain(rows_of(1), find_outliers=True, min_size=3)
    labels = group(clear, place(clear, clear.once), 3, RNG(0))
    assert bootstrap(clear, {3: labels}, 20, 0)[3].mean > 0.9


def test_layers_that_were_not_drawn_are_absent():
    recipe = plain(rows_of(2))
    counts = recipe.once.copy()
    counts[[3, 8]] = 0
    found = group(recipe, place(recipe, counts), 2, RNG(0))
    assert np.flatnonzero(found == ABSENT).tolist() == [3, 8]


def test_the_smallest_trend_shrinks_with_the_draw():
    recipe = plain(np.zeros((30, 4)), min_size=3)
    assert (recipe.least(30), recipe.least(19), recipe.least(10)) == (3, 2, 2)
    assert plain(np.zeros((30, 4))).least(19) == 1


def test_tiny_groups_are_set_aside_and_the_rest_is_grouped_anew():
    centres = np.repeat([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [60.0, 60.0]], [10, 9, 8, 2], axis=0)
    recipe = plain(centres + 0.1 * RNG(0).normal(size=centres.shape), placed=True, min_size=3)
    found = group(recipe, place(recipe, recipe.once), 3, RNG(0), rounds=5)
    assert (found[-2:] == -1).all()
    assert len(set(found[:10])) == len(set(found[10:19])) == len(set(found[19:27])) == 1
    assert len(set(found[:27])) == 3


def test_no_more_than_a_fifth_is_set_aside_for_the_asked_number():
    points = np.concatenate([0.1 * RNG(0).normal(size=(10, 2)), 100 * np.arange(1, 9)[:, None] * np.ones((8, 2))])
    recipe = plain(points, placed=True, min_size=3)
    found = group(recipe, place(recipe, recipe.once), 6, RNG(0), rounds=5)
    sizes = np.bincount(found[found >= 0])
    assert (sizes[sizes > 0] >= 3).all()
    assert len(sizes[sizes > 0]) < 6
