"""Changes of single weights and of many: METHODS B1, every kind of tensor, and what is refused."""

import math

import numpy as np
import pytest
import torch

from layerlore.dynamics.change import check_weight, sum_weights, weight_change
from layerlore.dynamics.kernels.weights import check_devices
from layerlore.dynamics.measures import COUNTS, MEASURES, ROBUST, measures_of, needed_sums
from layerlore.dynamics.sums import COLUMN, FROM_INIT, SUMS
from layerlore.errors import InputError
from reference import change_by_definition

RELATIVE = ("rwc_l1", "rwc_l2", "rwc_elementwise", "update_to_weight", "rotation", "rwc_median", "rwc_trimmed")
FROM_START = ("rotation_from_init", "distance_from_init")
LOOKED_AT = [name for name in MEASURES if name not in FROM_START]
EPS = 2.0**-52


def trio(dtype=torch.float32, shape=(10, 20), step=0.01, seed=0):
    generator = torch.Generator().manual_seed(seed)
    kind = torch.complex128 if dtype.is_complex else torch.float64
    u, far, near = (torch.randn(shape, dtype=kind, generator=generator) for _ in range(3))
    w = u + 0.5 * far
    return w.to(dtype), (w + step * near).to(dtype), u.to(dtype)


def assert_equal(found: dict[str, float], exact: dict[str, float], **tolerance) -> None:
    """Sums of a few hundred terms are right to some ten roundings; a measure divides two of them."""
    assert found.keys() == exact.keys()
    for name, value in exact.items():
        assert found[name] == pytest.approx(value, **({"rel": 1e-13, "abs": 0} | tolerance), nan_ok=True), name


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("step", [1.0, 1e-2, 1e-3])
def test_measures_are_those_of_the_definition(dtype, step):
    weights = trio(dtype, step=step)
    # The update's own variance is taken about its mean, at the cost of a digit.
    assert_equal(weight_change(*weights), change_by_definition.measures(*weights), rel=1e-12)


@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128])
def test_complex_weights_change_by_their_modulus(dtype):
    weights = trio(dtype, (40,))
    assert_equal(weight_change(*weights), change_by_definition.measures(*weights), rel=1e-12)


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e4m3fnuz])
def test_float8(dtype):
    weights = trio(dtype, step=0.3)
    assert_equal(weight_change(*weights), change_by_definition.measures(*weights), rel=1e-12)


def test_the_order_is_measures_then_counts():
    w, v, u = trio()
    assert tuple(weight_change(w, v, u)) == (*MEASURES, *ROBUST, *COUNTS)
    assert tuple(weight_change(w, v)) == (*LOOKED_AT, *ROBUST, *COUNTS)
    assert tuple(weight_change(w, v, measures=["rwc_median", "rwc_l2"])) == ("rwc_l2", "rwc_median", *COUNTS)
    assert tuple(weight_change(w, v, measures="rwc_trimmed")) == ("rwc_trimmed", *COUNTS)


def test_one_measure_is_the_same_alone():
    weights = trio()
    together = weight_change(*weights)
    for name in (*MEASURES, *ROBUST):
        # rwc_l1 alone takes a shorter loop, whose lanes add in another order.
        assert weight_change(*weights, measures=name)[name] == pytest.approx(together[name], rel=1e-14)


class TestPublished:
    """Against the authors' code. Its own error: every ratio rounds three times and the mean of n float32 is added
    pairwise in runs of 128 / 8, so that n = 1e5 costs at worst (3 + 16 + 10) * 6e-8 = 1.7e-6, and, as roundings go both
    ways, some root of 29 times 6e-8 = 3e-7 in practice: 1e-6 is asked."""

    @pytest.mark.parametrize("seed", range(5))
    @pytest.mark.parametrize("shape", [(64, 3, 3, 3), (512, 200), (10,)])
    def test_same_value(self, seed, shape):
        w, v, _ = trio(shape=shape, seed=seed)
        (theirs,), _ = change_by_definition.published([w.numpy()], [v.numpy()])
        assert weight_change(w, v)["rwc_elementwise"] == pytest.approx(theirs, rel=1e-6)

    def test_finite_where_theirs_is_infinite(self):
        w, v, _ = trio()
        w[3, 4:9] = 0
        (theirs,), _ = change_by_definition.published([w.numpy()], [v.numpy()])
        assert theirs == math.inf
        found = weight_change(w, v)
        without = w != 0
        (expected,), _ = change_by_definition.published([w[without].numpy()], [v[without].numpy()])
        assert found["rwc_elementwise"] == pytest.approx(expected, rel=1e-6)
        assert found["zero_weights"] == 5

    def test_finite_where_theirs_divides_by_a_denormal(self):
        w, v = torch.tensor([1e-44, 1.0]), torch.tensor([1e30, 1.5])
        (theirs,), _ = change_by_definition.published([w.numpy()], [v.numpy()])
        assert theirs == math.inf
        assert weight_change(w, v)["rwc_elementwise"] == pytest.approx(float(v[0]) / float(w[0]) / 2, rel=1e-12)


