"""Curves show effects that exist, at ranks that they have."""

import numpy as np

from layerlore.figures import sparsity_curves, sparsity_figure
from layerlore.figures.sparsity import _curve


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
        np.testing.assert_array_equal(curve.size, every[curve.rank - 1] / every[0])
        assert curve.n_zero == (every == 0).sum()


def test_the_threshold_is_crossed_at_the_number_of_salient_interactions(knowledge):
    salient = knowledge.salient().isel(target=0).sum(("sample", "op", "coalition"))
    for curve in sparsity_curves(knowledge):
        assert curve.n_salient == int(salient.sel(layer=curve.layer))
        size = dict(zip(curve.rank.tolist(), curve.size.tolist(), strict=True))
        assert size[curve.n_salient] > curve.threshold >= size[curve.n_salient + 1]
        # A ratio of a product by 0.05: two roundings.
        assert np.isclose(curve.threshold, 0.05, rtol=1e-15, atol=0)


def test_few_points_stand_for_many_effects():
    curve = _curve("layer", np.linspace(1, 1e-3, 100_000), 0.05, points=200)
    assert 150 < len(curve.rank) <= 202
    assert (curve.rank[0], curve.rank[-1]) == (1, 100_000)
    assert {curve.n_salient, curve.n_salient + 1} <= set(curve.rank.tolist())


def test_curves_of_some_layers(knowledge):
    assert [curve.layer for curve in sparsity_curves(knowledge, layers=["output", "tanh1"])] == ["output", "tanh1"]


def test_the_figure_counts_per_sample(knowledge):
    curve, line = sparsity_curves(knowledge)[0], sparsity_figure(knowledge).data[0]
    np.testing.assert_array_equal(line.x, curve.rank / 4)
    assert line.name == "tanh1"
    assert np.nanmin(line.y) >= 1e-4
