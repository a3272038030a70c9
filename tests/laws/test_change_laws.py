"""Laws of change (METHODS B1), on weights that nobody chose."""

import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from layerlore.dynamics.change import ratio_summaries, sum_weights, weight_change
from layerlore.dynamics.kernels import add_sums, packed
from layerlore.dynamics.measures import MEASURES, ROBUST, measures_of
from layerlore.dynamics.sums import COLUMN, SUMS

EPS = 2.0**-52
RELATIVE = (*MEASURES, *ROBUST)
# A measure is a quotient of two sums of up to 200 terms: some ten roundings.
CLOSE = {"rel": 1e-13, "abs": 0, "nan_ok": True}


@st.composite
def histories(draw, max_size: int = 200, dtypes=(torch.float32, torch.float64), zeros: bool = True):
    """Earlier, later and initial values of a weight: noise of a drawn seed, size, step, and share of zeros."""
    n = draw(st.integers(1, max_size), label="elements")
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1), label="seed"))
    u, far, near = rng.normal(size=(3, n))
    w = u + far
    v = w + 10.0 ** draw(st.integers(-6, 1), label="log10 of the step") * near
    if zeros:
        w[rng.random(n) < draw(st.sampled_from([0, 0.1, 0.9]), label="zeros")] = 0
    v[rng.random(n) < draw(st.sampled_from([0, 0.5]), label="unchanged")] = 0
    dtype = draw(st.sampled_from(dtypes))
    return tuple(torch.tensor(x, dtype=dtype) for x in (w, v, u))


def close(found: dict[str, float], expected: dict[str, float], names=RELATIVE, rotation: float = 1e-7) -> None:
    """Equal up to rounding; an angle only to the root of it, which is what rounding does to one near 0 or pi."""
    for name in names:
        tolerance = {"abs": rotation, "nan_ok": True} if name.startswith("rotation") else CLOSE
        # A variance loses to cancellation; the weights here have a mean of the order of their spread.
        tolerance = tolerance | {"rel": 1e-9} if name == "update_to_weight" else tolerance
        assert found[name] == pytest.approx(expected[name], **tolerance), name


def alone(measure: str, w: torch.Tensor, v: torch.Tensor) -> float:
    return weight_change(w, v, measures=measure)[measure]


def angle_error(w: torch.Tensor, v: torch.Tensor) -> float:
    """The squared chord is right to some ten roundings times the ratio of lengths, or its square where the weight
    shrank; near 0 and pi an angle is off by the root of that."""
    ratio = float(torch.linalg.vector_norm(v.double()) / torch.linalg.vector_norm(w.double()))
    return math.sqrt(30 * EPS) * max(ratio, 1 / ratio)


@given(histories(dtypes=(torch.float32, torch.float64, torch.bfloat16, torch.float16)))
def test_no_update_is_no_change(history):
    w = history[0]
    found = weight_change(w, w.clone(), w.clone())
    left_out = {"rwc_elementwise", *ROBUST} if not w.any() else set()
    for name in RELATIVE:
        assert math.isnan(found[name]) if name in left_out else found[name] == 0, name


@given(histories(), st.integers(-20, 20), st.booleans())
def test_scaling_a_whole_history_changes_nothing(history, power, mirrored):
    factor = 2.0**power * (-1 if mirrored else 1)
    scaled, plain = weight_change(*(x * factor for x in history)), weight_change(*history)
    # A power of two scales every sum without a rounding.
    assert scaled == pytest.approx(plain, rel=0, abs=0, nan_ok=True)


@given(histories(dtypes=(torch.float32,)), st.integers(1, 10**6), st.integers(-30, 30))
def test_scaling_by_any_constant(history, factor, power):
    # Held in float64, float32 values times a number of 20 bits are exact; what is left are the sums' own roundings.
    scaled = weight_change(*(x.double() * factor * 2.0**power for x in history))
    close(scaled, weight_change(*(x.double() for x in history)), rotation=1e-5)


@given(histories(), st.randoms(use_true_random=False))
def test_the_order_of_the_elements_does_not_matter(history, random):
    order = list(range(len(history[0])))
    random.shuffle(order)
    close(weight_change(*(x[order] for x in history)), weight_change(*history))


