"""Sums of all samples, and intervals that carry the units' own uncertainty (METHODS A6, A9)."""

import numpy as np
import pytest

from layerlore.interactions.bootstrap import interval, resampling_weights
from layerlore.interactions.calibration import Yardsticks
from layerlore.interactions.compare import layer_sums, with_moving_units
from layerlore.interactions.ledger import RATIOS, build_ledger
from layerlore.interactions.shares import SUMS
from reference import ledger_by_definition as definition

GUIDES = {"final": (2, 2, None), "previous": (1, 2, None), 1: (1, None, 1), 0: (None, 0, 0)}
N_SAMPLES, N_TARGETS, N_LAYERS = 4, 2, 3


def setting():
    rng = np.random.default_rng(0)
    effects = list(rng.standard_normal((N_SAMPLES, N_TARGETS, N_LAYERS, 2, 8)))
    reach = rng.uniform(0.2, 2, (N_SAMPLES, N_TARGETS, N_LAYERS))
    units = reach.mean(0)
    levels = np.array(
        [
            [definition.threshold([s[target, layer] for s in effects]) for layer in range(N_LAYERS)]
            for target in range(N_TARGETS)
        ]
    )
    return effects, reach, Yardsticks(units, levels / units)


@pytest.mark.parametrize("reference", GUIDES)
def test_rows_are_the_comparisons_of_the_definition(reference):
    effects, _, measures = setting()
    found = layer_sums(effects, GUIDES[reference], measures)
    pairs = definition.pairs_of(reference, N_LAYERS)
    assert found.shape == (N_SAMPLES, N_TARGETS, len(pairs), 5, 2, 3)
    for sample, target in np.ndindex(N_SAMPLES, N_TARGETS):
        for row, pair in enumerate(pairs):
            sides = [
                (
                    layer,
                    effects[sample][target, layer] / measures.units[target, layer],
                    measures.thresholds[target, layer],
                )
                for layer in pair
            ]
            expected = definition.compare_in_order(*sides)
            for position, name in enumerate(SUMS):
                np.testing.assert_allclose(found[sample, target, row, position], expected[name], rtol=1e-12)


def test_a_layer_without_unit_is_undefined_and_the_others_are_not():
    effects, _, measures = setting()
    units, thresholds = measures.units.copy(), measures.thresholds.copy()
    units[0, 1], thresholds[0, 1] = 0, np.nan
    found = layer_sums(effects, GUIDES["previous"], Yardsticks(units, thresholds))
    known = layer_sums(effects, GUIDES["previous"], measures)
    assert np.isnan(found[:, 0, 0, :3]).all()
    assert np.isnan(found[:, 0, 1, :3]).all()
    assert np.array_equal(found[:, 0, 1, SUMS.index("all_later")], known[:, 0, 1, SUMS.index("all_later")])
    assert np.array_equal(found[:, 1], known[:, 1])


def test_moving_units_are_those_of_each_resample():
    effects, reach, measures = setting()
    weights = resampling_weights(N_SAMPLES, 25, 1)
    guides = GUIDES["previous"]
    nothing = np.full((N_SAMPLES, N_TARGETS, 2, 5, 2, 3), np.nan)
    coords = {"target": ["t", "u"], "layer": ["b", "output"]}

    def build(sums, drawn):
        return build_ledger(sums, nothing, nothing, coords, "previous", drawn, 0.8)

    fixed = build(layer_sums(effects, guides, measures), weights)
    moving = with_moving_units(fixed, build, effects, reach, guides, weights)

    target, row, (earlier, later) = 1, 0, (0, 1)
    draws = []
    for chances in weights:
        drawn = [i for i, chance in enumerate(chances) for _ in range(round(chance * N_SAMPLES))]
        unit = [np.mean([reach[i, target, layer] for i in drawn]) for layer in (earlier, later)]
        level = [definition.threshold([effects[i][target, layer] for i in drawn]) for layer in (earlier, later)]
        samples = [
            definition.compare(
                effects[i][target, earlier] / unit[0],
                effects[i][target, later] / unit[1],
                level[0] / unit[0],
                level[1] / unit[1],
            )
            for i in drawn
        ]
        draws.append(definition.pooled([{name: part.sum() for name, part in sample.items()} for sample in samples]))
    cell = moving.total.isel(target=target, layer=row)
    for name in (*SUMS, *RATIOS):
        low, high = interval(np.array([draw[name] for draw in draws]), 0.8)
        assert cell[f"{name}_low"].item() == pytest.approx(low, rel=1e-12), name
        assert cell[f"{name}_high"].item() == pytest.approx(high, rel=1e-12), name
        assert moving.total[name].equals(fixed.total[name])
        assert moving.by_order[name].equals(fixed.by_order[name])
    assert not moving.total.completeness_low.equals(fixed.total.completeness_low)
    assert (moving.reference, moving.confidence) == ("previous", 0.8)
