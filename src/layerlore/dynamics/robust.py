"""Median and trimmed mean of the element-wise ratio ``|w' - w| / |w|``, exactly, also over shards (METHODS B1).

Order statistics cannot be added up, counts can. Ratios are not negative, so that their bit patterns, read as
integers, are in their order: the wanted ranks are found digit by digit, each digit from a histogram that is added over
the shards. The first digit has sixteen bits, which leaves about a tenth of the ratios to look at; where nearly all are
equal it leaves all of them, and the scratch memory is 8 bytes an element. Four more digits of twelve bits fix a float64
to its last bit, so the median is the one that sorting would give. The ratios between the two cuts of the trimmed mean
are added on the way. Every process reduces six times, whatever it holds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from layerlore.dynamics.kernels.layout import flat, rounded
from layerlore.dynamics.kernels.packed import widest
from layerlore.dynamics.kernels.weights import check_pair, check_weight

TRIM = 0.1
"""Share that is cut at each end, as `scipy.stats.trim_mean` cuts it: ``int(TRIM * n)`` elements."""

CHUNK = 1 << 18
"""Elements whose ratios are computed at a time."""

_FIRST = 48
"""Lowest bit of the first digit."""

_LATER = (36, 24, 12, 0)
"""Lowest bits of the later digits."""

_INFINITE = 0x7FF0
"""First digit of infinity; those above it belong to NaN, and those from 0x8000 on to negative numbers."""

_LEFT_OUT = -1.0
_LEFT_OUT_DIGIT = 0xBFF0

Reduce = Callable[[Tensor], Tensor]
Ratios = Float64[Tensor, "n_elements"]


@dataclass(frozen=True)
class Rank:
    """A place in the sorted ratios, and what is known of the ratio there.

    Attributes:
        offset: its place among the ratios that share the digits found so far.
        value: digits found so far, as an integer without the lower ones.
        count: ratios that share them.
    """

    offset: int
    value: int = 0
    count: int = 0

    @property
    def ratio(self) -> float:
        """The ratio, once all digits are found."""
        return torch.tensor(self.value, dtype=torch.int64).view(torch.float64).item()


def ratio_summaries(earlier: Tensor, later: Tensor, *, reduce: Reduce | None = None) -> dict[str, float]:
    """Median and 10 % trimmed mean of ``|w' - w| / |w|`` over the elements of one weight with ``w != 0``.

    Ratios are float64 (on devices without float64 they are computed on the CPU). The median equals that of the sorted
    ratios to the last bit; the trimmed mean differs from `scipy.stats.trim_mean` by the rounding of its sum.

    Args:
        earlier: the weight before, or this process's shard of it.
        later: the weight after, likewise; rounded to the dtype of ``earlier``.
        reduce: returns the sum over all shards of a tensor (int64 or float64, on the weight's device). Every process
            calls it equally often, with tensors of the same shapes, whatever it holds; an empty shard has to call too.

    Returns:
        ``rwc_median`` and ``rwc_trimmed``; NaN where elements are not finite and where all earlier ones are 0.

    Raises:
        InputError: a tensor that cannot be measured, or snapshots that do not belong together.

    >>> ratio_summaries(torch.tensor([1.0, 2.0, 4.0]), torch.tensor([2.0, 3.0, 5.0]))["rwc_median"]
    0.5
    """
    earlier, later = check_weight("earlier", earlier), check_weight("later", later)
    check_pair("earlier", earlier, later)
    add = reduce or (lambda tensor: tensor)
    device = later.device if widest(later.device) == torch.float64 else torch.device("cpu")
    before, after = flat([earlier, later])

    def ratios() -> Iterator[Ratios]:
        return _ratios(before, after, device)

    with torch.no_grad():
        histogram = add(_first_digits(ratios(), device)).cpu()
        n_ratios = int(histogram[:_INFINITE].sum())
        n_left_out = int(histogram[_LEFT_OUT_DIGIT])
        if not n_ratios or int(histogram.sum()) > n_ratios + n_left_out:
            return {"rwc_median": math.nan, "rwc_trimmed": math.nan}
        cut = int(TRIM * n_ratios)
        places = ((n_ratios - 1) // 2, n_ratios // 2, cut, n_ratios - 1 - cut)
        ranks = _narrowed([Rank(place) for place in places], [0], histogram[None, :_INFINITE], _FIRST)
        candidates, between = _near(ratios(), ranks, device)
        for shift in _LATER:
            prefixes = sorted({rank.value for rank in ranks})
            ranks = _narrowed(ranks, prefixes, add(_digits_after(candidates, prefixes, shift)).cpu(), shift)
        low, high = ranks[2:]
        between = float(add(between + _sum_at_cuts(candidates, low, high)))
    return {
        "rwc_median": (ranks[0].ratio + ranks[1].ratio) / 2,
        "rwc_trimmed": _trimmed_mean(low, high, between, n_ratios - 2 * cut),
    }


def _narrowed(
    ranks: Sequence[Rank], prefixes: Sequence[int], histograms: Int64[Tensor, "n_prefixes digits"], shift: int
) -> list[Rank]:
    """The ranks with their next digit."""
    up_to = histograms.cumsum(1)
    narrowed = []
    for rank in ranks:
        row = prefixes.index(rank.value)
        digit = int(torch.searchsorted(up_to[row], rank.offset, right=True))
        count = int(histograms[row, digit])
        below = int(up_to[row, digit]) - count
        narrowed.append(replace(rank, offset=rank.offset - below, value=rank.value | (digit << shift), count=count))
    return narrowed


def _trimmed_mean(low: Rank, high: Rank, between: float, n_kept: int) -> float:
    if low.value == high.value:
        return low.ratio
    # Of the ratios equal to a cut, those on the inner side of it stay.
    edges = low.ratio * (low.count - low.offset) + high.ratio * (high.offset + 1)
    return (between + edges) / n_kept


def _ratios(earlier: Tensor, later: Tensor, device: torch.device) -> Iterator[Ratios]:
    """Ratios of flat weights in chunks: -1 where there is none, NaN or infinity where an element is not finite."""
    wide = torch.complex128 if earlier.is_complex() else torch.float64
    for start in range(0, earlier.numel(), CHUNK):
        w = earlier[start : start + CHUNK]
        v = rounded(later[start : start + CHUNK], w).to(device).to(wide)
        w = w.to(device).to(wide)
        change = (v - w).abs()
        # A NaN or an infinity after a zero is one all the same.
        none = (w == 0) & change.isfinite()
        yield (change / w.abs()).masked_fill_(none, _LEFT_OUT)


def _first_digits(ratios: Iterator[Ratios], device: torch.device) -> Int64[Tensor, "65536"]:
    found = torch.zeros(1 << 16, dtype=torch.int64, device=device)
    for some in ratios:
        found += torch.bincount((some.view(torch.int64) >> _FIRST) & 0xFFFF, minlength=1 << 16)
    return found


def _near(
    ratios: Iterator[Ratios], ranks: Sequence[Rank], device: torch.device
) -> tuple[Int64[Tensor, "n_candidates"], Float64[Tensor, ""]]:
    """Bit patterns of the ratios with the first digit of a rank; the sum of those with one between the cuts'."""
    candidates = [torch.zeros(0, dtype=torch.int64, device=device)]
    between = torch.zeros((), dtype=torch.float64, device=device)
    wanted = sorted({rank.value for rank in ranks})
    low, high = ranks[2].value, ranks[3].value
    for some in ratios:
        patterns = some.view(torch.int64)
        digits = patterns & ~((1 << _FIRST) - 1)
        near = digits == wanted[0]
        for value in wanted[1:]:
            near |= digits == value
        candidates.append(patterns[near])
        inside = (digits > low) & (digits < high)
        between += torch.where(inside, some, 0.0).sum()
    return torch.cat(candidates), between


def _sum_at_cuts(patterns: Int64[Tensor, "n_candidates"], low: Rank, high: Rank) -> Float64[Tensor, ""]:
    """Sum of the ratios strictly between the cuts that share their first digit with one of them."""
    digits = patterns >> _FIRST
    at_cut = (digits == low.value >> _FIRST) | (digits == high.value >> _FIRST)
    inside = at_cut & (patterns > low.value) & (patterns < high.value)
    return patterns[inside].view(torch.float64).sum()


def _digits_after(
    patterns: Int64[Tensor, "n_candidates"], prefixes: Sequence[int], shift: int
) -> Int64[Tensor, "n_prefixes 4096"]:
    """For each prefix, how often each next digit follows it."""
    found = torch.zeros(len(prefixes), 1 << 12, dtype=torch.int64, device=patterns.device)
    upper = patterns >> (shift + 12)
    for place, prefix in enumerate(prefixes):
        digits = patterns[upper == prefix >> (shift + 12)] >> shift
        found[place] = torch.bincount(digits & 0xFFF, minlength=1 << 12)
    return found
