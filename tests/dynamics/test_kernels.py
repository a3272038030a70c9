"""The kernels against exact sums, against each other, and what happens where one of them does not work."""

import math
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import pytest
import torch

from layerlore.dynamics.kernels import Kernel, add_sums, chunked, compiled, kernel_in_use, packed
from layerlore.dynamics.kernels.layout import flat, rounded
from layerlore.dynamics.sums import COLUMN, FROM_INIT, SUMS
from reference import change_by_definition

EPS = 2.0**-53
# One block of `compiled` adds 1,024 / 32 terms in each lane, one chunk of `chunked` up to 8,192 / 32, then the blocks
# and lanes are added; every term carries up to four roundings of its own.
ROUNDING = 300 * EPS


def by_kernel(kernel: str, earlier, later, initial=None, **options) -> np.ndarray:
    if kernel == "packed":
        initial = None if initial is None else [initial]
        return packed.sum_packed([earlier], [later], initial, **options)[0]
    row = np.zeros(len(SUMS))
    add_sums(earlier, later, initial, row, kernel=kernel, **options)
    return row


def allowed_error(exact: dict[str, float]) -> dict[str, float]:
    """Rounding is relative to the sum of magnitudes, which for signed terms is larger than the sum."""
    scale = {name: abs(value) for name, value in exact.items()}
    scale["sum_earlier"], scale["sum_change"] = exact["abs_earlier"], exact["abs_change"]
    for growth, change, start in (
        ("growth", "squares_change", "squares_earlier"),
        ("growth_from_init", "squares_from_init", "squares_initial"),
    ):
        # Cauchy-Schwarz: sum |d| |v + w| <= |d| (2 |w| + |d|).
        if growth in exact:
            d, w = math.sqrt(exact[change]), math.sqrt(exact[start])
            scale[growth] = d * (2 * w + d)
    return {name: ROUNDING * value for name, value in scale.items()}


def assert_exact(row: np.ndarray, exact: dict[str, float]) -> None:
    errors = allowed_error(exact)
    for name, value in exact.items():
        assert abs(row[COLUMN[name]] - value) <= errors[name], name


def trio(dtype=torch.float32, shape=(3, 700), seed=0):
    generator = torch.Generator().manual_seed(seed)
    kind = torch.complex128 if dtype.is_complex else torch.float64
    w, step, far = (torch.randn(shape, dtype=kind, generator=generator) for _ in range(3))
    w[..., ::7] = 0
    return w.to(dtype), (w + 0.01 * step).to(dtype), (w + far).to(dtype)


KERNELS = ["compiled", "chunked", "packed"]
FLOATS = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2]


@cache
def exact_sums(dtype=torch.float32, shape=(3, 700)) -> dict[str, float]:
    return change_by_definition.sums(*trio(dtype, shape))


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_sums_are_exact_to_rounding(kernel, dtype):
    assert_exact(by_kernel(kernel, *trio(dtype)), exact_sums(dtype))


@pytest.mark.parametrize("kernel", ["chunked", "packed"])
@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128])
def test_sums_of_complex_weights_are_exact_to_rounding(kernel, dtype):
    assert_exact(by_kernel(kernel, *trio(dtype, (3, 50))), exact_sums(dtype, (3, 50)))


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("size", [0, 1, 31, 1023, 1024, 1025, 2049])
def test_whatever_the_size(kernel, size):
    row = by_kernel(kernel, *trio(shape=(size,)))
    assert_exact(row, exact_sums(shape=(size,)))
    assert row[COLUMN["elements"]] == size


