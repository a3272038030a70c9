import numpy as np
import pytest
from scipy.stats import fisher_exact

from layerlore.dynamics.record import WeightInfo
from layerlore.dynamics.trends.composition import adjust, compose

RNG = np.random.default_rng


def weights(kinds, shapes=None):
    shapes = [()] * len(kinds) if shapes is None else shapes
    return [WeightInfo(f"w{n}", kind, shape, n) for n, (kind, shape) in enumerate(zip(kinds, shapes, strict=True))]


def test_every_cell_is_fishers_exact_test():
    kinds = RNG(0).choice(["conv", "pointwise", "depthwise"], 30).tolist()
    labels = RNG(1).integers(-2, 3, 30)
    lines = compose(labels, weights(kinds, [(int(n), 2) for n in RNG(2).integers(1, 99, 30)]))
    assert {line["what"] for line in lines} == {"kind", "depth", "size"}
    assert len(lines) == 5 * 9
    for line in lines:
        a, n, k, total = line["members"], line["group_size"], line["with_value"], line["layers"]
        table = [[a, n - a], [k - a, total - n - k + a]]
        assert line["p"] == pytest.approx(fisher_exact(table, alternative="greater").pvalue, rel=1e-9)
        assert line["expected"] == pytest.approx(n * k / total)
        assert line["p"] <= line["p_adjusted"] <= 1
    per_kind = [line for line in lines if line["what"] == "kind" and line["value"] == "conv"]
    assert sum(line["members"] for line in per_kind) == kinds.count("conv")


def test_adjustment_by_definition():
    p = RNG(0).random(12) ** 2
    ranks = np.argsort(np.argsort(p)) + 1
    slow = [min(1.0, *(p[j] * 12 / ranks[j] for j in range(12) if p[j] >= p[i])) for i in range(12)]
    np.testing.assert_allclose(adjust(p), slow, rtol=1e-12)
    assert adjust(np.array([])).size == 0


def test_unknown_kinds_and_sizes_are_left_out_and_thirds_are_by_depth():
    lines = compose(np.array([0, 0, 0, 1, 1, 1, 1]), weights(["other"] * 7))
    assert {line["what"] for line in lines} == {"depth"}
    early = next(line for line in lines if line["label"] == 0 and line["value"] == "early")
    assert (early["members"], early["with_value"]) == (3, 3)
    mixed = weights(["conv"] * 7, [(3, 3)] * 6 + [()])
    assert {line["what"] for line in compose(np.zeros(7, np.int64), mixed)} == {"kind", "depth"}


def test_tertiles_of_size():
    lines = compose(np.zeros(6, np.int64), weights(["other"] * 6, [(n,) for n in (1, 2, 30, 40, 500, 600)]))
    sizes = {line["value"]: line["with_value"] for line in lines if line["what"] == "size"}
    assert sizes == {"small": 2, "medium": 2, "large": 2}
