"""Numbers with intervals and tests, over samples or over layers. NumPy only.

*Over samples*: percentile bootstrap of the statistic, and a sign-flip test of its jackknife pseudo-values, which for a
mean are the samples' own values. *Over layers*: bootstrap over layers, and a permutation of what is claimed to matter
(depth, kind) over the layers. Both are exact under their null hypothesis at any size (values symmetric about the null;
layers exchangeable), which an interval of few samples is not; so a verdict asks for both.

Sources: Efron and Tibshirani 1993 (bootstrap, jackknife); Good 2005 (permutation and sign-flip tests); Berger 1982
(intersection-union tests); METHODS A9.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

from layerlore.interactions.bootstrap import CONFIDENCE, interval, resampling_weights

RESAMPLES = 2000
FLIPS = 9999
"""Random sign flips or permutations where not all are taken."""
MOST_EXACT = 13
"""Samples up to which all sign flips are taken."""

OVER_SAMPLES = "bootstrap over samples; sign-flip test of jackknife pseudo-values"
OVER_LAYERS = "bootstrap over layers; permutation of layers"

Statistic = Callable[[Float64[np.ndarray, "n_draws n_samples"]], Float64[np.ndarray, " n_draws"]]
"""Takes weights of the samples that sum to 1, row by row."""
LayerStatistic = Callable[
    [Float64[np.ndarray, "n_draws n_layers"], Float64[np.ndarray, "n_draws n_layers n_values"]],
    Float64[np.ndarray, " n_draws"],
]
"""Takes a label of each layer (its depth, 1 for a kind) and its values, row by row."""


@dataclass(frozen=True)
class Evidence:
    """What a claim is judged by.

    Attributes:
        number: the estimate; NaN where it is not defined.
        low: lower end of its interval.
        high: upper end.
        p_value: two-sided, against the null of the claim.
        n: samples or layers that it rests on.
        test: in words.
    """

    number: float
    low: float
    high: float
    p_value: float
    n: int
    test: str


@dataclass(frozen=True)
class Sampled:
    """A statistic of samples.

    Attributes:
        value: on all samples.
        draws: of the bootstrap.
        pseudo: jackknife pseudo-values, whose mean is near ``value``.
    """

    value: float
    draws: Float64[np.ndarray, " n_draws"]
    pseudo: Float64[np.ndarray, " n_samples"]

    @property
    def n(self) -> int:
        """Samples."""
        return len(self.pseudo)

    def interval(self, confidence: float) -> tuple[float, float]:
        """Percentile interval, wider by ``sqrt(n / (n - 1))``: a resample of few samples varies too little."""
        widened = self.value + (self.draws - self.value) * math.sqrt(self.n / max(self.n - 1, 1))
        low, high = interval(widened, confidence)
        return float(low), float(high)

    def p_above(self, null: float) -> float:
        """One-sided p-value against "at most ``null``"."""
        return sign_flip(self.pseudo - null)[0]

    def p_below(self, null: float) -> float:
        """One-sided p-value against "at least ``null``"."""
        return sign_flip(self.pseudo - null)[1]


@dataclass(frozen=True)
class Largest:
    """The largest of several numbers, where it is not known beforehand which one that is.

    That all are below a null is shown by each of them (intersection-union test, no correction); that one is above, by
    one of them after Bonferroni. The interval has an upper end that no single one exceeds, and a lower end likewise
    corrected.
    """

    parts: tuple[Sampled, ...]

    @property
    def value(self) -> float:
        """The largest estimate."""
        return max(part.value for part in self.parts)

    @property
    def n(self) -> int:
        """Samples."""
        return self.parts[0].n

    def interval(self, confidence: float) -> tuple[float, float]:
        """Ends of the interval of the largest."""
        each = 1 - (1 - confidence) / len(self.parts)
        low = max(part.interval(each)[0] for part in self.parts)
        high = max(part.interval(confidence)[1] for part in self.parts)
        return low, high

    def p_above(self, null: float) -> float:
        """One-sided p-value against "all at most ``null``"."""
        return min(1.0, len(self.parts) * min(part.p_above(null) for part in self.parts))

    def p_below(self, null: float) -> float:
        """One-sided p-value against "one at least ``null``"."""
        return max(part.p_below(null) for part in self.parts)


@dataclass(frozen=True)
class Smallest:
    """The smallest of several numbers: `Largest`, mirrored."""

    parts: tuple[Sampled, ...]

    @property
    def value(self) -> float:
        """The smallest estimate."""
        return -self._mirrored.value

    @property
    def n(self) -> int:
        """Samples."""
        return self.parts[0].n

    def interval(self, confidence: float) -> tuple[float, float]:
        """Ends of the interval of the smallest."""
        low, high = self._mirrored.interval(confidence)
        return -high, -low

    def p_above(self, null: float) -> float:
        """One-sided p-value against "one at most ``null``"."""
        return self._mirrored.p_below(-null)

    def p_below(self, null: float) -> float:
        """One-sided p-value against "all at least ``null``"."""
        return self._mirrored.p_above(-null)

    @property
    def _mirrored(self) -> Largest:
        return Largest(tuple(Sampled(-part.value, -part.draws, -part.pseudo) for part in self.parts))


Measured = Sampled | Largest | Smallest
"""A number that knows its uncertainty."""


def sampled(statistic: Statistic, n_samples: int, *, resamples: int | None = None, seed: int = 0) -> Sampled:
    """A statistic of weighted samples, with its bootstrap draws and pseudo-values.

    Args:
        statistic: of the weights; may be NaN where a resample leaves it undefined.
        n_samples: samples, at least 2.
        resamples: of the bootstrap; None takes 2,000.
        seed: of the bootstrap.
    """
    alike = np.full((1, n_samples), 1 / n_samples)
    without = (1 - np.eye(n_samples)) / max(n_samples - 1, 1)
    value = float(statistic(alike)[0])
    pseudo = n_samples * value - (n_samples - 1) * statistic(without)
    return Sampled(value, statistic(resampling_weights(n_samples, resamples or RESAMPLES, seed)), np.asarray(pseudo))


def mean_of(values: Float64[np.ndarray, " n_samples"], *, resamples: int | None = None, seed: int = 0) -> Sampled:
    """The mean of the values that are defined."""
    defined = values[np.isfinite(values)]
    if not len(defined):
        return Sampled(math.nan, np.full(1, math.nan), np.full(1, math.nan))
    return sampled(lambda weights: weights @ defined, len(defined), resamples=resamples, seed=seed)


def sign_flip(values: Float64[np.ndarray, " n_samples"], seed: int = 0) -> tuple[float, float]:
    """One-sided p-values for a mean above 0, and below 0, of values symmetric about it under the null.

    All flips of up to 13 values, 9,999 random ones of more. Undefined values are left out; without any, 1.

    >>> sign_flip(np.array([1.0, 2.0, 3.0]))
    (0.125, 1.0)
    """
    defined = values[np.isfinite(values)]
    n = len(defined)
    if not n:
        return 1.0, 1.0
    if n <= MOST_EXACT:
        bits = (np.arange(1 << n)[:, None] >> np.arange(n)) & 1
        sums, extra = (1.0 - 2.0 * bits) @ defined, 0
    else:
        signs = np.random.default_rng(seed).integers(0, 2, size=(FLIPS, n))
        sums, extra = (1.0 - 2.0 * signs) @ defined, 1
    # Equal sums must count as equal whatever the order in which they were added up.
    slack = 1e-9 * np.abs(defined).sum()
    whole = float(defined.sum())
    above = (int((sums >= whole - slack).sum()) + extra) / (len(sums) + extra)
    below = (int((sums <= whole + slack).sum()) + extra) / (len(sums) + extra)
    return above, below


def evidence_of(measured: Measured, null: float, test: str = OVER_SAMPLES, confidence: float = CONFIDENCE) -> Evidence:
    """Evidence about a number of samples against a null, two-sided."""
    if not math.isfinite(measured.value):
        return Evidence(math.nan, math.nan, math.nan, math.nan, 0, test)
    low, high = measured.interval(confidence)
    p_value = min(1.0, 2 * min(measured.p_above(null), measured.p_below(null)))
    return Evidence(measured.value, low, high, p_value, measured.n, test)


def over_layers(
    statistic: LayerStatistic,
    labels: Float64[np.ndarray, " n_layers"],
    values: Float64[np.ndarray, "n_layers n_values"],
    *,
    null: float = 0.0,
    test: str = OVER_LAYERS,
    confidence: float = CONFIDENCE,
    resamples: int | None = None,
    seed: int = 0,
) -> Evidence:
    """Evidence about how values of layers go with a label of them.

    The interval redraws layers; the test gives the labels to other layers, and compares how far the statistic is from
    ``null`` on either side. Layers of one network are no sample of independent layers, so both say how firmly the
    pattern stands in these layers, not in others.

    Args:
        statistic: of labels and values.
        labels: what is permuted.
        values: of each layer.
        null: what the statistic is where labels do not matter.
        test: in words.
        confidence: of the interval.
        resamples: of the bootstrap; None takes 2,000.
        seed: of bootstrap and permutations.
    """
    rng = np.random.default_rng(seed)
    n = len(labels)
    value = float(statistic(labels[None], values[None])[0]) if n > 1 else math.nan
    if not math.isfinite(value):
        return Evidence(math.nan, math.nan, math.nan, math.nan, 0, test)
    chosen = rng.integers(0, n, size=(resamples or RESAMPLES, n))
    low, high = interval(statistic(labels[chosen], values[chosen]), confidence)
    shuffled = labels[rng.permuted(np.tile(np.arange(n), (FLIPS, 1)), axis=1)]
    drawn = statistic(shuffled, np.broadcast_to(values, (FLIPS, *values.shape)))
    away = np.abs(drawn - null) >= abs(value - null) * (1 - 1e-9)
    return Evidence(value, float(low), float(high), (int(away.sum()) + 1) / (FLIPS + 1), n, test)


def ranks(values: Float64[np.ndarray, "n_draws n"]) -> Float64[np.ndarray, "n_draws n"]:
    """Ranks from 1 within each row, ties sharing their mean rank.

    >>> ranks(np.array([[3.0, 1.0, 3.0]]))
    array([[2.5, 1. , 2.5]])
    """
    order = np.argsort(values, axis=1, kind="stable")
    ordered = np.take_along_axis(values, order, axis=1)
    n = values.shape[1]
    place = np.broadcast_to(np.arange(n), values.shape)
    starts = _breaks(ordered)
    first = np.maximum.accumulate(np.where(starts, place, 0), axis=1)
    ends = np.roll(starts, -1, axis=1)
    ends[:, -1] = True
    last = np.minimum.accumulate(np.where(ends, place, n)[:, ::-1], axis=1)[:, ::-1]
    found = np.empty(values.shape)
    np.put_along_axis(found, order, (first + last) / 2 + 1.0, axis=1)
    return found


def _breaks(ordered: Float64[np.ndarray, "n_draws n"]) -> Bool[np.ndarray, "n_draws n"]:
    starts = np.ones(ordered.shape, dtype=bool)
    starts[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    return starts


def spearman(
    first: Float64[np.ndarray, "n_draws n"], second: Float64[np.ndarray, "n_draws n"]
) -> Float64[np.ndarray, " n_draws"]:
    """Rank correlation, row by row; NaN where one side does not vary."""
    left, right = (found - found.mean(1, keepdims=True) for found in (ranks(first), ranks(second)))
    size = np.sqrt((left * left).sum(1) * (right * right).sum(1))
    return np.divide((left * right).sum(1), size, out=np.full(len(size), np.nan), where=size > 0)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values of Holm 1979; NaN are no tests, and stay.

    >>> holm([0.01, 0.04, float("nan"), 0.03])
    [0.03, 0.06, nan, 0.06]
    """
    tested = sorted((p, place) for place, p in enumerate(p_values) if math.isfinite(p))
    adjusted = [math.nan] * len(p_values)
    most = 0.0
    for done, (p, place) in enumerate(tested):
        most = max(most, min(1.0, (len(tested) - done) * p))
        adjusted[place] = most
    return adjusted
