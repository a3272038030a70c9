import builtins

import numpy as np
import pytest

from layerlore.dynamics.history import History
from layerlore.dynamics.trends import find_trends
from layerlore.errors import InputError, MissingExtraError
from reference.trends import planted, table

RNG = np.random.default_rng
pytestmark = pytest.mark.usefixtures("without_type_checks")


def small(n_layers: int = 9, n_steps: int = 6) -> History:
    return table(RNG(0).lognormal(size=(n_layers, n_steps)))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"recipe": "publshed"}, r"recipe='publshed' is not known; did you mean 'published'\?"),
        ({"measure": "rwc_12"}, r"measure='rwc_12' is not known; did you mean 'rwc_l1'\?"),
        ({"method": "k-means"}, r"method='k-means' is not known; did you mean 'kmeans'\?"),
        ({"reduction": "tsne"}, "reduction='tsne' is not known"),
        ({"scaling": "std"}, "scaling='std' is not known"),
        ({"standardise": "center"}, r"standardise='center' is not known; did you mean 'centre'\?"),
        ({"outliers": "isolated"}, "outliers='isolated' is not known"),
        ({"log": "yes"}, "log='yes' must be True or False"),
        ({"smoothing": 4}, "smoothing=4 must be odd.*take 5"),
        ({"smoothing": 0}, "smoothing=0 must be a whole number of at least 1"),
        ({"min_size": 2.5}, "min_size=2.5 must be a whole number of at least 1"),
        ({"n_clusters": 0}, "n_clusters=0 must be a whole number of at least 1"),
        ({"n_clusters": True}, "n_clusters=True must be a whole number"),
        ({"n_clusters": "3"}, "n_clusters='3' must be a whole number"),
        ({"resamples": 5}, "resamples=5 must be a whole number of at least 10"),
        ({"seed": -1}, "seed=-1 must be a whole number of at least 0"),
        ({"n_clusters": 5}, "n_clusters=5 needs at least 10 layers that change, and there are 9"),
        ({"n_clusters": 8, "recipe": "published"}, "n_clusters=8 needs at least 8 layers that change, and there are 7"),
        ({"n_clusters": 3, "method": "hdbscan"}, "n_clusters=3 with method='hdbscan', which finds its own number"),
        ({"recipe": "published", "method": "kmeans"}, "method='kmeans' is a choice of recipe='robust'"),
        ({"recipe": "published", "log": False}, "log=False is a choice of recipe='robust'"),
        ({"recipe": "published", "smoothing": 5}, "smoothing=5 is a choice of recipe='robust'"),
    ],
)
def test_wrong_options_are_answered_with_what_is_wrong(options, said):
    with pytest.raises(InputError, match=said):
        find_trends(small(), **options)


@pytest.mark.parametrize("recipe", ["robust", "published"])
def test_more_trends_than_different_histories_are_refused(recipe):
    rows = np.repeat([[1.0, 2.0, 3.0], [2.0, 4.0, 9.0]], 6, axis=0)
    with pytest.raises(InputError, match="n_clusters=3, and only 2 different histories are left"):
        find_trends(table(rows), recipe=recipe, n_clusters=3)
    two = find_trends(table(rows), recipe=recipe, n_clusters=2, resamples=10)
    assert {len(set(part.tolist())) for part in np.split(two.labels, 2)} == {1}
    assert two.n_trends == 2


@pytest.mark.parametrize("method", ["kmeans", "gaussian_mixture", "agglomerative", "hdbscan"])
def test_constant_histories_are_one_trend_and_said_to_be(method):
    found = find_trends(table(np.full((12, 5), 0.25)), method=method, resamples=10)
    assert set(found.labels) <= {0, -1}
    assert found.n_trends <= 1
    assert np.isnan(found.stability)
    if method != "hdbscan":
        assert found.n_trends == 1
        assert any("too few to tell trends apart" in note for note in found.notes)
    with pytest.raises(InputError, match="only 1 different histories"):
        find_trends(table(np.full((12, 5), 0.25)), n_clusters=2)


@pytest.mark.parametrize("method", ["kmeans", "gaussian_mixture", "agglomerative", "hdbscan"])
@pytest.mark.parametrize("n_layers", [1, 2, 3, 5])
def test_few_layers_are_one_trend_or_outliers_and_no_warning_leaks(method, n_layers):
    found = find_trends(small(n_layers), method=method, resamples=10)
    assert found.n_trends <= 1
    assert len(found.labels) == n_layers


@pytest.mark.parametrize("recipe", ["robust", "published"])
@pytest.mark.parametrize("n_steps", [1, 2, 3])
def test_few_steps_still_group(recipe, n_steps):
    rows = np.exp(np.repeat([[0.0], [4.0]], 8, axis=0) + 0.01 * RNG(1).normal(size=(16, n_steps)))
    found = find_trends(table(rows), recipe=recipe, n_clusters=2, resamples=10)
    assert found.n_trends == 2
    groups = [set(part[part >= 0].tolist()) for part in np.split(found.labels, [8 - (recipe == "published")])]
    assert groups in ([{0}, {1}], [{1}, {0}])
    assert any("one step only" in note for note in found.notes) == (n_steps == 1)


