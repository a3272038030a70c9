"""The rule behind the three words."""

import json
import math

import numpy as np
import pytest

from layerlore.errors import RunError
from layerlore.zoo.studies.evidence import Evidence, mean_of
from layerlore.zoo.studies.verdict import (
    FAILS,
    HOLDS,
    OPEN,
    Claim,
    Statement,
    corrected,
    judged,
    judged_within,
    undecided,
)

STATEMENT = Statement("some", "something is positive", "a paper", "net", "units", "about 3")


def evidence(low, high, p=0.001):
    return Evidence((low + high) / 2, low, high, p, 20, "a test")


@pytest.mark.parametrize(
    ("low", "high", "p", "side", "verdict"),
    [
        (0.1, 0.3, 0.001, 1, HOLDS),
        (-0.3, -0.1, 0.001, 1, FAILS),
        (-0.3, -0.1, 0.001, -1, HOLDS),
        (0.1, 0.3, 0.001, -1, FAILS),
        (-0.1, 0.3, 0.001, 1, OPEN),
        (0.0, 0.3, 0.001, 1, OPEN),
        (0.1, 0.3, 0.2, 1, OPEN),
    ],
)
def test_interval_and_test_decide_together(low, high, p, side, verdict):
    claim = judged(STATEMENT, evidence(low, high, p), "the number", side=side)
    assert claim.verdict == verdict
    assert claim.why.startswith("The number is ")


def test_nothing_measured_is_not_decidable():
    claim = judged(STATEMENT, mean_of(np.array([np.nan])), "the number")
    assert (claim.verdict, claim.n) == (OPEN, 0)
    assert math.isnan(claim.number)
    assert "not defined" in claim.why
    shown = undecided(STATEMENT, "for 8 players", mean_of(np.arange(5.0)))
    assert (shown.number, shown.n, shown.verdict) == (2.0, 5, OPEN)
    assert math.isnan(shown.p_value)


@pytest.mark.parametrize(
    ("level", "spread", "verdict"), [(20, 1, HOLDS), (40, 1, FAILS), (10, 1, FAILS), (25, 20, OPEN)]
)
def test_within_a_range(level, spread, verdict):
    values = level + spread * np.random.default_rng(0).normal(size=30)
    claim = judged_within(STATEMENT, mean_of(values), "the number", 16.0, 25.0)
    assert claim.verdict == verdict
    assert (claim.p_value < 0.05) == (verdict != OPEN)


def test_holm_takes_back_what_does_not_stand():
    claims = [judged(STATEMENT, evidence(0.1, 0.3, p), "the number") for p in (0.001, 0.03, 0.04)]
    claims.append(undecided(STATEMENT, "nothing"))
    assert [claim.verdict for claim in claims] == [HOLDS, HOLDS, HOLDS, OPEN]
    found = corrected(claims)
    assert [claim.verdict for claim in found] == [HOLDS, OPEN, OPEN, OPEN]
    assert [claim.adjusted_p for claim in found[:3]] == pytest.approx([0.003, 0.06, 0.06])
    assert [claim.p_value for claim in found[:3]] == [0.001, 0.03, 0.04]
    assert "claimed; of 3 tests together this one does not stand" in found[1].why
    assert [claim.to_json() for claim in corrected(found)] == [claim.to_json() for claim in found]


def test_claims_as_json_and_back():
    for claim in (judged(STATEMENT, evidence(0.1, 0.3), "the number"), undecided(STATEMENT, "nothing")):
        found = Claim.from_json(json.loads(json.dumps(claim.to_json(), allow_nan=False)))
        assert found.to_json() == claim.to_json()
        assert math.isnan(found.number) == math.isnan(claim.number)


@pytest.mark.parametrize("change", [{"number": "x"}, {"text": 3}, {"n": None}])
def test_damaged_claims_are_named(change):
    with pytest.raises(RunError, match="damaged"):
        Claim.from_json(undecided(STATEMENT, "nothing").to_json() | change)
    with pytest.raises(RunError, match="damaged"):
        Claim.from_json({})