class TestRotation:
    """An angle is the root of a squared chord that is right to ``k eps |d|**2 / |w|**2``, with some ten roundings in
    ``k``. So it is right to a relative 1e-12 or so where the change is across the weight, however small, and to
    ``sqrt(k eps)`` of the relative change where it is along it."""

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    @pytest.mark.parametrize("step", [1e-15, 1e-12, 1e-9, 1e-6, 1e-3, 1.0, 1e3])
    def test_across(self, dtype, step):
        w, v, _ = trio(dtype, step=step)
        if torch.equal(w, v):
            v[0] += step * torch.finfo(dtype).eps / EPS
        found = weight_change(w, v)
        exact = change_by_definition.measures(w, v)
        assert exact["rotation"] == 0 or found["rotation"] == pytest.approx(exact["rotation"], rel=1e-11, abs=0)

    def test_float64_weights_that_turn_by_a_billionth(self):
        w, v = torch.tensor([1.0, 0.0], dtype=torch.float64), torch.tensor([1.0, 1e-9], dtype=torch.float64)
        assert weight_change(w, v)["rotation"] == pytest.approx(1e-9, rel=1e-14)

    @pytest.mark.parametrize("factor", [1 - 1e-9, 1 - 1e-4, 0.5, 0.1, 1 + 1e-6, 2.0, 3.0, 100.0])
    def test_along(self, factor):
        w = trio(torch.float64)[0]
        v = w * factor
        exact = change_by_definition.measures(w, v)
        # Rounding of w * factor turns it by some 1e-16; the chord's own error is relative to the longer of the two.
        allowed = math.sqrt(30 * EPS * max(factor, 1 / factor)) * exact["rwc_l2"] / max(1.0, exact["rwc_l2"])
        assert abs(weight_change(w, v)["rotation"] - exact["rotation"]) <= allowed

    @pytest.mark.parametrize("decay", [1e-2, 1e-4, 5e-7])
    def test_weight_decay_in_float32_turns_by_its_rounding_alone(self, decay):
        w = trio()[0]
        v = w * (1 - decay)
        exact = change_by_definition.measures(w, v)["rotation"]
        assert 1e-9 < exact < 1e-7
        assert weight_change(w, v)["rotation"] == pytest.approx(exact, rel=1e-3)

    @pytest.mark.parametrize("step", [0.0, 1e-6, 1e-3, 0.1])
    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_near_opposite(self, step, dtype):
        w, v, _ = trio(dtype, step=step)
        exact = change_by_definition.measures(w, -v)["rotation"]
        # The chord is 2 and its square right to 4 k eps, which an arc this flat turns into its root.
        assert weight_change(w, -v)["rotation"] == pytest.approx(exact, abs=math.sqrt(40 * EPS))
        if step >= 0.1:
            assert weight_change(w, -v)["rotation"] == pytest.approx(exact, rel=1e-12)

    def test_opposite_and_perpendicular(self):
        w = trio()[0]
        assert weight_change(w, -w)["rotation"] == math.pi
        assert weight_change(torch.tensor([3.0, 0.0]), torch.tensor([0.0, 5.0]))["rotation"] == pytest.approx(
            math.pi / 2
        )

    @pytest.mark.parametrize("factor", [1e-3, 1e-2, 1e4, 1e6])
    def test_very_different_lengths(self, factor):
        w, v, _ = trio(torch.float64, step=1.0)
        v = v * factor
        exact = change_by_definition.measures(w, v)["rotation"]
        # The squared chord is off by k eps times the ratio of lengths, or its inverse squared.
        assert weight_change(w, v)["rotation"] == pytest.approx(exact, abs=30 * EPS * max(factor, factor**-2))

    @pytest.mark.parametrize("factor", [1e-5, 1e-9, 0.0, 1e9])
    def test_unknown_rather_than_rounded_away(self, factor):
        w, v, _ = trio(torch.float64, step=1.0)
        assert math.isnan(weight_change(w, v * factor)["rotation"])


