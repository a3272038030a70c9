"""Splits and calibration lines for other references, against one game at a time (METHODS A4, A6)."""

import re

import numpy as np
import pytest

from layerlore.errors import ConvergenceWarning
from layerlore.interactions.alignment import SplitSettings, reference_guides
from layerlore.interactions.realign import other_effects, realign
from layerlore.interactions.shares import SUMS
from reference import ledger_by_definition as definition

LAYERS = ["a", "b", "output"]
NOISE, SEED = 0.1, 7
OTHER = np.array([[1, 1], [2, -1], [0, 0]])


@pytest.fixture(scope="module")
def scores():
    rng = np.random.default_rng(2)
    found = rng.standard_normal((3, 2, 1, 8)) + 0.3 * rng.standard_normal((3, 2, 3, 8))
    found[..., -1] += 3.0
    return found


@pytest.mark.parametrize("reference", ["previous", "b"])
def test_effects_thresholds_ceiling_and_floor_by_definition(scores, reference):
    units = np.abs(scores[..., -1] - scores[..., 0]).mean(0)
    guides = reference_guides(LAYERS, reference)
    found = realign(scores, OTHER, units, guides, SplitSettings(), noise=NOISE, seed=SEED)
    position = LAYERS.index(reference) if reference in LAYERS else reference
    for target in range(2):
        effects = np.stack([definition.aligned(sample[target], units[target], position) for sample in scores])
        assert np.array_equal(np.stack([found.effects(i)[target] for i in range(3)]), effects)
        for layer in range(3):
            assert found.thresholds[target, layer] == definition.threshold(effects[:, layer])
    lines = definition.ledger_sums(scores, position, OTHER, NOISE, SEED)
    pairs = definition.pairs_of(position, 3)
    for name, computed in (("ceiling", found.ceiling), ("floor", found.floor)):
        for sample, target in np.ndindex(3, 2):
            for row, (layer, _) in enumerate(pairs):
                expected = lines[name][target][row][sample]
                for number, part in enumerate(SUMS):
                    place = computed[sample, target, layer, number]
                    if expected is None:
                        assert np.isnan(place).all()
                    else:
                        np.testing.assert_allclose(place, expected[part], rtol=1e-12, atol=1e-12)
        unguided = [layer for layer in range(3) if guides[layer] is None]
        assert np.isnan(computed[:, :, unguided]).all()


def test_where_there_is_no_other_sample_there_are_no_effects():
    effects = np.arange(2 * 2 * 1 * 2 * 4, dtype=float).reshape(2, 2, 1, 2, 4)
    found = other_effects(effects.__getitem__, np.array([1, -1]))
    assert np.array_equal(found[0], effects[1, 0])
    assert np.isnan(found[1]).all()


def test_games_that_miss_the_tolerance_are_counted_in_one_warning(scores):
    units = np.abs(scores[..., -1] - scores[..., 0]).mean(0)
    hasty = SplitSettings(tolerance=1e-9, max_iterations=50)
    with pytest.warns(ConvergenceWarning) as heard:
        realign(scores, OTHER, units, reference_guides(LAYERS, "b"), hasty, noise=NOISE, seed=SEED)
    assert len(heard) == 1
    assert re.fullmatch(
        r"\d+ of 18 games that were split anew .* missed the tolerance 1e-09: .*", str(heard[0].message)
    )