@given(histories(), st.lists(st.integers(0, 200), max_size=4))
def test_shards_add_up_to_the_whole(history, cuts):
    n = len(history[0])
    cuts = sorted(min(cut, n) for cut in cuts)
    shards = zip(*(x.tensor_split(cuts) for x in history), strict=True)
    rows = torch.cat([sum_weights(*([part] for part in shard), SUMS) for shard in shards])
    whole = sum_weights(*([x] for x in history), SUMS)
    exact = [COLUMN[name] for name in ("elements", "nonzero", "nonfinite", "changed", "changed_from_init")]
    assert torch.equal(rows.sum(0)[exact], whole[0, exact])
    names = tuple(MEASURES)
    merged = {name: float(value[0]) for name, value in measures_of(rows.sum(0, keepdim=True).numpy(), names).items()}
    close(merged, weight_change(*history, measures=names), names)


@given(histories(max_size=3_000, dtypes=(torch.float32, torch.float64, torch.bfloat16)), st.booleans(), st.booleans())
def test_all_kernels_give_the_same_sums(history, more, keep):
    rows = {}
    for kernel in ("compiled", "chunked"):
        rows[kernel] = np.zeros(len(SUMS))
        w, v, u = (x.clone() for x in history)
        add_sums(w, v, u, rows[kernel], more=more, keep=keep, kernel=kernel)
    earlier, later, initial = ([x.clone()] for x in history)
    rows["packed"] = packed.sum_packed(earlier, later, initial, more=more, keep=keep, bucket=2)[0]
    largest = max(np.abs(row).max() for row in rows.values())
    for row in rows.values():
        # Signed sums round relative to their largest terms; the columns are of one order of magnitude here.
        np.testing.assert_allclose(row, rows["chunked"], rtol=1e-12, atol=1e-13 * largest)


@given(histories(zeros=False), st.integers(0, 2**32 - 1))
def test_triangle_inequality_of_the_norms(history, seed):
    w, v, _ = history
    assume(v.any())
    x = torch.tensor(np.random.default_rng(seed).normal(size=len(w)), dtype=w.dtype)
    for name, norm in (("rwc_l1", 1), ("rwc_l2", 2)):
        there, back = (float(torch.linalg.vector_norm(y.double(), norm)) for y in (w, v))
        direct, first = alone(name, w, x) * there, alone(name, w, v) * there
        second = alone(name, v, x) * back
        assert direct <= (first + second) * (1 + 1e-12)
        assert abs(first - second) <= direct * (1 + 1e-12) + 1e-12 * (first + second)


@given(histories())
def test_the_trimmed_mean_and_the_median_lie_among_the_ratios(history):
    w, v, _ = (x.double() for x in history)
    assume(w.any())
    ratios = (v - w)[w != 0].abs() / w[w != 0].abs()
    found = ratio_summaries(w, v)
    for value in found.values():
        assert ratios.min() * (1 - 1e-12) <= value <= ratios.max() * (1 + 1e-12)
    assert found["rwc_median"] == float(np.median(ratios.numpy()))


@given(histories(zeros=False))
def test_rotation_is_an_angle_and_does_not_know_which_came_first(history):
    w, v, _ = history
    assume(v.any())
    angle, back = alone("rotation", w, v), alone("rotation", v, w)
    assert 0 <= angle <= math.pi
    assert angle == pytest.approx(back, abs=angle_error(w, v), nan_ok=True)


@given(histories(dtypes=(torch.float64,), zeros=False), st.floats(1e-2, 1e2), st.floats(1e-2, 1e2))
def test_rotation_does_not_know_lengths(history, first, second):
    w, v, _ = history
    assume(v.any())
    error = angle_error(w, v) + angle_error(w * first, v * second)
    expected = pytest.approx(alone("rotation", w, v), abs=error, nan_ok=True)
    assert alone("rotation", w * first, v * second) == expected


@given(histories(zeros=False))
def test_reversal_is_pi(history):
    w = history[0]
    found = weight_change(w, -w)
    assert found["rotation"] == math.pi
    assert found["rwc_l1"] == found["rwc_l2"] == found["rwc_elementwise"] == found["rwc_median"] == 2


@given(histories(zeros=False))
def test_the_l1_change_is_a_mean_of_the_ratios(history):
    w, v, _ = (x.double() for x in history)
    ratios = (v - w).abs() / w.abs()
    assert float(ratios.min()) * (1 - 1e-12) <= alone("rwc_l1", w, v) <= float(ratios.max()) * (1 + 1e-12)