@pytest.mark.parametrize("scale", [1e30, 1e-30, 1e-37])
def test_huge_and_tiny_float32_weights(scale):
    weights = [(x.double() * scale).float() for x in trio(step=0.1)]
    assert_equal(weight_change(*weights), change_by_definition.measures(*weights), rel=1e-12)


@pytest.mark.parametrize("scale", [1e150, 1e-130])
def test_huge_and_tiny_float64_weights(scale):
    weights = [x * scale for x in trio(torch.float64, step=0.1)]
    assert_equal(weight_change(*weights), change_by_definition.measures(*weights), rel=1e-12)


@pytest.mark.parametrize("scale", [1e-160, 1e-310, 1e200, 1e307])
def test_float64_weights_beyond_the_range_of_their_squares(scale):
    weights = [x * scale for x in trio(torch.float64, step=0.1)]
    found = weight_change(*weights)
    for name in ("rwc_l2", "rotation", "rotation_from_init", "distance_from_init", "update_to_weight"):
        assert math.isnan(found[name]), name
    exact = change_by_definition.measures(*weights)["rwc_l1"]
    assert found["rwc_l1"] == pytest.approx(exact if scale < 1e300 else math.nan, rel=1e-12, nan_ok=True)


def test_sums_beyond_float64_are_nan():
    w = torch.full((4,), 1e308, dtype=torch.float64)
    found = weight_change(w, -w)
    assert all(math.isnan(found[name]) for name in RELATIVE)
    assert found["nonfinite"] == 0


def test_half_precision_sums_do_not_overflow():
    w = torch.full((1_000,), 60_000, dtype=torch.float16)
    found = weight_change(w, -w)
    assert found["rwc_l1"] == found["rwc_l2"] == found["rwc_elementwise"] == 2


class TestZeros:
    def test_unchanged_is_exactly_zero(self):
        for weight in (
            trio()[0],
            torch.ones(5),
            torch.tensor(3.0),
            torch.full((4, 4), 1e-40),
            -torch.rand(2_000) * 1e30,
        ):
            found = weight_change(weight, weight.clone(), weight.clone())
            assert [found[name] for name in (*RELATIVE, *FROM_START)] == [0.0] * 9

    def test_unchanged_zeros(self):
        found = weight_change(torch.zeros(5), -torch.zeros(5))
        assert [found[name] for name in ("rwc_l1", "rwc_l2", "rotation", "update_to_weight")] == [0.0] * 4
        assert all(math.isnan(found[name]) for name in ("rwc_elementwise", "rwc_median", "rwc_trimmed"))
        assert (found["zero_weights"], found["zero_start"], found["nonfinite"]) == (5, 0, 0)

    def test_out_of_nothing(self):
        found = weight_change(torch.zeros(2, 2), torch.tensor([[0.0, 1.0], [0.0, 0.0]]), torch.zeros(2, 2))
        assert all(math.isnan(found[name]) for name in (*RELATIVE, *FROM_START))
        assert (found["zero_weights"], found["zero_start"], found["nonfinite"]) == (4, 1, 0)

    def test_into_nothing(self):
        w = torch.tensor([1.0, -3.0])
        found = weight_change(w, torch.zeros(2))
        assert [found[name] for name in ("rwc_l1", "rwc_l2", "rwc_elementwise")] == [1.0] * 3
        assert math.isnan(found["rotation"])

    def test_no_elements(self):
        found = weight_change(torch.ones(0, 3), torch.ones(0, 3), torch.ones(0, 3))
        assert all(math.isnan(found[name]) for name in (*RELATIVE, *FROM_START))
        assert [found[name] for name in COUNTS] == [0, 0, 0]

    def test_one_element_has_no_spread(self):
        found = weight_change(torch.tensor(2.0), torch.tensor(3.0))
        assert found["rwc_l1"] == found["rwc_median"] == 0.5
        assert math.isnan(found["update_to_weight"])
        assert found["rotation"] == 0


