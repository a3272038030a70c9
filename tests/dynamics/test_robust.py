"""Median and trimmed mean of the ratios against sorting them, in one piece and in shards."""

import math
import threading

import numpy as np
import pytest
import torch
from scipy.stats import trim_mean

from layerlore.dynamics import robust
from layerlore.dynamics.robust import ratio_summaries
from layerlore.errors import InputError
from reference import change_by_definition


def by_sorting(w: torch.Tensor, v: torch.Tensor) -> dict[str, float]:
    """With NumPy and SciPy, in float64."""
    w, v = (x.to(torch.complex128 if x.is_complex() else torch.float64).numpy().ravel() for x in (w, v))
    ratios = (np.abs(v - w)[w != 0]) / np.abs(w[w != 0])
    return {"rwc_median": float(np.median(ratios)), "rwc_trimmed": float(trim_mean(ratios, 0.1))}


def assert_same(found: dict[str, float], expected: dict[str, float], n: int) -> None:
    # The median is one of the ratios, or the mean of two: the same bits. A sum of n positive terms, each side's own
    # way of adding them: at most n / 2**53 apart, and a root of that as a rule.
    assert found["rwc_median"] == expected["rwc_median"]
    assert found["rwc_trimmed"] == pytest.approx(expected["rwc_trimmed"], rel=4 * math.sqrt(n) * 2.0**-53, abs=0)


def pair(n: int, dtype=torch.float32, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    kind = torch.complex128 if dtype.is_complex else torch.float64
    w, d = (torch.randn(n, dtype=kind, generator=generator) for _ in range(2))
    w[::11] = 0
    return w.to(dtype), (w + 0.01 * d).to(dtype)


@pytest.mark.parametrize("n", [2, 3, 4, 9, 10, 11, 12, 20, 21, 1_000, 99_999])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_as_by_sorting(n, dtype):
    w, v = pair(n, dtype)
    assert_same(ratio_summaries(w, v), by_sorting(w, v), n)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.complex64, torch.float8_e5m2])
def test_other_dtypes(dtype):
    w, v = pair(3_000, dtype)
    found, expected = ratio_summaries(w, v), by_sorting(w, v)
    if dtype.is_complex:
        # NumPy and torch round a complex modulus differently: two of them, half a unit each, and the quotient.
        assert found["rwc_median"] == pytest.approx(expected["rwc_median"], rel=4 * 2.0**-53, abs=0)
        expected["rwc_median"] = found["rwc_median"]
    assert_same(found, expected, 3_000)


def test_as_by_definition():
    w, v = pair(300)
    expected = change_by_definition.measures(w, v)
    found = ratio_summaries(w, v)
    # The definition divides exactly and rounds once, here a difference and a quotient round.
    assert found == pytest.approx({name: expected[name] for name in found}, rel=4 * 2.0**-53 * 300)


@pytest.mark.parametrize("n", [5, 50, 999])
@pytest.mark.parametrize("levels", [1, 2, 3, 10])
def test_many_equal_ratios(n, levels):
    generator = torch.Generator().manual_seed(n)
    w = torch.full((n,), 4.0)
    v = w + torch.randint(0, levels, (n,), generator=generator)
    assert_same(ratio_summaries(w, v), by_sorting(w, v), n)


@pytest.mark.parametrize("exponent", [0, 20, 38])
def test_ratios_over_the_whole_range(exponent):
    generator = torch.Generator().manual_seed(0)
    powers = (2 * torch.rand(2, 5_000, dtype=torch.float64, generator=generator) - 1) * exponent
    w, v = (10.0**powers).float().clamp(1e-44, 1e38)
    assert_same(ratio_summaries(w, v), by_sorting(w, v), 5_000)


def test_neighbouring_ratios_are_told_apart():
    w = torch.ones(7, dtype=torch.float64)
    v = 2 + torch.arange(7, dtype=torch.float64) * 2.0**-51
    assert ratio_summaries(w, v)["rwc_median"] == 1 + 3 * 2.0**-51


def test_outliers_move_the_mean_alone():
    w, v = pair(1_000)
    before = ratio_summaries(w, v)
    w[1:40:11], v[1:40:11] = 1e-38, 1.0
    after = ratio_summaries(w, v)
    assert after["rwc_median"] == pytest.approx(before["rwc_median"], rel=0.05)
    assert after["rwc_trimmed"] == pytest.approx(before["rwc_trimmed"], rel=0.1)
    assert change_by_definition.rwc_elementwise(*map(change_by_definition.elements, (w, v))) > 1e30


