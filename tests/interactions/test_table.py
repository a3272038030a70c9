"""Interactions as rows."""

import numpy as np
import pytest

from layerlore.interactions.table import effects_table
from reference import ledger_by_definition as definition

TARGETS, LAYERS = ["t", "u"], ["a", "b", "output"]


@pytest.fixture
def measures():
    rng = np.random.default_rng(0)
    effects = rng.standard_normal((2, 3, 2, 8))
    return effects, rng.uniform(0.5, 1.5, (2, 3)), rng.uniform(1, 2, (2, 3))


def by_definition(effects, thresholds, units):
    rows = []
    for target, layer, op in np.ndindex(2, 3, 2):
        for S, effect in definition.by_interaction(effects[target, layer, op]).items():
            rows.append(
                {
                    "sample": 5,
                    "target": TARGETS[target],
                    "layer": LAYERS[layer],
                    "op": ("and", "or")[op],
                    "order": len(S),
                    "coalition": sum(2**i for i in S),
                    "players": tuple(sorted(S)),
                    "effect": effect,
                    "relative_effect": effect / units[target, layer],
                    "salient": abs(effect) > thresholds[target, layer],
                }
            )
    return rows


@pytest.mark.parametrize("salient_only", [True, False])
def test_rows_by_definition(measures, salient_only):
    effects, thresholds, units = measures
    table = effects_table(5, effects, thresholds, units, TARGETS, LAYERS, salient_only)
    rows = by_definition(effects, thresholds, units)
    kept = [row for row in rows if row["salient"] or not salient_only]
    assert 0 < sum(row["salient"] for row in rows) < len(rows)
    assert table.to_dict("records") == kept
    assert list(table.columns) == list(rows[0])


def test_without_a_unit_the_relative_effect_is_undefined(measures):
    effects, thresholds, units = measures
    units[0, 1] = 0
    table = effects_table(0, effects, thresholds, units, TARGETS, LAYERS, False)
    nothing = (table.target == "t") & (table.layer == "b")
    assert table.relative_effect.isna().equals(nothing)
    assert table.effect.notna().all()


def test_nothing_salient_is_an_empty_table_with_all_columns(measures):
    effects, thresholds, units = measures
    full = effects_table(0, effects, thresholds, units, TARGETS, LAYERS, True)
    empty = effects_table(0, effects, np.full((2, 3), 99.0), units, TARGETS, LAYERS, True)
    assert len(empty) == 0
    assert list(empty.columns) == list(full.columns)
    assert empty.dtypes.equals(full.dtypes)