class TestNotFinite:
    @pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
    @pytest.mark.parametrize("where", [[0], [1], [0, 1]])
    def test_counted_and_not_measured(self, bad, where):
        weights = trio()
        for place in where:
            weights[place][2, 3:6] = bad
        found = weight_change(*weights)
        assert all(math.isnan(found[name]) for name in (*RELATIVE, *FROM_START))
        assert found["nonfinite"] == 3

    def test_after_a_zero(self):
        found = weight_change(torch.tensor([0.0, 1.0]), torch.tensor([math.nan, 1.0]))
        assert all(math.isnan(found[name]) for name in RELATIVE)

    def test_all_nan(self):
        weight = torch.full((3, 3), math.nan)
        found = weight_change(weight, weight)
        assert all(math.isnan(found[name]) for name in RELATIVE)
        assert found["nonfinite"] == 9

    def test_initial(self):
        w, v, u = trio()
        u[0, 0] = math.inf
        found = weight_change(w, v, u)
        assert math.isnan(found["rotation_from_init"])
        assert math.isnan(found["distance_from_init"])
        assert found["rwc_l1"] == weight_change(w, v)["rwc_l1"]


class TestSpread:
    def test_of_a_constant_update(self):
        w = torch.linspace(1, 2, 100, dtype=torch.float64)
        assert weight_change(w, w + 0.125)["update_to_weight"] == 0

    @pytest.mark.parametrize("value", [1.0, 0.1, -0.3, 1e5 / 3])
    @pytest.mark.parametrize("n", [50, 777, 5_000])
    def test_of_a_constant_weight(self, value, n):
        # Cancellation leaves some 1e-16 of the squared mean, which is not a spread.
        weight, step = torch.full((n,), value, dtype=torch.float64), torch.linspace(1, 2, n, dtype=torch.float64)
        assert math.isnan(weight_change(weight, weight + step)["update_to_weight"])
        assert weight_change(step, step + 2.0 ** round(math.log2(abs(value))))["update_to_weight"] < 1e-9

    def test_far_from_the_mean(self):
        # std / mean = 1e-5: the variance keeps 16 - 10 digits.
        w, v, _ = trio(torch.float64, step=0.1)
        w, v = 1 + 1e-5 * w, 1 + 1e-5 * v
        exact = change_by_definition.update_to_weight(*map(change_by_definition.elements, (w, v)))
        assert weight_change(w, v)["update_to_weight"] == pytest.approx(exact, rel=1e-4)


class Named(torch.Tensor):
    """A subclass that adds nothing."""


