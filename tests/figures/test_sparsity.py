"""Curves show effects that exist, at ranks that they have."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from layerlore.figures import sparsity_curves, sparsity_figure
from layerlore.figures.sparsity import ACCURACY, LOWEST, N_BINS, _curve, count_sizes


def by_hand(knowledge, layer):
    """Absolute effects of all samples but the empty set and the OR of single players, in descending order."""
    row = knowledge.layers.index(layer)
    found = [
        abs(knowledge.effects(sample)[0, row, op, coalition])
        for sample in range(knowledge.n_samples)
        for op in range(2)
        for coalition in range(1, 1 << knowledge.n_players)
        if op == 0 or coalition.bit_count() > 1
    ]
    return np.array(sorted(found, reverse=True))


def test_every_point_is_an_effect_at_its_rank(knowledge):
    for curve in sparsity_curves(knowledge):
        every = by_hand(knowledge, curve.layer)
        assert curve.n_interactions == len(every)
        # Beside the middle of its bin a size is rounded twice: divided by the threshold, multiplied with its share.
        np.testing.assert_allclose(curve.size, every[curve.rank - 1] / every[0], rtol=ACCURACY + 1e-15, atol=0)
        assert curve.rank[-1] == (every > LOWEST * every[0]).sum()


def test_the_threshold_is_crossed_at_the_number_of_salient_interactions(knowledge):
    salient = knowledge.salient().isel(target=0).sum(("sample", "op", "coalition"))
    for curve in sparsity_curves(knowledge):
        assert curve.n_salient == int(salient.sel(layer=curve.layer))
        size = dict(zip(curve.rank.tolist(), curve.size.tolist(), strict=True))
        assert size[curve.n_salient] > 0.05 > size[curve.n_salient + 1]


@given(arrays(np.float64, (1, 1, 2, 16), elements=st.floats(-3, 3)), st.floats(1e-3, 3))
def test_bins_part_where_effects_become_salient(effects, threshold):
    # At the threshold itself, just above it and just below it.
    effects[0, 0, 0, :3] = threshold, np.nextafter(threshold, 9), -np.nextafter(threshold, 0)
    counts = count_sizes(effects, np.array([[threshold]]))[0, 0]
    assert counts.sum() == effects.size
    if counts[1:].any():
        assert _curve("layer", counts, 32, 5).n_salient == (abs(effects) > threshold).sum()


def test_a_layer_without_effects_has_no_threshold_and_no_sizes():
    counts = count_sizes(np.zeros((1, 1, 2, 8)), np.zeros((1, 1)))
    assert counts[0, 0].tolist() == [16] + [0] * (N_BINS - 1)


def test_few_points_stand_for_many_effects():
    effects = np.linspace(1, 1e-3, 131_072).reshape(1, 1, 2, 65_536)
    curve = _curve("layer", count_sizes(effects, np.full((1, 1), 0.05))[0, 0], 131_072, points=200)
    assert 150 < len(curve.rank) <= 202
    assert (curve.rank[0], curve.rank[-1]) == (1, 131_072)
    assert {curve.n_salient, curve.n_salient + 1} <= set(curve.rank.tolist())


def test_curves_of_some_layers(knowledge):
    assert [curve.layer for curve in sparsity_curves(knowledge, layers=["output", "tanh1"])] == ["output", "tanh1"]


def test_the_figure_counts_per_sample(knowledge):
    curve, line = sparsity_curves(knowledge)[0], sparsity_figure(knowledge).data[0]
    np.testing.assert_array_equal(line.x, curve.rank / 4)
    np.testing.assert_array_equal(line.y, curve.size)
    assert line.name == "tanh1"
    assert np.nanmin(line.y) >= 1e-4
