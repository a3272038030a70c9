"""Ceiling and floor of a ledger (METHODS A4)."""

import numpy as np
import pytest

from layerlore.interactions.alignment import SplitSettings, effects_of, split_layers
from layerlore.interactions.calibration import Yardsticks, ceiling, floor, in_units, oriented_shares, perturbed
from layerlore.interactions.salience import SALIENCE, largest_effect
from layerlore.interactions.shares import SUMS, shares

SETTINGS = SplitSettings()
MIDDLE = (1, None, 1)
OVERLAP, FORGET, NEW, EARLIER, LATER = range(5)


def setting(n_targets=2, n_layers=3, n_players=3):
    """Scores, effects and yardsticks of one sample."""
    rng = np.random.default_rng(0)
    scores = rng.standard_normal((n_targets, 1, 1 << n_players)) + 0.5 * rng.standard_normal(
        (n_targets, n_layers, 1 << n_players)
    )
    scores[..., -1] += 3.0
    units = np.abs(scores[..., -1] - scores[..., 0])
    effects = effects_of(split_layers(scores, units, MIDDLE[:n_layers], SETTINGS))
    return scores, effects, Yardsticks(units, SALIENCE * largest_effect(effects) / units)


def test_noise_is_a_share_of_the_reach_of_each_game():
    scores = np.full((3, 1 << 12), 5.0)
    scores[:, -1] += [1.0, -10.0, 0.0]
    noise = perturbed(scores, 0.02, (4, 2)) - scores
    assert not noise[2].any()
    # 4096 draws: the deviation is known to 1/sqrt(2 * 4096) = 1.1 %.
    np.testing.assert_allclose(noise[:2].std(1), [0.02, 0.2], rtol=0.05)
    assert np.abs(noise[:2].mean(1)).max() < 5 * 0.2 / 64
    assert np.array_equal(noise, perturbed(scores, 0.02, (4, 2)) - scores)
    assert not np.array_equal(noise, perturbed(scores, 0.02, (4, 3)) - scores)
    assert np.array_equal(perturbed(scores, 0.0, (4, 2)), scores)


def test_effects_without_unit_are_undefined():
    effects = np.full((2, 2, 4), 6.0)
    found = in_units(effects, np.array([3.0, 0.0]))
    assert (found[0] == 2).all()
    assert np.isnan(found[1]).all()


def test_the_layer_that_computes_first_is_the_earlier():
    layer, guide = np.zeros((2, 2, 4))
    layer[0, 3], guide[0, 3] = 5.0, 2.0
    low, high = np.array(1.0), np.array(1.5)
    assert np.array_equal(oriented_shares(layer, guide, low, high, True), shares(layer, guide, low, high).stacked())
    assert np.array_equal(oriented_shares(layer, guide, low, high, False), shares(guide, layer, high, low).stacked())
    assert oriented_shares(layer, guide, low, high, True)[:, 0, 1].tolist() == [2, 3, 0, 5, 2]
    assert oriented_shares(layer, guide, low, high, False)[:, 0, 1].tolist() == [2, 0, 3, 2, 5]


def test_without_noise_the_ceiling_is_full_agreement():
    scores, effects, measures = setting()
    lines = ceiling(scores, effects, MIDDLE, measures, SETTINGS, 0.0, (0, 0))
    assert lines.shape == (2, 3, len(SUMS), 2, 3)
    assert np.isnan(lines[:, 1]).all()
    for layer in (0, 2):
        found = lines[:, layer].sum((-2, -1))
        # The copy is solved to the same certified gap of 2 %, pulled toward what it is a copy of.
        assert (found[:, OVERLAP] > 0.96 * found[:, LATER]).all()
        assert (found[:, FORGET] < 0.04 * found[:, EARLIER]).all()


def test_noise_lowers_the_ceiling_and_it_stands_in_the_layers_place():
    scores, effects, measures = setting()
    quiet, loud = (ceiling(scores, effects, MIDDLE, measures, SETTINGS, noise, (0, 0)) for noise in (0.01, 0.5))

    def overlap(lines):
        return lines[:, 0, OVERLAP].sum()

    assert overlap(loud) < overlap(quiet)
    # The guide is the later of layer 0 and the earlier of layer 2; the copy is one and the same.
    assert np.array_equal(loud[:, 0, LATER], loud[:, 2, EARLIER])
    assert np.array_equal(loud[:, 0, EARLIER], loud[:, 2, LATER])
    assert np.array_equal(loud[:, 0, FORGET], loud[:, 2, NEW])
    guide = in_units(effects[:, 1], measures.units[:, 1])
    level = measures.thresholds[:, 1]
    assert np.array_equal(loud[:, 0, LATER], shares(guide, guide, level, level).all_later)
    assert not np.array_equal(loud[:, 0, LATER], loud[:, 0, EARLIER])


def test_the_floor_of_a_sample_with_its_own_reference_is_its_own_ledger():
    scores, effects, measures = setting()
    lines = floor(scores, effects, MIDDLE, measures, SETTINGS)
    assert np.isnan(lines[:, 1]).all()
    relative = in_units(effects, measures.units)
    for layer in (0, 2):
        expected = oriented_shares(
            relative[:, layer],
            relative[:, 1],
            measures.thresholds[:, layer],
            measures.thresholds[:, 1],
            layer < 1,
        )
        np.testing.assert_array_equal(lines[:, layer], expected)


def test_the_floor_is_under_the_ledger_for_a_stranger():
    scores, effects, measures = setting(n_players=4)
    stranger = effects[..., ::-1].copy()
    stranger[..., 0] = 0
    own, other = (
        floor(scores, found, MIDDLE, measures, SETTINGS)[:, 0, OVERLAP].sum() for found in (effects, stranger)
    )
    assert other < own


@pytest.mark.parametrize("function", ["ceiling", "floor"])
def test_a_layer_without_unit_has_no_lines(function):
    scores, effects, measures = setting()
    units = measures.units.copy()
    units[0, 2] = 0
    thresholds = measures.thresholds.copy()
    thresholds[0, 2] = np.nan
    measures = Yardsticks(units, thresholds)
    guides = (2, 2, None)
    if function == "ceiling":
        lines = ceiling(scores, effects, guides, measures, SETTINGS, 0.01, (0, 0))
    else:
        lines = floor(scores, effects, guides, measures, SETTINGS)
    assert np.isnan(lines[0, :, [OVERLAP, FORGET, NEW]]).all()
    assert np.isfinite(lines[1, :2]).all()


def test_nobody_guided_gives_no_floor():
    scores, effects, measures = setting()
    assert np.isnan(floor(scores, effects, (None, None, None), measures, SETTINGS)).all()