class TestTensors:
    def test_nothing_is_written(self):
        weights = trio()
        copies = [x.clone() for x in weights]
        weight_change(*weights)
        assert all(torch.equal(x, copy) for x, copy in zip(weights, copies, strict=True))

    def test_parameters(self):
        w, v, u = (torch.nn.Parameter(x) for x in trio())
        assert weight_change(w, v, u) == weight_change(*trio())
        assert w.grad_fn is None
        assert sum_weights([w * 2], [v * 2], None, SUMS[:12]).requires_grad is False

    @pytest.mark.filterwarnings("ignore:Sparse CS:UserWarning")
    @pytest.mark.parametrize(
        "layout", [torch.sparse_coo, torch.sparse_csr, torch.sparse_csc], ids=["coo", "csr", "csc"]
    )
    def test_sparse_weights_are_measured_as_dense_ones(self, layout):
        w, v, u = trio()
        w[:, ::3] = 0
        v[:, ::3] = 0
        sparse = [x.to_sparse(layout=layout) for x in (w, v, u)]
        assert weight_change(*sparse) == weight_change(w, v, u)

    def test_uncoalesced_entries_are_added(self):
        doubled = torch.sparse_coo_tensor([[0, 0, 2]], [1.0, 2.0, 4.0], (3,), check_invariants=True)
        assert check_weight("w", doubled).tolist() == [3.0, 0.0, 4.0]

    @pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
    def test_quantised_weights_are_dequantised(self):
        w, v, _ = trio()
        quantised = [torch.quantize_per_tensor(x, 0.05, 10, torch.qint8) for x in (w, v)]
        assert weight_change(*quantised) == weight_change(*(x.dequantize() for x in quantised))

    def test_quantised_weights_of_other_libraries_are_dequantised(self):
        class Halves(torch.Tensor):
            def dequantize(self):
                return self.as_subclass(torch.Tensor).float() / 2

        weight = torch.tensor([2, 3], dtype=torch.int8).as_subclass(Halves)
        assert check_weight("w", weight).tolist() == [1.0, 1.5]

    def test_conjugated_and_negated_views(self):
        z = torch.randn(10, dtype=torch.complex64)
        negative = z.conj().imag
        assert negative.is_neg()
        assert not check_weight("w", negative.as_subclass(Named)).is_neg()
        assert weight_change(negative, z.real) == weight_change(-z.imag, z.real)
        assert weight_change(z.conj(), z) == weight_change(z.conj().resolve_conj(), z)

    def test_subclasses(self):
        w, v, _ = trio()
        assert weight_change(w.as_subclass(Named), v) == weight_change(w, v)

    @pytest.mark.parametrize("dtype", [torch.int8, torch.uint8, torch.int64, torch.bool])
    def test_numbers_without_a_scale_are_refused(self, dtype):
        with pytest.raises(InputError, match=f"'later' is {dtype}.*dequantise"):
            weight_change(torch.ones(3), torch.ones(3, dtype=dtype))

    def test_packed_numbers_are_refused(self):
        packed = torch.zeros(3, dtype=torch.uint8).view(torch.float4_e2m1fn_x2)
        with pytest.raises(InputError, match=r"'head' is torch.float4_e2m1fn_x2"):
            check_weight("head", packed)

    def test_weights_without_values_are_refused(self):
        with pytest.raises(InputError, match=r"'fc.weight' is on the meta device"):
            check_weight("fc.weight", torch.ones(3, device="meta"))
        with pytest.raises(InputError, match=r"'fc.weight' is lazy .* one batch"):
            check_weight("fc.weight", torch.nn.LazyLinear(3).weight)

    def test_sharded_and_nested_weights_are_refused(self):
        class Shard(torch.Tensor):
            placements = ()

            def to_local(self):
                raise AssertionError

        with pytest.raises(InputError, match=r"is a DTensor.*full_tensor"):
            check_weight("w", torch.ones(3).as_subclass(Shard))
        with pytest.raises(InputError, match="nested"):
            check_weight("w", torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=torch.jagged))

    def test_other_things_are_refused(self, without_type_checks):
        with pytest.raises(InputError, match=r"'w' is a ndarray, not a torch.Tensor"):
            check_weight("w", np.ones(3))

    def test_what_is_dense_is_not_copied(self):
        for weight in (torch.ones(3), torch.nn.Parameter(torch.ones(3)), torch.ones(3, 2).t()):
            assert check_weight("w", weight).data_ptr() == weight.data_ptr()


class TestPairs:
    def test_shapes(self):
        with pytest.raises(InputError, match=r"shape \[3\] in the earlier snapshot and \[3, 1\]"):
            weight_change(torch.ones(3), torch.ones(3, 1))
        with pytest.raises(InputError, match=r"shape \[2\] in the initial snapshot and \[3\]"):
            weight_change(torch.ones(3), torch.ones(3), torch.ones(2))

    def test_complex_and_real(self):
        with pytest.raises(InputError, match=r"torch.float32 in the earlier snapshot and torch.complex64"):
            weight_change(torch.ones(3), torch.ones(3, dtype=torch.complex64))

    def test_devices(self):
        cpu, first, second = map(torch.device, ("cpu", "cuda:0", "cuda:1"))
        for earlier, later in ((cpu, cpu), (cpu, first), (first, first)):
            check_devices("w", earlier, later)
        for earlier, later in ((first, cpu), (first, second)):
            with pytest.raises(InputError, match=f"'w' is on {earlier} in the earlier snapshot and on {later}"):
                check_devices("w", earlier, later)

    def test_measures(self):
        with pytest.raises(InputError, match=r"measures='rwc_l3' is not known; did you mean .*'rwc_l1'"):
            weight_change(torch.ones(3), torch.ones(3), measures=["rwc_l3"])
        with pytest.raises(InputError, match="measures is empty"):
            weight_change(torch.ones(3), torch.ones(3), measures=[])
        with pytest.raises(InputError, match=r"'distance_from_init'.*initial is None"):
            weight_change(torch.ones(3), torch.ones(3), measures=["distance_from_init", "rwc_l1"])


