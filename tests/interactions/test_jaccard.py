"""Overlap of salient sets and what chance makes of it, against sets of Python and enumeration (METHODS A7)."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

from layerlore.interactions import jaccard


def number(value):
    return np.full((), float(value))


def enumerated(first, second, pool):
    """Mean IoU of a fixed set of size ``first`` with all sets of size ``second``."""
    fixed = set(range(first))
    found = []
    for chosen in itertools.combinations(range(pool), second):
        union = fixed | set(chosen)
        found.append(Fraction(len(fixed & set(chosen)), len(union)))
    return sum(found) / len(found)


def by_formula(first, second, pool):
    """``E[h / (a + b - h)]`` with binomial coefficients, in fractions."""
    return sum(
        Fraction(h, first + second - h)
        * Fraction(math.comb(first, h) * math.comb(pool - first, second - h), math.comb(pool, second))
        for h in range(max(0, first + second - pool), min(first, second) + 1)
    )


@pytest.mark.parametrize("pool", range(1, 7))
def test_chance_is_what_enumeration_of_all_sets_gives(pool):
    for first, second in itertools.product(range(pool + 1), repeat=2):
        found = jaccard.expected_iou(((first, second, pool, 1.0),))
        if first + second == 0:
            assert math.isnan(found)
        else:
            # A handful of float operations on numbers of size 1.
            assert found == pytest.approx(float(enumerated(first, second, pool)), rel=1e-13, abs=1e-15)


@pytest.mark.parametrize(("first", "second", "pool"), [(3, 900, 924), (100, 37, 924), (462, 462, 924), (2, 5, 48620)])
def test_chance_of_large_sets(first, second, pool):
    # Logarithms are added up over at most 462 steps: a few hundred roundings of 1e-16 times at most 20.
    assert jaccard.expected_iou(((first, second, pool, 1.0),)) == pytest.approx(
        float(by_formula(first, second, pool)), rel=1e-11
    )


def test_chance_is_exactly_one_where_both_sets_hold_everything_and_zero_where_one_is_empty():
    for pool in (1, 7, 924):
        assert jaccard.expected_iou(((pool, pool, pool, 1.0),)) == 1.0
        assert jaccard.expected_iou(((0, pool, pool, 1.0),)) == 0.0


def test_chance_does_not_depend_on_which_set_comes_first():
    for first, second in itertools.combinations(range(1, 60, 7), 2):
        one = (first, second, 66, 0.3), (second, first, 70, 1.0)
        other = tuple((b, a, pool, share) for a, b, pool, share in one)
        assert jaccard.expected_iou(one[:1]) == jaccard.expected_iou(other[:1])
        assert jaccard.expected_iou(one) == jaccard.expected_iou(other)


def test_pooled_chance_is_enumerated_over_all_strata_together():
    strata = ((1, 2, 4, 1.0), (2, 2, 5, 1.0), (0, 1, 1, 1.0))
    values = []
    for chosen in itertools.product(*(itertools.combinations(range(pool), b) for _, b, pool, _ in strata)):
        both = union = 0
        for (first, _, _, _), there in zip(strata, chosen, strict=True):
            here = set(range(first))
            both, union = both + len(here & set(there)), union + len(here | set(there))
        values.append(Fraction(both, union))
    assert jaccard.expected_iou(strata) == pytest.approx(float(sum(values) / len(values)), rel=1e-13)


def test_chance_with_signs_is_enumerated_over_shuffled_signed_sets():
    pool = 5
    first, second = [1, 1, -1, 0, 0], [1, -1, -1, -1, 0]
    values = []
    for shuffled in itertools.permutations(second):
        pairs = list(zip(first, shuffled, strict=True))
        union = sum(a != 0 or b != 0 for a, b in pairs)
        values.append(Fraction(sum(a == b != 0 for a, b in pairs), union))
    # Two of three and one of four are positive: 2 * 1 + 1 * 3 of 12 pairs have one sign.
    found = jaccard.expected_iou(((3, 4, pool, 5 / 12),))
    assert found == pytest.approx(float(sum(values) / len(values)), rel=1e-13)


def random_effects(rng, *batch):
    effects = rng.standard_normal((*batch, 2, 16)) * rng.choice([0.02, 1.0], (*batch, 2, 16))
    effects[..., 0] = 5.0  # What stands at the empty set counts for nothing.
    effects[..., 1, [1, 2, 4, 8]] = 0
    return effects


def slow(first, second, thresholds, units, sign_aware):
    """Sets and sums of one game by op and order, one interaction at a time."""
    cells = {}
    for op, order in itertools.product(range(2), range(1, 5)):
        ours, theirs = (
            {s for s in range(1, 16) if bin(s).count("1") == order and abs(effects[op, s]) > threshold}
            for effects, threshold in zip((first, second), thresholds, strict=True)
        )
        matched = {s for s in ours & theirs if not sign_aware or first[op, s] * second[op, s] > 0}
        smaller = larger = 0.0
        for s in ours | theirs:
            a = abs(first[op, s]) / units[0] if s in ours else 0.0
            b = abs(second[op, s]) / units[1] if s in theirs else 0.0
            larger += max(a, b)
            smaller += min(a, b) if s in matched else 0.0
        positive = [sum(effects[op, s] > 0 for s in found) for effects, found in ((first, ours), (second, theirs))]
        cells[op, order - 1] = (ours, theirs, matched, smaller, larger, positive)
    return cells


@pytest.mark.parametrize("sign_aware", [False, True])
def test_overlap_by_definition(sign_aware):
    rng = np.random.default_rng(4)
    first, second = random_effects(rng, 3), random_effects(rng, 3)
    second[0] = first[0] * 2
    thresholds, units = (np.full(3, 0.3), np.full(3, 0.6)), (np.full(3, 2.0), np.full(3, 5.0))
    found = jaccard.overlap(first, second, thresholds, units, sign_aware)
    values = jaccard.iou(found), jaccard.weighted_iou(found), jaccard.chance_iou(found)
    for game in range(3):
        cells = slow(first[game], second[game], (0.3, 0.6), (2.0, 5.0), sign_aware)
        for place, (ours, theirs, matched, smaller, larger, positive) in cells.items():
            iou, weighted, chance = (value[(game, *place)] for value in values)
            if not ours | theirs:
                assert np.isnan([iou, weighted, chance]).all()
                continue
            assert iou == len(matched) / len(ours | theirs)
            assert weighted == pytest.approx(smaller / larger, rel=1e-13)
            pairs = max(1, len(ours) * len(theirs))
            agreeing = positive[0] * positive[1] + (len(ours) - positive[0]) * (len(theirs) - positive[1])
            share = agreeing / pairs if sign_aware else 1
            expected = share * by_formula(len(ours), len(theirs), math.comb(4, place[1] + 1))
            assert chance == pytest.approx(float(expected), rel=1e-12)
        every = [jaccard.iou(jaccard.pooled(found))[game, 0, 0], jaccard.pooled_chance_iou(found)[game]]
        matches = sum(len(matched) for _, _, matched, *_ in cells.values())
        unions = sum(len(ours | theirs) for ours, theirs, *_ in cells.values())
        assert every[0] == matches / unions
        assert 0 < every[1] < 1
    # Twice the effects at two and a half times the unit, all above twice the threshold: 2 / 2.5 of the strength.
    assert np.nanmax(np.abs(values[1][0] - 0.8)) < 1e-12
    assert np.nanmin(values[0][0]) == 1.0


def test_pooling_one_op_is_pooling_its_orders():
    rng = np.random.default_rng(5)
    first, second = random_effects(rng, 2), random_effects(rng, 2)
    found = jaccard.overlap(first, second, (number(0.2), number(0.2)), (number(1), number(1)))
    only = jaccard.of_op(found, 1)
    assert np.array_equal(jaccard.pooled(only).first[..., 0, 0], found.first[:, 1].sum(-1))
    strata = [
        tuple(
            (int(found.first[g, 1, m]), int(found.second[g, 1, m]), math.comb(4, m + 1), 1.0)
            for m in range(4)
            if found.first[g, 1, m] + found.second[g, 1, m]
        )
        for g in range(2)
    ]
    assert jaccard.pooled_chance_iou(only).tolist() == [jaccard.expected_iou(part) for part in strata]


def test_overlap_is_symmetric():
    rng = np.random.default_rng(6)
    first, second = random_effects(rng, 4), random_effects(rng, 4)
    measures = (number(0.2), number(0.7)), (number(1), number(3))
    here = jaccard.overlap(first, second, *measures, sign_aware=True)
    there = jaccard.overlap(second, first, *(pair[::-1] for pair in measures), sign_aware=True)
    for function in (jaccard.iou, jaccard.weighted_iou, jaccard.chance_iou, jaccard.pooled_chance_iou):
        assert np.array_equal(function(here), function(there), equal_nan=True)


def test_a_layer_without_unit_has_no_strengths_but_sets():
    rng = np.random.default_rng(7)
    first = random_effects(rng, 1)
    found = jaccard.overlap(first, first, (number(0.2), number(0.2)), (number(1), number(0)))
    assert np.isnan(jaccard.weighted_iou(found)).all()
    assert jaccard.iou(found)[0, 0, 0] == 1.0


def test_correction_maps_chance_to_zero_and_equality_to_one():
    mean, chance = np.array([0.2, 1.0, 0.6, 1.0]), np.array([0.2, 0.3, 0.8, 1.0])
    found = jaccard.corrected(mean, chance)
    np.testing.assert_allclose(found[:3], [0.0, 1.0, -1.0], atol=1e-12)
    assert np.isnan(found[3])
