from itertools import permutations

import numpy as np
import pytest

from layerlore.dynamics.trends import find_trends, match_trends, trends_agreement, trends_over_time
from layerlore.dynamics.trends.matching import relabelled
from layerlore.errors import InputError
from reference.trends import planted, table

pytestmark = pytest.mark.usefixtures("without_type_checks")
RNG = np.random.default_rng


def three(seed: int = 0):
    return find_trends(planted(seed)[0], n_clusters=3, resamples=10)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_any_renaming_is_undone(order):
    found = three()
    renamed = relabelled(found, dict(enumerate(order)))
    back = match_trends(found, renamed)
    assert back.labels.tolist() == found.labels.tolist()
    assert back.cluster_stability == found.cluster_stability
    assert back.profiles.equals(found.profiles)
    assert sorted(map(str, back.composition)) == sorted(map(str, found.composition))


def test_renaming_moves_everything_that_belongs_to_a_trend():
    found = three()
    renamed = relabelled(found, {0: 7, 1: 0, 2: 1})
    assert renamed.trends == [0, 1, 7]
    assert renamed.members(7) == found.members(0)
    assert renamed.cluster_stability == [found.cluster_stability[place] for place in (1, 2, 0)]
    np.testing.assert_array_equal(renamed.profiles["mean"].sel(trend=7), found.profiles["mean"].sel(trend=0))
    assert renamed.groups["outlier"] == found.groups["outlier"]


def test_a_trend_without_a_partner_gets_a_new_label():
    history, _ = planted(0)
    two, four = (find_trends(history, n_clusters=k, resamples=10) for k in (2, 4))
    matched = match_trends(two, four)
    assert len(matched.trends) == 4
    assert {0, 1} <= set(matched.trends)
    assert set(matched.trends) - {0, 1} == {2, 3}
    fewer = match_trends(four, two)
    assert set(fewer.trends) <= {0, 1, 2, 3}
    for label in fewer.trends:
        assert set(fewer.members(label)) & set(four.members(label))


def test_results_without_a_common_layer_are_refused():
    other = find_trends(table(planted(0)[0].values()[:12]), n_clusters=2, resamples=10)
    renamed = type(other)(**{**vars(other), "layers": [name + "x" for name in other.layers]})
    with pytest.raises(InputError, match="no layer in common"):
        match_trends(other, renamed)
    with pytest.raises(InputError, match="no layer is in all results"):
        trends_agreement([other, renamed])


def moving_history():
    """Two trends; after step 10 a third of the high layers joins the low ones."""
    rows = np.repeat([[2.0], [2.0], [-3.0]], 8, axis=0) * np.ones((1, 30))
    rows[8:16, 10:] = -3.0
    return table(np.exp(rows + 0.1 * RNG(0).normal(size=rows.shape)))


def test_a_path_over_time_keeps_its_label():
    history = moving_history()
    paths = trends_over_time(history, [6, 10, 30], n_clusters=2, resamples=10, smoothing=1)
    labels = np.stack([found.labels for found in paths])
    high, low = labels[0, 0], labels[0, 16]
    assert high != low
    assert (labels[:, :8] == high).all()
    assert (labels[:, 16:] == low).all()
    assert (labels[:2, 8:16] == high).all()
    # With 20 of 30 steps low, the layers that moved are nearer to the low ones.
    assert (labels[2, 8:16] == low).all()
    assert paths[1].profiles.sizes["step"] == 10


def test_labels_of_trends_that_are_gone_are_not_used_again(monkeypatch):
    rows = np.repeat([[5.0], [0.0], [-2.0]], [8, 8, 6], axis=0) * np.ones((1, 9))
    history = table(np.exp(rows + 0.05 * RNG(0).normal(size=rows.shape)))
    three, two = (find_trends(history, n_clusters=k, resamples=10) for k in (3, 2))
    several = iter([three, two, three])
    monkeypatch.setattr("layerlore.dynamics.trends.matching.find_trends", lambda *_: next(several))
    first, second, third = trends_over_time(history, [3, 6, 9])
    assert first.trends == [0, 1, 2]
    assert second.trends == [0, 1]
    # The trend that comes back is not taken for the one that went: nothing says that it is the same.
    assert third.trends == [0, 1, 3]


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        ([], "ends is empty"),
        ([5, 5], r"ends=\[5, 5\] must increase"),
        ([0, 5], "must lie within the record, which goes from step 1 to 30"),
        ([5, 31], "must lie within the record, which goes from step 1 to 30"),
    ],
)
def test_wrong_ends(ends, said):
    with pytest.raises(InputError, match=said):
        trends_over_time(moving_history(), ends)


def test_an_error_on_the_way_names_the_time():
    with pytest.raises(InputError, match="up to step 4: n_clusters=20 needs at least 40"):
        trends_over_time(moving_history(), [4, 30], n_clusters=20)


def test_agreement_over_seeds():
    history, _ = planted(0)
    results = [find_trends(history, n_clusters=3, resamples=10, seed=seed) for seed in range(3)]
    odd = relabelled(results[1], {0: 2, 1: 0, 2: 1})
    labels = odd.labels.copy()
    labels[0] = -1
    found = trends_agreement([results[0], type(odd)(**{**vars(odd), "labels": labels}), results[2]])
    assert found.labels.tolist() == results[0].labels.tolist()
    assert found.share[0] == pytest.approx(2 / 3)
    assert (found.share[1:] == 1).all()
    assert found.rand.shape == (3, 3)
    assert found.rand[0, 2] == 1
    assert found.mean < 1
    assert found.to_json()["labels"] == found.labels.tolist()
    with pytest.raises(InputError, match="1 result given"):
        trends_agreement(results[:1])
