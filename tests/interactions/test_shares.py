"""Overlap, forgetting and what is new, against loops over sets of players (METHODS A6)."""

import numpy as np
import pytest

from layerlore.interactions.shares import SUMS, shares
from reference import ledger_by_definition as definition


def effects_with_ties(rng, n_players):
    """Whole numbers, so that sums are exact, thresholds are met exactly, and zeros and equal effects occur."""
    return rng.integers(-4, 5, (2, 1 << n_players)).astype(float)


@pytest.mark.parametrize("n_players", range(1, 6))
@pytest.mark.parametrize("levels", [(0.0, 0.0), (1.0, 2.0), (3.0, 0.0), (4.0, 1.0)])
def test_the_five_sums_are_those_of_the_definition(n_players, levels):
    rng = np.random.default_rng(n_players)
    for _ in range(10):
        earlier, later = effects_with_ties(rng, n_players), effects_with_ties(rng, n_players)
        found = shares(earlier, later, np.array(levels[0]), np.array(levels[1]))
        expected = definition.compare(earlier, later, *levels)
        for position, name in enumerate(SUMS):
            assert np.array_equal(getattr(found, name), expected[name]), name
            assert np.array_equal(found.stacked()[position], expected[name]), name


def test_one_interaction_worked_by_hand():
    def sums(earlier, later, earlier_threshold=1.0, later_threshold=1.0):
        at = np.zeros((2, 2, 4))
        at[0, 1, 3], at[1, 1, 3] = earlier, later
        found = shares(at[0], at[1], np.array(earlier_threshold), np.array(later_threshold))
        assert not found.stacked()[:, 0].any()
        assert not found.stacked()[:, 1, 0].any()
        return found.stacked()[:, 1, 1].tolist()

    # overlap, forget, new, all of the earlier, all of the later
    assert sums(5.0, 3.0) == [3.0, 2.0, 0.0, 5.0, 3.0]
    assert sums(-3.0, -5.0) == [3.0, 0.0, 2.0, 3.0, 5.0]
    assert sums(5.0, -3.0) == [0.0, 5.0, 3.0, 5.0, 3.0]
    assert sums(5.0, 0.5) == [0.0, 5.0, 0.0, 5.0, 0.0]
    assert sums(1.0, 5.0) == [0.0, 0.0, 5.0, 0.0, 5.0]
    assert sums(1.0, 5.0, earlier_threshold=0.5) == [1.0, 0.0, 4.0, 1.0, 5.0]
    assert sums(5.0, 3.0, later_threshold=3.0) == [0.0, 5.0, 0.0, 5.0, 0.0]


def test_the_empty_set_is_never_compared():
    earlier, later = np.zeros((2, 2, 8))
    earlier[:, 0], later[:, 0] = 7.0, 7.0
    assert not shares(earlier, later, np.array(0.0), np.array(0.0)).stacked().any()


@pytest.mark.parametrize("undefined", ["earlier", "later", "both"])
def test_a_layer_without_unit_makes_undefined_what_is_compared_with_it(undefined):
    rng = np.random.default_rng(0)
    earlier, later, nothing = effects_with_ties(rng, 3), effects_with_ties(rng, 3), np.full((2, 8), np.nan)
    level, none = np.array(1.0), np.array(np.nan)
    known = shares(earlier, later, level, level)
    first = (earlier, level) if undefined == "later" else (nothing, none)
    second = (later, level) if undefined == "earlier" else (nothing, none)
    found = shares(first[0], second[0], first[1], second[1])
    for name in ("overlap", "forget", "new"):
        assert np.isnan(getattr(found, name)).all(), name
    assert np.array_equal(found.all_earlier, known.all_earlier) == (undefined == "later")
    assert np.array_equal(found.all_later, known.all_later) == (undefined == "earlier")
    assert np.isnan(found.all_earlier).all() == (undefined != "later")
    assert np.isnan(found.all_later).all() == (undefined != "earlier")


def test_leading_axes_are_compared_one_by_one_and_thresholds_broadcast():
    rng = np.random.default_rng(1)
    earlier, later = rng.integers(-4, 5, (2, 3, 2, 2, 8)).astype(float)
    levels = rng.integers(0, 3, (2, 2)).astype(float)
    found = shares(earlier, later, *levels).stacked()
    assert found.shape == (3, 2, 5, 2, 3)
    for i, j in np.ndindex(3, 2):
        expected = definition.compare(earlier[i, j], later[i, j], levels[0, j], levels[1, j])
        assert np.array_equal(found[i, j], np.stack([expected[name] for name in SUMS]))