class TestMany:
    def weights(self):
        shapes = [(64, 3, 3, 3), (64,), (), (0, 4), (10, 64), (3_000,)]
        sets = [trio(shape=shape, seed=seed) for seed, shape in enumerate(shapes)]
        sets.append(trio(torch.complex64, (7,)))
        sets.append(trio(torch.bfloat16, (700,)))
        return [list(part) for part in zip(*sets, strict=True)]

    def test_each_row_is_that_of_the_weight_alone(self):
        earlier, later, initial = self.weights()
        sums = sum_weights(earlier, later, initial, SUMS)
        assert sums.shape == (8, 16)
        assert sums.dtype == torch.float64
        for row, trio in zip(sums, zip(earlier, later, initial, strict=True), strict=True):
            alone = sum_weights(*([weight] for weight in trio), SUMS)
            assert torch.equal(alone[0], row)
            values = measures_of(alone.numpy(), tuple(MEASURES))
            change = weight_change(*trio, measures=tuple(MEASURES))
            assert all(values[name][0] == pytest.approx(change[name], nan_ok=True) for name in values)

    def test_columns_not_asked_for_are_nan(self):
        earlier, later, initial = self.weights()
        everything = sum_weights(earlier, later, initial, SUMS)
        for measure in MEASURES:
            columns = needed_sums([measure])
            found = sum_weights(earlier, later, initial, columns)
            for name in SUMS:
                column = found[:, COLUMN[name]]
                if name in columns:
                    assert torch.allclose(column, everything[:, COLUMN[name]], rtol=1e-14, atol=0, equal_nan=True), name
                else:
                    assert column.isnan().all(), name

    def test_no_weights(self):
        assert sum_weights([], [], None, SUMS[:12]).shape == (0, 16)

    def test_keep(self):
        earlier, later, initial = self.weights()
        plain = sum_weights(earlier, later, initial, SUMS)
        assert torch.equal(sum_weights(earlier, later, initial, SUMS, keep=True), plain)
        assert all(torch.equal(w, v) for w, v in zip(earlier, later, strict=True))
        unchanged = sum_weights(earlier, later, initial, SUMS, keep=True)
        assert not unchanged[:, COLUMN["changed"]].any()

    def test_nothing_is_kept_where_something_is_wrong(self):
        earlier, later, _ = self.weights()
        copies = [weight.clone() for weight in earlier]
        with pytest.raises(InputError, match=r"weight '7' has shape \[700\]"):
            sum_weights(earlier, [*later[:7], torch.ones(3)], None, SUMS[:12], keep=True)
        assert all(torch.equal(w, copy) for w, copy in zip(earlier, copies, strict=True))

    def test_a_snapshot_that_cannot_be_written(self):
        with pytest.raises(InputError, match="weight '0': the snapshot is expanded"):
            sum_weights([torch.ones(1).expand(3)], [torch.ones(3)], None, SUMS[:12], keep=True)
        with pytest.raises(InputError, match="weight '0': a sparse or quantised snapshot"):
            sum_weights([torch.ones(3).to_sparse()], [torch.ones(3)], None, SUMS[:12], keep=True)

    def test_numbers_of_weights(self):
        with pytest.raises(InputError, match=r"hold \[1, 2\] weights"):
            sum_weights([torch.ones(3)], [torch.ones(3)] * 2, None, SUMS[:12])
        with pytest.raises(InputError, match=r"hold \[0, 1\] weights"):
            sum_weights([torch.ones(3)], [torch.ones(3)], [], SUMS)

    def test_columns(self):
        with pytest.raises(InputError, match="columns='change' is not known"):
            sum_weights([torch.ones(3)], [torch.ones(3)], None, ["change"])
        for name in FROM_INIT:
            with pytest.raises(InputError, match="initial is None"):
                sum_weights([torch.ones(3)], [torch.ones(3)], None, [name])

    def test_random_state_stays(self):
        state = torch.get_rng_state()
        sum_weights(*self.weights(), SUMS)
        weight_change(torch.ones(3), torch.ones(3))
        assert torch.equal(torch.get_rng_state(), state)