def test_all_frozen_is_a_labelled_result():
    found = find_trends(table(np.zeros((5, 4))), resamples=10)
    assert found.labels.tolist() == [-2] * 5
    assert found.n_trends == 0
    assert found.profiles.sizes == {"trend": 0, "step": 4}
    assert "no layer changed: there is nothing to group" in found.notes
    with pytest.raises(InputError, match="n_clusters=2 needs at least 4 layers that change, and there are 0"):
        find_trends(table(np.zeros((5, 4))), n_clusters=2)


@pytest.mark.parametrize("recipe", ["robust", "published"])
def test_nan_everywhere_is_all_outliers_with_a_note(recipe):
    found = find_trends(table(np.full((5, 4), np.nan)), recipe=recipe, resamples=10)
    assert set(found.labels) == {-1}
    assert any("hold no finite number" in note for note in found.notes)
    assert np.isnan(found.points).all()


@pytest.mark.parametrize("n_layers", [1, 2])
def test_published_recipe_needs_layers_between_the_ends(n_layers):
    with pytest.raises(InputError, match="drops the first and the last layer, and the history has"):
        find_trends(small(n_layers), recipe="published")


def test_negative_changes_have_no_logarithm():
    rows = RNG(0).normal(size=(12, 6))
    with pytest.raises(InputError, match=r"negative values .* no logarithm.*log=False"):
        find_trends(table(rows))
    assert find_trends(table(rows), log=False, resamples=10).n_trends >= 1


@pytest.mark.parametrize("method", ["kmeans", "gaussian_mixture", "agglomerative", "hdbscan"])
def test_copies_of_a_few_histories_leak_no_warning(method):
    rows = np.exp(np.repeat(RNG(3).normal(size=(4, 6)), [9, 5, 4, 1], axis=0))
    found = find_trends(table(rows), method=method, resamples=10)
    assert all(len(found.members(label)) >= 3 for label in found.trends)
    assert all(len(set(found.labels[part])) == 1 for part in (slice(0, 9), slice(9, 14), slice(14, 18)))


def test_a_group_too_small_for_a_trend_is_set_aside_and_said():
    rows = np.exp(np.concatenate([RNG(0).normal(size=(20, 8)) * 0.05, 3 + RNG(1).normal(size=(2, 8)) * 0.05]))
    found = find_trends(table(rows), n_clusters=2, outliers="none", resamples=10)
    assert found.members(-1) == ["layer20", "layer21"]
    assert min(len(found.members(label)) for label in found.trends) >= 3


@pytest.mark.parametrize("package", ["sklearn", "scipy"])
def test_without_scikit_learn_the_extra_is_named(monkeypatch, package):
    real = builtins.__import__

    def missing(name, *rest):
        if name.split(".")[0] == package:
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(MissingExtraError, match=r"finding trends needs .*pip install 'layerlore\[trends\]'"):
        find_trends(small())


def test_without_umap_the_extra_is_named(monkeypatch):
    real = builtins.__import__

    def missing(name, *rest):
        if name.split(".")[0] == "umap":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(MissingExtraError, match=r"reducing by UMAP needs .*pip install 'layerlore\[umap\]'"):
        find_trends(small(), reduction="umap")


def test_umap_groups_planted_trends():
    pytest.importorskip("umap")
    history, truth = planted(0, n_outliers=0)
    found = find_trends(history, reduction="umap", n_clusters=3, resamples=10)
    assert found.explained is None
    kept = found.labels >= 0
    assert kept.mean() > 0.8
    assert all(len(set(found.labels[kept & (truth == label)])) == 1 for label in range(3))


def test_umap_needs_five_layers():
    with pytest.raises(InputError, match="reduction='umap' needs at least 5 layers"):
        find_trends(small(4), reduction="umap")


@pytest.mark.parametrize("size", [1e200, 1e-200])
def test_values_beyond_all_range_need_a_log_scale(size):
    rows = size * RNG(0).lognormal(size=(12, 6))
    for options in ({"recipe": "published"}, {"log": False}):
        with pytest.raises(InputError, match="can only be grouped on a log scale"):
            find_trends(table(rows), **options)
    assert (
        find_trends(table(rows), resamples=10).labels.tolist()
        == find_trends(table(rows / size), resamples=10).labels.tolist()
    )


def test_zeros_and_an_infinite_entry_are_not_called_frozen():
    rows = RNG(0).lognormal(size=(12, 6))
    rows[4], rows[4, 2] = 0, np.inf
    assert -2 not in find_trends(table(rows), resamples=10).labels
