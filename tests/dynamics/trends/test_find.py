import time

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from layerlore.dynamics.history import History
from layerlore.dynamics.trends import find_trends
from reference.trends import planted, published_labels, published_points, table

RNG = np.random.default_rng

# Checks of types and shapes make thousands of small fits ten times slower: whole searches are tested without them, and
# their parts, in the other files, with them.
pytestmark = pytest.mark.usefixtures("without_type_checks")


def assert_planted(labels: np.ndarray, truth: np.ndarray) -> None:
    """The curves of `planted` are many deviations apart: no two are mixed, and all loners are found.

    About 1 in 100 layers of a normal cloud stands alone enough to be called an outlier: one of 38 may.
    """
    wrong = labels != truth
    assert wrong.sum() <= 1
    assert (labels[wrong] == -1).all()


@pytest.mark.parametrize(
    ("method", "seed"),
    [("kmeans", 0), ("kmeans", 1), ("kmeans", 2), ("agglomerative", 0), ("agglomerative", 1), ("gaussian_mixture", 2)],
)
def test_planted_trends_and_outliers_are_found_and_numbered_by_level(method, seed):
    history, truth = planted(seed)
    found = find_trends(history, method=method, resamples=10)
    assert_planted(found.labels, truth)
    assert found.stability > 0.9
    assert min(found.cluster_stability) > 0.8


@pytest.mark.parametrize("seed", range(3))
def test_hdbscan_finds_planted_trends_without_being_told_their_number(seed):
    history, truth = planted(seed)
    found = find_trends(history, method="hdbscan", min_size=5, resamples=10)
    # It may call a layer at the rim of a trend noise, but mixes no two trends.
    assert adjusted_rand_score(truth, found.labels) > 0.9


@pytest.mark.parametrize("seed", range(3))
def test_noise_is_one_trend_and_said_to_be(seed):
    found = find_trends(table(np.exp(RNG(seed).normal(size=(40, 25)))), resamples=10)
    assert found.n_trends == 1
    assert any("no grouping is better than one trend" in note for note in found.notes)
    assert np.isnan(found.stability)


@pytest.mark.parametrize("k", [2, 3, 5])
@pytest.mark.parametrize("seed", range(4))
def test_published_recipe_is_that_of_the_notebooks(k, seed):
    values = RNG(seed).lognormal(size=(30, 12)) * RNG(seed + 50).lognormal(size=(30, 1), sigma=1.5)
    values[5, 3], values[9, 1], values[9, 2] = np.inf, np.nan, np.inf
    found = find_trends(table(values), recipe="published", n_clusters=k, resamples=10, seed=seed)
    points = published_points(values)
    # Directions of components are arbitrary: one sign per column. Two routes to one SVD differ by rounding, 1e-16 times
    # numbers up to 1e3 with condition numbers below 1e3.
    signs = np.sign((points * found.points).sum(0))
    np.testing.assert_allclose(found.points, points * signs, rtol=0, atol=1e-9 * np.abs(points).max())
    assert adjusted_rand_score(published_labels(values, k), found.labels) == 1.0
    assert found.dropped == ["layer0", "layer29"]
    assert found.layers == [f"layer{place}" for place in range(1, 29)]
    assert {"step": "first and last layer", "what": "left out", "count": 2} in found.cleaning


def test_published_recipe_shows_a_loner_as_a_trend_and_says_so():
    values = 1 + 0.1 * RNG(0).random((20, 8))
    values[7] = 50
    found = find_trends(table(values), recipe="published", n_clusters=2, resamples=10)
    assert found.members(0) == ["layer7"]
    assert any("trends [0] have one member each" in note for note in found.notes)
    robust = find_trends(table(values), n_clusters=2, resamples=10)
    assert robust.members(-1) == ["layer7"]
    assert min(len(robust.members(label)) for label in robust.trends) >= 3


def test_same_seed_same_result_and_the_global_random_state_is_left_alone():
    history, _ = planted(4)
    np.random.seed(7)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first, second = (find_trends(history, resamples=10, seed=3) for _ in range(2))
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002
    assert first.to_json() == second.to_json()
    # Sections of a continuum are not stable, and other resamples say so with other numbers.
    line = table(np.exp(RNG(0).normal(size=(30, 5)) + np.linspace(0, 9, 30)[:, None]))
    assert len({find_trends(line, n_clusters=4, resamples=10, seed=seed).stability for seed in range(3)}) == 3


