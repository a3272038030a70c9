"""Pooling of sums into a ledger, its intervals, and its other forms (METHODS A6, A9)."""

import itertools
import json
import math

import numpy as np
import pytest

from layerlore.interactions.bootstrap import resampling_weights
from layerlore.interactions.ledger import RATIOS, build_ledger
from layerlore.interactions.shares import SUMS
from reference import ledger_by_definition as definition

COORDS = {"target": ["target 0", "target 1"], "layer": ["x", "y", "z"]}
SHAPE = (5, 2, 3, 5, 2, 4)
CONFIDENCE = 0.9


def random_sums(seed):
    """Sums that hang together: overlap, forget and new at random, the rest from them."""
    overlap, forget, new = np.random.default_rng(seed).exponential(size=(3, *SHAPE[:3], *SHAPE[4:]))
    return np.stack([overlap, forget, new, overlap + forget, overlap + new], axis=3)


@pytest.fixture
def parts():
    return random_sums(0), random_sums(1), random_sums(2)


def build(parts, weights=None):
    weights = resampling_weights(SHAPE[0], 40, 0) if weights is None else weights
    return build_ledger(*parts, COORDS, "final", weights, CONFIDENCE)


def named(sums):
    """Sums ``[sample, 5]`` as the definition wants them."""
    return [dict(zip(SUMS, sample, strict=True)) for sample in sums]


def test_every_cell_is_pooled_over_samples_by_definition(parts):
    ledger = build(parts)
    for target, layer in np.ndindex(2, 3):
        for op, order in np.ndindex(2, 4):
            cell = ledger.by_order.isel(target=target, layer=layer, op=op, order=order)
            for name, value in definition.pooled(named(parts[0][:, target, layer, :, op, order])).items():
                assert cell[name].item() == pytest.approx(value, rel=1e-12), name
        cell = ledger.total.isel(target=target, layer=layer)
        for name, value in definition.pooled(named(parts[0][:, target, layer].sum((-2, -1)))).items():
            assert cell[name].item() == pytest.approx(value, rel=1e-12), name


def test_ceiling_and_floor_are_pooled_likewise(parts):
    ledger = build(parts)
    for line, sums in zip(("ceiling", "floor"), parts[1:], strict=True):
        for target, layer in np.ndindex(2, 3):
            pooled = definition.pooled(named(sums[:, target, layer].sum((-2, -1))))
            cell = ledger.by_order.isel(target=target, layer=layer, op=1, order=2)
            by_order = definition.pooled(named(sums[:, target, layer, :, 1, 2]))
            for name in RATIOS:
                found = ledger.total[f"{line}_{name}"].isel(target=target, layer=layer).item()
                assert found == pytest.approx(pooled[name], rel=1e-12)
                assert cell[f"{line}_{name}"].item() == pytest.approx(by_order[name], rel=1e-12)


def test_ratios_are_of_sums_and_not_means_of_ratios():
    sums = np.zeros((2, 1, 1, 5, 2, 1))
    sums[:, 0, 0, :, 0, 0] = [[1.0, 0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 3.0, 0.0, 3.0]]
    ledger = build_ledger(
        sums, sums, sums, {"target": ["t"], "layer": ["l"]}, "final", resampling_weights(2, 5, 0), CONFIDENCE
    )
    assert ledger.total.completeness.item() == 0.25
    assert ledger.total.redundancy.item() == 0.0
    # OR holds nothing: 0/0 is neither 0 nor 1.
    assert np.isnan(ledger.by_order.completeness.sel(op="or")).all()
    assert np.isnan(ledger.by_order.redundancy_low.sel(op="or")).all()
    assert (ledger.by_order.overlap.sel(op="or") == 0).all()


def test_intervals_are_percentiles_of_resampled_values(parts):
    weights = resampling_weights(SHAPE[0], 40, 0)
    ledger = build(parts, weights)
    target, layer, op, order = 1, 2, 0, 3
    draws = []
    for row in weights:
        drawn = list(itertools.chain(*([i] * round(w * SHAPE[0]) for i, w in enumerate(row))))
        draws.append(definition.pooled(named(parts[0][drawn][:, target, layer, :, op, order])))
    cell = ledger.by_order.isel(target=target, layer=layer, op=op, order=order)
    for name in (*SUMS, *RATIOS):
        low, high = np.quantile([draw[name] for draw in draws], [0.05, 0.95])
        assert cell[f"{name}_low"].item() == pytest.approx(low, rel=1e-12), name
        assert cell[f"{name}_high"].item() == pytest.approx(high, rel=1e-12), name


def test_identical_samples_leave_no_uncertainty(parts):
    same = tuple(np.broadcast_to(part[:1], part.shape).copy() for part in parts)
    ledger = build(same)
    for name in (*SUMS, *RATIOS):
        for end in ("low", "high"):
            np.testing.assert_allclose(ledger.total[f"{name}_{end}"], ledger.total[name], rtol=1e-12)


def test_samples_without_a_floor_are_left_out(parts):
    sums, ceiling, floor = parts
    floor[[0, 3], 1] = np.nan
    floor[:, 0] = np.nan
    ledger = build((sums, ceiling, floor))
    assert np.isnan(ledger.total.floor_completeness[0]).all()
    pooled = definition.pooled(named(floor[[1, 2, 4], 1, 1].sum((-2, -1))))
    assert ledger.total.floor_redundancy[1, 1].item() == pytest.approx(pooled["redundancy"], rel=1e-12)


def test_a_layer_without_unit_is_undefined_and_its_neighbours_are_not(parts):
    for part in parts:
        part[:, :, 1] = np.nan
    ledger = build(parts)
    for data in (ledger.total, ledger.by_order):
        for variable in data.data_vars.values():
            assert np.isnan(variable.sel(layer="y")).all()
            assert np.isfinite(variable.sel(layer=["x", "z"])).all()


def test_as_a_table_and_as_strict_json(parts):
    parts[0][:, 0, 0] = np.nan
    ledger = build(parts)
    table = ledger.to_dataframe()
    assert len(table) == 2 * 3 * 2 * 4
    assert set(table.columns) == {"target", "layer", "op", "order", *ledger.by_order.data_vars}
    row = table[(table.target == "target 1") & (table.layer == "z") & (table.op == "or") & (table.order == 2)]
    cell = ledger.by_order.sel(target="target 1", layer="z", op="or", order=2)
    assert row.new_high.item() == cell.new_high.item()

    plain = ledger.to_json()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert (plain["reference"], plain["confidence"]) == ("final", CONFIDENCE)
    assert len(plain["total"]) == 6
    first = next(row for row in plain["total"] if (row["target"], row["layer"]) == ("target 0", "x"))
    assert first["overlap"] is None
    assert first["completeness_low"] is None
    for found in plain["by_order"]:
        place = {name: found[name] for name in ("target", "layer", "op", "order")}
        value = ledger.by_order.redundancy.sel(place).item()
        assert found["redundancy"] == (None if math.isnan(value) else value)
