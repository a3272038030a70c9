"""The scree curve shows the shares of variance that the trends come with."""

import numpy as np
import pytest

from figures.results import words_in
from figures.words import words_of
from layerlore import History
from layerlore.dynamics.trends import explained_variance, find_trends
from layerlore.errors import InputError
from layerlore.figures import printed, scree, scree_figure
from layerlore.figures.scree import MOST_COMPONENTS, NOTHING
from report.histories import history, trends


def test_bars_and_their_sum():
    shares = explained_variance(trends(), history())
    found = scree(trends(), history())
    np.testing.assert_array_equal(found.share, shares)
    np.testing.assert_allclose(found.cumulative[:2], [shares[0], shares[0] + shares[1]], rtol=1e-15)
    assert found.n_components == len(shares) == 18
    bars, line = scree_figure(trends(), history()).data
    np.testing.assert_array_equal(bars.y, found.share)
    np.testing.assert_array_equal(line.y, found.cumulative)
    np.testing.assert_array_equal(bars.x, range(1, 19))
    assert len(set(bars.marker.color[:2])) == 1
    assert bars.marker.color[2] != bars.marker.color[1]
    axes = printed.scree_figure(trends(), history()).axes[0]
    np.testing.assert_array_equal([bar.get_height() for bar in axes.patches], found.share)
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), found.cumulative)


def test_of_many_components_the_first_are_drawn():
    table = np.exp(np.random.default_rng(0).standard_normal((40, 60)))
    many = History.from_table([f"layer{number}" for number in range(40)], table)
    found = scree(find_trends(many, n_clusters=2, resamples=10), many)
    assert len(found.share) == MOST_COMPONENTS
    assert found.n_components > MOST_COMPONENTS
    assert found.cumulative[-1] < 1


def test_nothing_is_said_to_be_nothing():
    still = History.from_table(["a", "b"], np.zeros((2, 3)), measure="rwc_l1")
    none = find_trends(still, resamples=10)
    assert NOTHING in words_of(scree_figure(none, still))
    assert NOTHING in words_in(printed.scree_figure(none, still))


def test_another_history():
    with pytest.raises(InputError, match="another history"):
        printed.scree_figure(trends(), history("small"))