@pytest.mark.parametrize("recipe", ["robust", "published"])
def test_the_order_of_layers_changes_nothing_but_their_order(recipe):
    history, _ = planted(5)
    values = history.values()
    # The published recipe drops the ends: they stay where they are.
    order = np.concatenate([[0], 1 + RNG(0).permutation(len(values) - 2), [len(values) - 1]])
    names = [history.layers[place] for place in order]
    shuffled = History.from_table(names, values[order], measure="rwc_l1")
    one, two = (find_trends(found, recipe=recipe, n_clusters=3, resamples=12) for found in (history, shuffled))
    assert dict(zip(one.layers, one.labels, strict=True)) == dict(zip(two.layers, two.labels, strict=True))
    assert one.stability == two.stability


@pytest.mark.parametrize("factor", [1e-9, 1e12])
def test_the_unit_of_the_measure_does_not_matter(factor):
    history, _ = planted(6)
    scaled = History.from_table(history.layers, history.values() * factor, measure="rwc_l1")
    one, two = (find_trends(found, resamples=10) for found in (history, scaled))
    assert one.labels.tolist() == two.labels.tolist()


def test_frozen_layers_are_a_group_of_their_own_and_have_no_say():
    history, truth = planted(7)
    values = history.values()
    with_frozen = table(np.vstack([values, np.zeros((4, values.shape[1]))]))
    found = find_trends(with_frozen, resamples=10)
    assert found.labels.tolist() == [*truth.tolist(), -2, -2, -2, -2]
    assert found.groups["frozen"] == found.layers[-4:]
    assert np.isnan(found.points[-4:]).all()
    assert np.isfinite(found.points[:-4]).all()


def test_spikes_gaps_and_infinite_entries_do_not_move_layers():
    history, truth = planted(8, spikes=0.0)
    values = history.values()
    values[2, 5], values[3, 0], values[4, -1], values[5, 7] = np.inf, np.nan, np.nan, 1e9 * values[5, 7]
    found = find_trends(table(values), resamples=10)
    assert found.labels.tolist() == truth.tolist()
    counts = {line["step"]: line["count"] for line in found.cleaning}
    assert (counts["gaps: NaN"], counts["gaps: infinite"]) == (2, 1)


def test_a_layer_without_a_number_is_an_outlier_with_a_note():
    history, _ = planted(9)
    values = history.values()
    values[0] = np.nan
    for recipe in ("robust", "published"):
        rows = np.vstack([values[1:2], values, values[-1:]]) if recipe == "published" else values
        found = find_trends(table(rows), recipe=recipe, n_clusters=3, resamples=10)
        assert found.labels[0] == -1
        assert any("1 layers hold no finite number" in note for note in found.notes)
        assert np.isnan(found.points[0]).all()


def test_what_counts_is_level_or_shape_as_asked():
    time_ = np.linspace(0, 1, 12)
    curves = {"up, high": 2 + time_, "up, low": -2 + time_, "down, high": 3 - time_, "down, low": -1 - time_}
    rows = np.array([curve + 0.05 * RNG(place).normal() for curve in curves.values() for place in range(8)])
    rows += 0.02 * RNG(9).normal(size=rows.shape)
    history = table(np.exp(rows))
    level = find_trends(history, n_clusters=2, resamples=10)
    assert level.labels.tolist() == [0] * 8 + [1] * 8 + [0] * 8 + [1] * 8
    for how in ("centre", "scale"):
        shape = find_trends(history, n_clusters=2, standardise=how, resamples=10)
        assert adjusted_rand_score([0] * 16 + [1] * 16, shape.labels) == 1.0


def test_composition_profiles_and_evidence_come_with_the_result():
    history, truth = planted(0)
    kinds = ["depthwise" if label == 2 else "conv" for label in truth]
    shapes = [(8, 1, 3, 3) if label == 2 else (64, 64, 3, 3) for label in truth]
    known = table(history.values(), kinds=kinds, shapes=shapes)
    found = find_trends(known, resamples=10)
    assert found.labels.tolist() == truth.tolist()
    line = next(line for line in found.composition if line["label"] == 2 and line["value"] == "depthwise")
    assert line["members"] == line["group_size"] == line["with_value"] == 10
    assert line["p_adjusted"] < 1e-6
    assert found.profiles.sizes == {"trend": 3, "step": 20}
    assert (found.profiles["low"] <= found.profiles["high"]).all()
    chosen = [line["n_clusters"] for line in found.evidence if line["chosen"]]
    assert chosen == [3]
    assert [line["n_clusters"] for line in found.evidence] == list(range(1, 11))
    assert found.belongs_to(known)
    assert not found.belongs_to(planted(11)[0])


def test_a_hundred_and_sixty_layers_take_seconds():
    rng = RNG(0)
    history = table(np.exp(rng.normal(size=(161, 1)) + 0.3 * rng.normal(size=(161, 25))))
    start = time.process_time()
    find_trends(history)
    # 3 s of processor time on a busy machine.
    assert time.process_time() - start < 15
