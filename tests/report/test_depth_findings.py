"""What is told of a run is what its result holds, and no more is claimed than intervals support."""

import math

import numpy as np
import pytest

from layerlore.interactions.salience import is_salient
from layerlore.report.depth_findings import (
    HALF,
    findings,
    forgetting,
    holding,
    pooled_ratio,
    reading,
    steepest,
)
from layerlore.report.depth_pass import depth_pass
from layerlore.report.summary import Estimate, Step, steps
from report.tiny import tiny

LINES = (1.0, 0.1, 0.0, 0.9)


def step(layer, completeness, redundancy=(0.2, 0.1, 0.3)):
    """A step from a layer to the output; each ratio with the ends of its interval."""
    return Step(layer, "output", Estimate(*completeness), Estimate(*redundancy), *LINES)


@pytest.fixture(scope="module")
def told():
    found = depth_pass(tiny("table"))
    return findings(found, steps(found.ledger, tiny("table").layers))


def test_the_steepest_rise_is_claimed_only_where_intervals_lie_apart():
    flat, high, higher = step("a", (0.2, 0.1, 0.3)), step("b", (0.6, 0.4, 0.8)), step("c", (0.7, 0.6, 0.9))
    found = steepest([flat, high, higher])
    assert found is not None
    assert (found.before.earlier, found.after.earlier, found.apart) == ("a", "b", True)
    assert found.gain == pytest.approx(0.4)
    near = steepest([step("a", (0.2, 0.1, 0.45)), high])
    assert near is not None
    assert not near.apart


@pytest.mark.parametrize("shares", [[], [0.5], [0.9, 0.5, 0.4]])
def test_no_rise_where_nothing_rises(shares):
    assert steepest([step(str(share), (share, share, share)) for share in shares]) is None


def test_from_where_on_more_than_half_is_held():
    rows = [
        step("a", (0.9, 0.8, 1.0)),
        step("b", (0.6, HALF, 0.8)),
        step("c", (0.8, 0.7, 0.9)),
        step("d", (0.7, 0.6, 1)),
    ]
    found = holding(rows)
    assert found is not None
    # The lower end of b's interval is one half, not more.
    assert (found.first, found.least.earlier) == ("c", "d")
    none = holding(rows[:2])
    assert none is not None
    assert (none.first, none.least.earlier) == (None, "a")
    assert holding([]) is None


def test_rivals_of_the_layer_that_forgets_most():
    rows = [
        step("a", (0.5, 0.4, 0.6), (0.3, 0.2, 0.4)),
        step("b", (0.5, 0.4, 0.6), (0.6, 0.5, 0.7)),
        step("c", (0.5, 0.4, 0.6), (0.4, 0.3, 0.5)),
    ]
    found = forgetting(rows)
    assert found is not None
    assert (found.step.earlier, found.rivals) == ("b", 1)
    assert forgetting([step("a", (0.5, 0.4, 0.6), (0.0, 0.0, 0.0))]) is None


def test_a_ratio_is_one_of_sums_and_its_interval_that_of_the_ledger():
    knowledge = tiny("table")
    found = depth_pass(knowledge)
    sums = found.sums[:, 0, 0].sum((-2, -1))
    ours, total = pooled_ratio(sums[:, 0], sums[:, 4]), found.ledger.total.isel(target=0, layer=0)
    # The same sums in another order of additions; 1e-12 is a thousand roundings.
    np.testing.assert_allclose(
        [ours.value, ours.low, ours.high],
        [float(total[f"completeness{end}"]) for end in ("", "_low", "_high")],
        rtol=1e-12,
        atol=0,
    )
    nothing = pooled_ratio(np.zeros(4), np.zeros(4))
    assert not nothing.known
    assert math.isnan(nothing.low)


def test_simple_interactions_by_hand(told):
    """Every salient interaction of the output, one after the other."""
    knowledge = tiny("table")
    strength = {True: 0.0, False: 0.0}
    for sample in range(4):
        effects = knowledge.effects(sample)
        for op, coalition in np.argwhere(is_salient(effects, knowledge.thresholds())[0, -1]):
            strength[int(coalition).bit_count() <= 2] += abs(effects[0, -1, op, coalition])
    assert told.simple is not None
    assert told.simple.strength.value == pytest.approx(strength[True] / sum(strength.values()), rel=1e-12)
    rows = knowledge.ledger().by_order.isel(target=0).sel(layer=told.simple.step.earlier)
    for orders, found in (([1, 2], told.simple.completeness), ([3, 4, 5], told.simple.complex_completeness)):
        part = rows.sel(order=orders).sum()
        if float(part.all_later) > 0:
            assert found.value == pytest.approx(float(part.overlap / part.all_later), rel=1e-12)
        else:
            assert not found.known


def test_lives_are_those_of_the_result(told):
    before = tiny("table").survival().isel(target=0, layer=slice(None, -1))
    count = float(before.appearing.sum())
    assert told.lives is not None
    for name, found in (("layers", told.lives.layers), ("reaching_output", told.lives.arriving)):
        expected = float((before.appearing * before[name].fillna(0)).sum()) / count
        assert found.value == pytest.approx(expected, rel=1e-12)
        assert found.low <= found.value <= found.high


@pytest.mark.parametrize("reference", ["previous", "tanh2"])
def test_only_layers_compared_with_one_other_are_ranked(reference):
    """With the layer before, completeness of two steps is that of two different things."""
    knowledge = tiny("table")
    found = depth_pass(knowledge)
    told = findings(found, steps(knowledge.ledger(reference), knowledge.layers))
    assert told.rise is None
    assert told.holding is not None
    assert told.holding.least.later == "output"


def test_probes_are_read_by_depth():
    knowledge = tiny("table")
    found = reading(knowledge)
    rows = {row["layer"]: row["validation_accuracy"] for row in knowledge.manifest["quality"]}
    assert found is not None
    assert (found.first, found.last) == ("tanh1", "tanh2")
    assert (found.first_accuracy, found.last_accuracy, found.network) == tuple(
        rows[name] for name in ("tanh1", "tanh2", "output")
    )
    assert found.chance == knowledge.manifest["chance"]


def test_a_layer_without_a_unit_is_passed_over():
    nothing = step("a", (math.nan,) * 3, (math.nan,) * 3)
    found = depth_pass(tiny("table"))
    told = findings(found, [nothing, step("b", (0.4, 0.3, 0.5))])
    assert told.rise is None
    assert told.holding is not None
    assert told.holding.least.earlier == "b"
    assert told.forgetting is not None
    assert told.forgetting.step.earlier == "b"
