import numpy as np
import pytest

from layerlore.dynamics.trends import separation
from layerlore.dynamics.trends.cleaning import clean_robustly
from layerlore.dynamics.trends.reduction import scale_steps
from layerlore.dynamics.trends.separation import _right
from layerlore.dynamics.trends.settings import Settings
from layerlore.errors import InputError
from reference.trends import nearest_course, planted, table

RNG = np.random.default_rng


@pytest.mark.parametrize("seed", range(4))
def test_leaving_one_out_by_loops(seed):
    rows, codes = RNG(seed).normal(size=(25, 6)) + RNG(seed).integers(0, 2, (25, 1)), np.arange(25) % 3
    assert _right(rows, codes).tolist() == nearest_course(rows, codes).tolist()


def test_planted_groups_are_told_apart_and_shuffled_ones_are_not():
    history, truth = planted(0, n_outliers=0)
    kinds = ["conv", "linear", "norm"]
    known = table(history.values(), kinds=[kinds[label] for label in truth])
    found = separation(known)
    assert found.accuracy == 1.0
    assert found.p == pytest.approx(1 / 200)
    assert found.per_group == {"conv": 1.0, "linear": 1.0, "norm": 1.0}
    assert 0.2 < found.chance < 0.5
    shuffled = dict(zip(known.layers, RNG(1).permutation([kinds[label] for label in truth]).tolist(), strict=True))
    assert separation(known, groups=shuffled).p > 0.01


def test_accuracy_is_the_mean_over_groups():
    history, truth = planted(1, n_outliers=0)
    groups = {layer: "a" if place % 3 else "b" for place, layer in enumerate(history.layers)}
    found = separation(history, groups=groups)
    rows = scale_steps(clean_robustly(history.values(), Settings()).table, np.ones(len(truth), np.int64), "pareto")
    codes = np.array([0 if groups[layer] == "a" else 1 for layer in history.layers])
    right = nearest_course(rows, codes)
    assert found.accuracy == pytest.approx((right[codes == 0].mean() + right[codes == 1].mean()) / 2)


def test_frozen_unknown_and_rare_layers_are_left_out():
    history, truth = planted(2, n_outliers=0)
    values = history.values()
    values[0], values[1] = 0.0, np.nan
    kinds = [f"kind {label}" for label in truth]
    kinds[2] = "rare"
    found = separation(table(values, kinds=kinds))
    assert (found.n_layers, found.left_out) == (len(values) - 3, 3)
    assert "rare" not in found.per_group


def test_wrong_calls():
    history, _ = planted(0)
    with pytest.raises(InputError, match="1 groups have at least 3 layers that change"):
        separation(history)
    with pytest.raises(InputError, match="measure='rwc_l2' is not known"):
        separation(history, "rwc_l2")
    with pytest.raises(InputError, match="groups: the layer='nowhere' is not known"):
        separation(history, groups={"nowhere": "a"})
    with pytest.raises(InputError, match="standardise='no'"):
        separation(history, standardise="no")
    with pytest.raises(InputError, match="permutations=3"):
        separation(history, permutations=3)