@pytest.mark.parametrize("kernel", ["compiled", "chunked"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("size", [64, 2_099, 2_100])
def test_whatever_the_chunks(kernel, dtype, size, monkeypatch):
    monkeypatch.setattr(compiled, "SIZE", size)
    monkeypatch.setattr(chunked, "SIZE", size)
    monkeypatch.setattr(chunked, "PIECE", 50)
    w, v, u = trio(dtype)
    assert_exact(by_kernel(kernel, w, v, u, keep=True), exact_sums(dtype))
    assert torch.equal(w, v)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_nothing_is_computed_twice_where_little_is_asked(kernel, dtype):
    weights = trio(dtype)
    full, few = by_kernel(kernel, *weights), by_kernel(kernel, *weights, more=False)
    some = [COLUMN[name] for name in ("elements", "nonzero", "nonfinite", "changed", *FROM_INIT)]
    assert np.array_equal(few[some], full[some])
    some = [COLUMN["abs_earlier"], COLUMN["abs_change"]]
    assert np.allclose(few[some], full[some], rtol=ROUNDING, atol=0)
    assert not few[[COLUMN["ratios"], COLUMN["growth"]]].any()


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("first", [math.nan, math.inf, -math.inf])
def test_every_element_that_is_not_finite_is_counted(kernel, dtype, first):
    w, v, u = trio(dtype, (10_000,))
    w[[3, 1023, 1024, 9_999]] = first
    v[[3, 500, 9_999]] = math.inf
    v[2_048] = math.nan
    u[7] = math.nan
    for keep in (False, True):
        row = by_kernel(kernel, w.clone(), v, u, keep=keep)
        assert row[COLUMN["nonfinite"]] == 6
        assert not math.isfinite(row[COLUMN["abs_change"]])
        assert not math.isfinite(row[COLUMN["squares_from_init"]])


def layouts():
    base = trio(shape=(6, 4, 5, 3))
    yield "contiguous", base
    yield "channels last", [x.to(memory_format=torch.channels_last) for x in base]
    yield "transposed", [x.permute(3, 1, 0, 2) for x in base]
    yield "strided", [x[:, ::2, :, 1:] for x in base]
    yield "mixed", [base[0].to(memory_format=torch.channels_last), base[1], base[2]]
    yield "offset", [torch.cat([torch.ones(5), x.reshape(-1)])[5:] for x in base]
    yield "0-d", [x[0, 1, 2, 1] for x in base]
    yield "one column", [x[:1, :, :, :1] for x in base]


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    ("name", "weights"), list(layouts()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_whatever_the_layout(kernel, name, weights):
    w, v, u = weights
    assert_exact(by_kernel(kernel, w, v, u), change_by_definition.sums(w, v, u))
    for snapshot in (w.clone(), torch.stack([w, w], -1)[..., 0]):
        row = by_kernel(kernel, snapshot, v, u, keep=True)
        assert_exact(row, change_by_definition.sums(w, v, u))
        assert torch.equal(snapshot, v)


def test_layouts_of_one_order_are_not_copied():
    for tensors in ([x.t() for x in trio()], [x[None].to(memory_format=torch.preserve_format) for x in trio()]):
        assert [f.data_ptr() for f in flat(tensors)] == [x.data_ptr() for x in tensors]


@pytest.mark.parametrize("kernel", KERNELS)
def test_an_expanded_weight_counts_every_element(kernel):
    w, v = torch.randn(5, 1).expand(5, 4), torch.randn(1, 4).expand(5, 4)
    assert_exact(by_kernel(kernel, w, v), change_by_definition.sums(w, v))


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    ("snapshot", "now"),
    [
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
        (torch.bfloat16, torch.bfloat16),
        (torch.bfloat16, torch.float32),
        (torch.float32, torch.bfloat16),
        (torch.float16, torch.float64),
        (torch.float32, torch.float64),
        (torch.float64, torch.float32),
    ],
)
def test_keep_overwrites_the_snapshot_after_it_was_read(kernel, snapshot, now):
    w, v, u = trio(now, (40_000,))
    w, u = w.to(snapshot), u.to(snapshot)
    plain = by_kernel(kernel, w, v, u)
    kept = w.clone()
    later = v.clone()
    assert np.array_equal(by_kernel(kernel, kept, v, u, keep=True), plain)
    assert torch.equal(kept, v.to(snapshot))
    assert torch.equal(v, later)
    again = by_kernel(kernel, kept, v, u, keep=True)
    assert again[COLUMN["changed"]] == again[COLUMN["abs_change"]] == again[COLUMN["squares_change"]] == 0


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_later_weight_is_rounded_as_each_snapshot_was(kernel):
    w, v, u = trio(torch.float32, (1_500,))
    w = w.to(torch.bfloat16)
    exact = change_by_definition.sums(w, rounded(v, w)) | {
        name: value for name, value in change_by_definition.sums(w, v, u).items() if name in FROM_INIT
    }
    assert_exact(by_kernel(kernel, w.clone(), v, u, keep=True), exact)
    same = by_kernel(kernel, v.to(torch.bfloat16), v, v.to(torch.float16))
    assert same[COLUMN["changed"]] == same[COLUMN["changed_from_init"]] == 0


@pytest.mark.parametrize("kernel", KERNELS)
def test_half_precision_does_not_overflow(kernel):
    w, v = torch.full((5_000,), 60_000, dtype=torch.float16), torch.full((5_000,), -60_000, dtype=torch.float16)
    row = by_kernel(kernel, w, v)
    assert row[COLUMN["abs_earlier"]] == 60_000 * 5_000
    assert row[COLUMN["squares_change"]] == 120_000**2 * 5_000


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("scale", [1e30, 1e-30, 1e-42])
def test_huge_and_tiny_float32_weights(kernel, scale):
    weights = [(x.double() * scale).float() for x in trio(shape=(500,))]
    assert weights[0].abs().max() > 0
    assert_exact(by_kernel(kernel, *weights), change_by_definition.sums(*weights))


def test_rows_are_added_to():
    weights = trio()
    for kernel in ("compiled", "chunked"):
        row = np.zeros(len(SUMS))
        add_sums(*weights, row, kernel=kernel)
        once = row.copy()
        add_sums(*weights, row, kernel=kernel)
        assert np.allclose(row, 2 * once, rtol=ROUNDING, atol=0)


def test_packed_weights_are_split_over_buckets_and_put_together_again():
    sizes = [0, 1, 1024, 1025, 3_100, 3, 0, 200]
    sets = [trio(shape=(size,), seed=seed) for seed, size in enumerate(sizes)]
    earlier, later, initial = (list(part) for part in zip(*sets, strict=True))
    exact = [change_by_definition.sums(*weights) for weights in sets]
    for bucket in (1, 2, 3, 100):
        rows = packed.sum_packed(earlier, later, initial, bucket=bucket)
        for row, sums in zip(rows, exact, strict=True):
            assert_exact(row, sums)


def test_packed_weights_that_are_not_finite_spoil_no_other():
    weights = [torch.ones(3), torch.tensor([math.nan, 1.0]), torch.ones(3)]
    rows = packed.sum_packed(weights, [2 * weight for weight in weights], None)
    assert rows[:, COLUMN["nonfinite"]].tolist() == [0, 1, 0]
    assert rows[[0, 2], COLUMN["abs_change"]].tolist() == [3, 3]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.complex64])
