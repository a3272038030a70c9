"""The variance of every principal component, against the result's own two and against scikit-learn."""

import numpy as np
import pytest

from layerlore import History
from layerlore.dynamics.trends import Trends, explained_variance, find_trends
from layerlore.errors import InputError
from report.histories import history, trends


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"scaling": "unit", "standardise": "centre"},
        {"outliers": "none", "smoothing": 1},
        {"recipe": "published", "n_clusters": 2},
    ],
)
def test_the_first_two_are_those_of_the_result(options):
    found = find_trends(history(), resamples=10, **options)
    shares = explained_variance(found, history())
    # The same sums in another order: rounding of a few hundred terms.
    np.testing.assert_allclose(shares[:2], found.explained, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(shares.sum(), 1, rtol=1e-12)
    assert (np.diff(shares) <= 0).all()


def test_the_published_recipe_by_scikit_learn():
    from sklearn.decomposition import PCA

    draws = np.exp(np.random.default_rng(3).standard_normal((9, 6)))
    draws[4, 2] = np.nan
    table = History.from_table([f"layer{number}" for number in range(9)], draws)
    rows = []
    for given in draws[1:-1]:
        finite = np.isfinite(given)
        row = np.where(finite, given, given[finite].sum() / len(given))
        far = np.abs(row - row.mean()) > 2 * row.std()
        rows.append(np.where(far, row.mean(), row))
    expected = PCA().fit(np.array(rows)).explained_variance_ratio_
    found = explained_variance(find_trends(table, recipe="published", n_clusters=2, resamples=10), table)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_after_saving_and_loading(tmp_path):
    trends().save(tmp_path)
    loaded = explained_variance(Trends.load(tmp_path), history())
    np.testing.assert_array_equal(loaded, explained_variance(trends(), history()))


def test_layers_that_do_not_change_have_no_variance():
    still = History.from_table(["a", "b"], np.zeros((2, 3)), measure="rwc_l1")
    assert explained_variance(find_trends(still, resamples=10), still).shape == (0,)
    alike = History.from_table(["a", "b", "c"], np.ones((3, 4)), measure="rwc_l1")
    np.testing.assert_array_equal(explained_variance(find_trends(alike, resamples=10), alike), [0, 0, 0])


def test_another_history():
    with pytest.raises(InputError, match="found in another history"):
        explained_variance(trends(), history("small"))


def test_umap_explains_no_variance():
    import dataclasses

    placed = dataclasses.replace(trends(), settings=trends().settings | {"reduction": "umap"}, explained=None)
    with pytest.raises(InputError, match="reduced by 'umap'"):
        explained_variance(placed, history())