def test_unchanged_and_empty():
    w, _ = pair(100)
    assert ratio_summaries(w, w.clone()) == {"rwc_median": 0.0, "rwc_trimmed": 0.0}
    for nothing in (torch.zeros(5), torch.ones(0), torch.ones(0, 3)):
        assert all(math.isnan(value) for value in ratio_summaries(nothing, nothing.clone()).values())
    assert all(math.isnan(value) for value in ratio_summaries(torch.zeros(3), torch.ones(3)).values())


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("side", [0, 1])
def test_not_finite(bad, place, side):
    weights = pair(50)
    weights[side][place] = bad
    assert all(math.isnan(value) for value in ratio_summaries(*weights).values())


def test_in_chunks(monkeypatch):
    w, v = pair(1_000)
    expected = by_sorting(w, v)
    monkeypatch.setattr(robust, "CHUNK", 64)
    assert_same(ratio_summaries(w, v), expected, 1_000)


def test_any_layout():
    w, v = (x.reshape(10, 20, 5) for x in pair(1_000))
    expected = ratio_summaries(w, v)
    assert_same(ratio_summaries(w.permute(2, 0, 1), v.permute(2, 0, 1).contiguous()), expected, 1_000)
    assert ratio_summaries(torch.nn.Parameter(w), v) == expected
    assert_same(ratio_summaries(w.to_sparse(), v), expected, 1_000)


def test_the_later_weight_is_rounded_to_the_snapshot():
    w, v = pair(1_000)
    kept = w.to(torch.bfloat16)
    assert ratio_summaries(kept, v) == ratio_summaries(kept, v.to(torch.bfloat16))
    assert ratio_summaries(v.to(torch.bfloat16), v)["rwc_trimmed"] == 0


class Shards:
    """Threads that stand for processes: `reduce` waits until all have called it, with tensors of one shape."""

    def __init__(self, n_shards: int) -> None:
        self.calls: list[list[tuple]] = [[] for _ in range(n_shards)]
        self._tensors: list[torch.Tensor] = [torch.empty(0)] * n_shards
        self._barrier = threading.Barrier(n_shards, timeout=20)

    def reduce(self, rank: int, tensor: torch.Tensor) -> torch.Tensor:
        self.calls[rank].append((tensor.dtype, tuple(tensor.shape)))
        self._tensors[rank] = tensor.clone()
        self._barrier.wait()
        total = torch.stack(self._tensors).sum(0)
        self._barrier.wait()
        return total

    def run(self, pairs) -> list[dict[str, float]]:
        found: list = [None] * len(pairs)

        def work(rank: int) -> None:
            found[rank] = ratio_summaries(*pairs[rank], reduce=lambda tensor: self.reduce(rank, tensor))

        threads = [threading.Thread(target=work, args=(rank,)) for rank in range(len(pairs))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return found


@pytest.mark.parametrize("cuts", [(500,), (0,), (1_000,), (1, 2, 3), (300, 300, 999)])
def test_shards_give_the_whole(cuts):
    w, v = pair(1_000)
    shards = Shards(len(cuts) + 1)
    found = shards.run(list(zip(w.tensor_split(cuts), v.tensor_split(cuts), strict=True)))
    whole = ratio_summaries(w, v)
    for each in found:
        assert_same(each, whole, 1_000)
    assert all(calls == shards.calls[0] for calls in shards.calls)
    assert len(shards.calls[0]) == 6


def test_a_nan_in_one_shard_is_known_to_all():
    w, v = pair(100)
    v[99] = math.nan
    found = Shards(2).run(list(zip(w.tensor_split(2), v.tensor_split(2), strict=True)))
    assert all(math.isnan(value) for each in found for value in each.values())


def test_pairs_that_do_not_belong_together():
    with pytest.raises(InputError, match=r"shape \[3\] in the earlier snapshot and \[4\]"):
        ratio_summaries(torch.ones(3), torch.ones(4))
    with pytest.raises(InputError, match=r"'later' is torch.int8"):
        ratio_summaries(torch.ones(3), torch.ones(3, dtype=torch.int8))
