import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score

from layerlore.dynamics.trends.evidence import Gap, gap_statistic, numbers_to_try, silhouette, weigh
from layerlore.dynamics.trends.grouping import Recipe, place
from layerlore.dynamics.trends.stability import Stability

RNG = np.random.default_rng


def points(seed: int, n_groups: int, n_each: int = 12) -> Recipe:
    corners = np.array([[0, 0], [12, 0], [0, 12], [12, 12], [6, 25]])[:n_groups]
    rows = np.repeat(corners, n_each, axis=0) + RNG(seed).normal(size=(n_each * n_groups, 2))
    return Recipe(rows, "kmeans", "none", True, False, 3)


@pytest.mark.parametrize("n_groups", [1, 2, 3, 4])
@pytest.mark.parametrize("seed", range(3))
def test_gap_speaks_for_the_planted_number(seed, n_groups):
    recipe = points(seed, n_groups)
    gaps = gap_statistic(recipe, place(recipe, recipe.once), [1, 2, 3, 4, 5], seed)
    assert [k for k, gap in gaps.items() if gap.over_one == 0] == [1]
    assert gaps[n_groups].better_than_one == (n_groups > 1)
    assert gaps[n_groups].gap >= gaps[n_groups + 1].gap - gaps[n_groups + 1].error
    if n_groups == 1:
        assert not any(gap.better_than_one for gap in gaps.values())
    else:
        assert gaps[n_groups].gap == max(gaps[k].gap for k in range(1, n_groups + 1))


def test_gap_by_definition():
    recipe = points(0, 2)
    low, high = recipe.rows.min(0), recipe.rows.max(0)
    expected = {1: [], 2: []}
    for draw in range(20):
        rows = np.random.default_rng((7, 3, draw)).uniform(low, high, recipe.rows.shape)
        for k, spreads in expected.items():
            spreads.append(np.log(KMeans(k, n_init=10, random_state=0).fit(rows).inertia_))
    observed = {k: np.log(KMeans(k, n_init=30, random_state=0).fit(recipe.rows).inertia_) for k in (1, 2)}
    gaps = gap_statistic(recipe, place(recipe, recipe.once), [1, 2], 7)
    one, two = (np.array(expected[k]) for k in (1, 2))
    widen = np.sqrt(1 + 1 / 20)
    # Two dozen points in two groups: ten starts of either find the same optimum but for a rare draw, which moves the
    # mean of 20 logarithms by less than a thousandth.
    assert gaps[1].gap == pytest.approx(one.mean() - observed[1], abs=1e-9)
    assert gaps[2].gap == pytest.approx(two.mean() - observed[2], abs=1e-3)
    assert gaps[2].error == pytest.approx(two.std() * widen, abs=1e-3)
    assert gaps[2].over_one_error == pytest.approx((two - one).std() * widen, abs=1e-3)


def test_numbers_to_try():
    recipe = points(0, 2, n_each=6)
    assert numbers_to_try(place(recipe, recipe.once)) == [2, 3, 4]
    few = Recipe(np.repeat([[0.0, 0.0], [1.0, 0.0]], 20, axis=0), "kmeans", "none", True, False, 3)
    assert numbers_to_try(place(few, few.once)) == [2]
    many = points(0, 5)
    assert numbers_to_try(place(many, many.once)) == list(range(2, 11))


def test_silhouette_is_that_of_scikit_learn_without_outliers():
    where, labels = RNG(0).normal(size=(20, 2)), np.array([-1, 0, 1, 2] * 5)
    inside = labels >= 0
    assert silhouette(where, labels) == pytest.approx(silhouette_score(where[inside], labels[inside]))
    assert np.isnan(silhouette(where, np.where(labels > 0, 0, labels)))
    assert np.isnan(silhouette(where[:3], np.arange(3)))


def verdict(rows, groups=None):
    """``rows``: number of trends -> (gap over one, silhouette, stability); the error of every gap is 0.1."""
    gaps = {1: Gap(0.0, 0.1, 0.0, 0.0)} | {k: Gap(row[0], 0.1, row[0], 0.1) for k, row in rows.items()}
    stabilities = {k: Stability(np.full(10, row[2]), []) for k, row in rows.items()}
    found, lines = weigh(gaps, {k: row[1] for k, row in rows.items()}, stabilities, groups or {k: k for k in rows})
    assert [line["n_clusters"] for line in lines if line["chosen"]] == [found]
    return found, lines


def test_the_finest_grouping_that_is_not_clearly_worse_is_chosen():
    assert verdict({2: (1.0, 0.80, 0.95), 3: (1.0, 0.75, 0.93), 4: (1.0, 0.75, 0.80), 5: (1.0, 0.5, 0.95)})[0] == 3
    assert verdict({2: (1.0, 0.80, 0.95), 3: (1.0, 0.70, 0.95)})[0] == 2


def test_without_structure_there_is_one_trend():
    found, lines = verdict({2: (0.2, 0.9, 1.0), 3: (0.1, 0.9, 1.0)})
    assert found == 1
    assert lines[1]["why_not"] == "no better than one trend by the gap statistic"


def test_a_number_whose_groups_are_too_small_is_not_chosen():
    found, lines = verdict({2: (1.0, 0.5, 0.6), 3: (1.0, 0.9, 0.9)}, {2: 2, 3: 2})
    assert found == 2
    assert lines[2]["why_not"] == "only 2 groups are large enough to be trends"


def test_where_the_two_disagree_the_mean_decides():
    assert verdict({2: (1.0, 0.9, 0.4), 3: (1.0, 0.5, 0.9), 4: (1.0, 0.3, 0.7)})[0] == 3