def test_devices_without_float64_count_exactly_and_round_to_float32(dtype):
    weights = trio(dtype, (30, 50))
    row = packed.sum_packed(*([weight] for weight in weights), precision=torch.float32, bucket=2)[0]
    exact = change_by_definition.sums(*weights)
    for name in ("elements", "nonzero", "nonfinite", "changed", "changed_from_init"):
        assert row[COLUMN[name]] == exact[name]
    # Differences of neighbouring float32 are exact; a product and a ratio round twice, a row of 1,024 is added
    # pairwise: ten roundings and a few of the terms.
    for name, error in allowed_error(exact).items():
        assert abs(row[COLUMN[name]] - exact[name]) <= error / ROUNDING * 20 * 2.0**-24, name


def test_float64_is_what_the_cpu_has():
    assert packed.widest(torch.device("cpu")) == torch.float64


def test_same_bits_every_time():
    weights = trio(shape=(100_000,))
    for kernel in KERNELS:
        assert np.array_equal(by_kernel(kernel, *weights), by_kernel(kernel, *weights))


def test_numbers_do_not_depend_on_neighbours_or_memory():
    w, v, u = trio(shape=(5_000,))
    shifted = [torch.cat([torch.zeros(3), x])[3:] for x in (w, v, u)]
    for kernel in KERNELS:
        assert np.array_equal(by_kernel(kernel, w, v, u), by_kernel(kernel, *shifted))


def test_unaligned_weights():
    w, v, u = trio()
    data = [torch.frombuffer(bytearray(b"x" + x.numpy().tobytes()), dtype=torch.uint8)[1:] for x in (w, v, u)]
    odd = [torch.frombuffer(x.numpy(), dtype=torch.float32) for x in data]
    assert any(x.data_ptr() % 4 for x in odd)
    for kernel in KERNELS:
        assert_exact(by_kernel(kernel, *odd), exact_sums())


def test_threads_share_the_kernel():
    sets = [trio(shape=(20_000,), seed=seed) for seed in range(8)]
    alone = [by_kernel("compiled", *weights) for weights in sets]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda weights: by_kernel("compiled", *weights), sets))
    assert np.array_equal(together, alone)


@pytest.fixture
def forgotten(monkeypatch):
    """As in a process that has not compiled anything yet."""
    monkeypatch.setattr(compiled, "_loaded", {})


def test_the_compiled_kernel_is_in_use():
    pytest.importorskip("numba")
    assert kernel_in_use() == Kernel("compiled")


def still_works(reason: str) -> None:
    kernel = kernel_in_use()
    assert kernel.name == "chunked"
    assert reason in kernel.reason
    row = np.zeros(len(SUMS))
    weights = trio()
    add_sums(*weights, row)
    assert np.array_equal(row, by_kernel("chunked", *weights))
    with pytest.raises(compiled.Unusable, match=reason):
        add_sums(*weights, row, kernel="compiled")


def test_without_numba(forgotten, monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    still_works("ModuleNotFoundError")


def test_with_a_numba_that_refuses(forgotten, monkeypatch):
    numba = pytest.importorskip("numba")

    def refuse(*_, **__):
        raise SystemError("this processor is not known")

    monkeypatch.setattr(numba, "njit", refuse)
    still_works("SystemError: this processor is not known")


def test_with_a_numba_that_is_switched_off(forgotten, monkeypatch):
    numba = pytest.importorskip("numba")
    monkeypatch.setattr(numba, "njit", lambda function, **_: function)
    still_works("NUMBA_DISABLE_JIT")


@pytest.mark.parametrize("column", range(1, len(SUMS)))
def test_with_a_numba_that_gives_wrong_sums(forgotten, monkeypatch, column):
    numba = pytest.importorskip("numba")

    def wrong(function, **_):
        def loop(w, v, u, more, initial, keep, row):
            chunked.add(*map(torch.from_numpy, (w, v, u)), row, more=more, keep=keep)
            row[column] += 1

        return loop

    monkeypatch.setattr(numba, "njit", wrong)
    still_works("gave")


def test_without_a_directory_for_what_was_compiled(forgotten, monkeypatch):
    numba = pytest.importorskip("numba")
    njit = numba.njit

    def nowhere(function, *, cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return njit(function, **options)

    monkeypatch.setattr(numba, "njit", nowhere)
    assert kernel_in_use() == Kernel("compiled")
