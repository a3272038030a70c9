"""What a reader takes away is what is drawn: every number of a figure, and no other."""

import numpy as np
import pytest

from figures.results import N_ORDERS, agreement, stability
from layerlore.figures import ratios_figure, stability_figure, strength_figure
from layerlore.figures.ablation import ablation_figure, salient_counts
from layerlore.figures.agreement import agreement_figure, matrix_figure
from layerlore.figures.noise import noise_figure
from layerlore.report.depth_tables import (
    ablation_table,
    agreement_table,
    matrix_table,
    noise_table,
    ratios_table,
    stability_table,
    strength_table,
)
from report.tiny import tiny


def drawn(figure, *names):
    """All finite numbers of the traces with some names (all where none is given)."""
    parts = [np.asarray(trace.y, dtype=float) for trace in figure.data if not names or trace.name in names]
    every = np.concatenate(parts)
    return sorted(every[np.isfinite(every)].tolist())


def finite(column):
    return sorted(value for value in column if np.isfinite(value))


@pytest.fixture(scope="module")
def ledger():
    return tiny("table").ledger()


def test_ratios(ledger):
    table = ratios_table(ledger)
    figure = ratios_figure(ledger)
    for names, columns in (
        (("measured",), ["value"]),
        (("ceiling (full agreement)",), ["ceiling"]),
        (("floor (unrelated)",), ["floor"]),
        ((None,), ["low", "high"]),
    ):
        assert finite(table[columns].to_numpy().ravel()) == drawn(figure, *names)
    assert table["layer"].tolist() == 2 * [str(name) for name in ledger.total.layer.values]


def test_strengths(ledger):
    layers = [str(name) for name in ledger.by_order.layer.values][:1]
    table = strength_table(ledger, 0, layers)
    # A bar of no height is not drawn.
    assert finite(table.loc[table["strength"] > 0, "strength"]) == drawn(strength_figure(ledger, 0, layers))
    for row in table.itertuples():
        there = ledger.by_order.isel(target=0).sel(layer=row.layer, op=row.op, order=row.order)
        expected = [float(there[row.part + end]) for end in ("", "_low", "_high")]
        assert [row.strength, row.low, row.high] == pytest.approx(expected, rel=0, nan_ok=True)
    assert not ((table["op"] == "or") & (table["order"] == 1)).any()


def test_stability_has_both_splits():
    found = stability()
    table = stability_table(found)
    assert finite(table["stability"]) == drawn(stability_figure(found))
    row = table[(table["layer"] == "relu2") & (table["op"] == "or") & (table["order"] == 3)].set_index("split")
    there = found.by_order.sel(layer="relu2", op="or", order=3)
    assert row.loc["own", ["stability", "low", "high"]].tolist() == [
        float(there[name]) for name in ("mean", "mean_low", "mean_high")
    ]
    assert row.loc["aligned", "stability"] == float(there["aligned_mean"])
    assert stability_table(stability(nothing=True)).empty


def test_noise():
    table, box = noise_table(stability()), noise_figure(stability()).data[0]
    for share, edge in (
        (0.05, box.lowerfence),
        (0.25, box.q1),
        (0.5, box.median),
        (0.75, box.q3),
        (0.95, box.upperfence),
    ):
        assert table.loc[table["quantile"] == share, "ratio"].tolist() == list(edge)
    assert 4 not in table["order"].tolist()
    assert noise_table(stability(nothing=True)).empty


def test_splits():
    knowledge = tiny("table")
    results = {"kappa 0.04": knowledge, "AND alone": knowledge.ledger()}
    table = ablation_table(results)
    assert finite(table["value"]) == drawn(ablation_figure(results))
    counts = salient_counts(knowledge)
    rows = table[(table["split"] == "kappa 0.04") & (table["measure"] == "salient interactions")]
    for row in rows.itertuples():
        place = knowledge.layers.index(row.layer)
        assert [row.value, row.low, row.high] == [part[place] for part in counts]


def test_agreement():
    found = agreement()
    table = agreement_table(found)
    assert sorted([*finite(table["value"]), *finite(table["chance"])]) == drawn(agreement_figure(found))
    assert len(table) == 3 * 2 * (2 * N_ORDERS - 1)
    there = found.by_order.sel(op="and", order=2).isel(pair=0)
    row = table[(table["op"] == "and") & (table["order"] == 2)].iloc[0]
    assert row[["value", "low", "high", "chance"]].tolist() == [
        float(there[name]) for name in ("iou", "iou_low", "iou_high", "chance")
    ]
    assert agreement_table(agreement(nothing=True)).empty


def test_the_matrix_is_the_whole_one():
    found = agreement()
    table = matrix_table(found)
    cells = np.asarray(matrix_figure(found).data[0].z)
    assert np.array_equal(table["corrected"].to_numpy().reshape(3, 3), cells, equal_nan=True)
    square = table.pivot(index="model_a", columns="model_b", values="corrected")
    assert square.loc["vgg", "mlp"] == square.loc["mlp", "vgg"] == found.matrix().loc["mlp", "vgg"]
