"""Verdicts: what is claimed, the evidence, and one of three words by one stated rule."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from layerlore.errors import RunError
from layerlore.interactions.bootstrap import CONFIDENCE
from layerlore.zoo.studies.evidence import Evidence, Measured, evidence_of, holm

HOLDS, FAILS, OPEN = "holds", "does not hold", "not decidable at this size"
VERDICTS = (HOLDS, FAILS, OPEN)

ALPHA = 1 - CONFIDENCE
RULE = (
    f"A claim holds where the {CONFIDENCE:.0%} interval excludes the null on the side that is claimed, and does not "
    "hold where it excludes it on the other side; in both cases the two-sided test must agree, at "
    f"{ALPHA:.2g} after Holm's correction over all tests of the study. Everything else is not decidable at this size."
)
"""How verdicts come about, for pages."""


@dataclass(frozen=True)
class Statement:
    """What is claimed, before it is tested.

    Attributes:
        id: stable name, such as ``low_orders_stronger``.
        text: in words.
        source: who claims it.
        network: the network, or networks, that it is tested on; empty for the study as a whole.
        unit: of the number.
        paper: what the source reports, in words; empty where it gives no number.
    """

    id: str
    text: str
    source: str
    network: str = ""
    unit: str = ""
    paper: str = ""


@dataclass(frozen=True)
class Claim:
    """A claim, tested.

    Attributes:
        id: stable name.
        text: what is claimed.
        source: who claims it.
        network: the network, or networks, that it was tested on; empty for the study as a whole.
        number: our estimate; NaN where there is none.
        low: lower end of its interval.
        high: upper end.
        unit: of the number.
        test: what the interval and the p-value are from.
        p_value: two-sided; NaN where nothing was tested.
        n: samples or layers.
        verdict: one of `VERDICTS`.
        why: the verdict in a sentence.
        adjusted_p: after Holm over the claims of the study; NaN before.
        paper: what the source reports.
    """

    id: str
    text: str
    source: str
    network: str
    number: float
    low: float
    high: float
    unit: str
    test: str
    p_value: float
    n: int
    verdict: str
    why: str
    adjusted_p: float = math.nan
    paper: str = ""

    def to_json(self) -> dict[str, Any]:
        """Fields in types that JSON knows; NaN becomes None."""
        return {part.name: _plain(getattr(self, part.name)) for part in fields(self)}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Claim:
        """The claim that `to_json` wrote.

        Raises:
            RunError: fields are missing, or have other types.
        """
        try:
            return cls(**{part.name: _typed(part.type, found[part.name]) for part in fields(cls)})
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(f"a claim of the study is damaged ({error}): make the study again") from error


def judged(
    statement: Statement,
    measured: Measured | Evidence,
    told: str,
    *,
    side: int = 1,
    null: float = 0.0,
    confidence: float = CONFIDENCE,
) -> Claim:
    """The verdict on "the number is above (``side`` 1) or below (-1) the null".

    Args:
        statement: what is claimed.
        measured: the number; `Evidence` must be against the same null.
        told: what the number is, as the beginning of a sentence.
        side: of the null on which the claim lies.
        null: what the number is where there is nothing to it.
        confidence: of the interval; the test takes the rest as its level.
    """
    found = measured if isinstance(measured, Evidence) else evidence_of(measured, null, confidence=confidence)
    if not math.isfinite(found.number):
        return undecided(statement, f"{told} is not defined for these samples")
    above, below = found.low > null, found.high < null
    where = (
        f"above {_number(null)}"
        if above
        else f"below {_number(null)}"
        if below
        else f"on both sides of {_number(null)}"
    )
    why = f"{told} is {_number(found.number)}; its interval lies {where}"
    if not (above or below):
        return _claim(statement, found, OPEN, f"{why}, so it cannot be told")
    if not found.p_value < 1 - confidence:
        return _claim(statement, found, OPEN, f"{why}, but the test does not confirm it (p = {_number(found.p_value)})")
    holds = above == (side > 0)
    return _claim(statement, found, HOLDS if holds else FAILS, f"{why}, {'as' if holds else 'against what is'} claimed")


def judged_within(
    statement: Statement,
    measured: Measured,
    told: str,
    lower: float,
    upper: float,
    *,
    confidence: float = CONFIDENCE,
) -> Claim:
    """The verdict on "the number lies between ``lower`` and ``upper``": two one-sided tests each way.

    Source: Schuirmann 1987 (equivalence by two one-sided tests).
    """
    if not math.isfinite(measured.value):
        return undecided(statement, f"{told} is not defined for these samples")
    inside = max(measured.p_above(lower), measured.p_below(upper))
    outside = 2 * min(measured.p_below(lower), measured.p_above(upper))
    low, high = measured.interval(confidence)
    test = "bootstrap over samples; two one-sided sign-flip tests"
    found = Evidence(measured.value, low, high, min(1.0, 2 * min(inside, outside)), measured.n, test)
    between = f"between {_number(lower)} and {_number(upper)}"
    why = f"{told} is {_number(found.number)}; its interval"
    sure = found.p_value < 1 - confidence
    if low > lower and high < upper and sure:
        return _claim(statement, found, HOLDS, f"{why} lies {between}, which counts as the same")
    if (high < lower or low > upper) and sure:
        side = "below" if high < lower else "above"
        return _claim(statement, found, FAILS, f"{why} lies {side} what counts as the same ({between})")
    return _claim(statement, found, OPEN, f"{why} is not clearly inside or outside what counts as the same ({between})")


def undecided(statement: Statement, why: str, measured: Measured | None = None) -> Claim:
    """A claim that could not be tested at all; a number that was measured all the same is shown with its interval."""
    if measured is None or not math.isfinite(measured.value):
        return _claim(statement, Evidence(math.nan, math.nan, math.nan, math.nan, 0, "none"), OPEN, why)
    ends = measured.interval(CONFIDENCE)
    return _claim(statement, Evidence(measured.value, *ends, math.nan, measured.n, "none"), OPEN, why)


def corrected(claims: Iterable[Claim], alpha: float = ALPHA) -> tuple[Claim, ...]:
    """The claims of one study with Holm's correction over all that were tested.

    A verdict that does not stand after it becomes "not decidable at this size", and says so. Applying it twice changes
    nothing.
    """
    claims = tuple(claims)
    adjusted = holm([claim.p_value for claim in claims])
    n_tests = sum(math.isfinite(claim.p_value) for claim in claims)
    return tuple(_stands(claim, p, n_tests, alpha) for claim, p in zip(claims, adjusted, strict=True))


def _stands(claim: Claim, adjusted: float, n_tests: int, alpha: float) -> Claim:
    claim = replace(claim, adjusted_p=adjusted)
    if claim.verdict == OPEN or adjusted < alpha:
        return claim
    more = (
        f"; of {n_tests} tests together this one does not stand (p = {_number(claim.p_value)}, after Holm "
        f"{_number(adjusted)})"
    )
    return replace(claim, verdict=OPEN, why=claim.why.removesuffix(".") + more)


def _claim(statement: Statement, found: Evidence, verdict: str, why: str) -> Claim:
    return Claim(
        id=statement.id,
        text=statement.text,
        source=statement.source,
        network=statement.network,
        number=found.number,
        low=found.low,
        high=found.high,
        unit=statement.unit,
        test=found.test,
        p_value=found.p_value,
        n=found.n,
        verdict=verdict,
        why=why[:1].upper() + why[1:] + ".",
        paper=statement.paper,
    )


def _number(value: float) -> str:
    return f"{value:.3g}"


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _typed(kind: Any, value: Any) -> Any:
    if kind == "float":
        return math.nan if value is None else float(value)
    if kind == "int":
        return int(value)
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value
