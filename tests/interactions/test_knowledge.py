"""What is read from a finished explanation, against loops over its scores (METHODS A5, A6, A9)."""

import json
import math
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
import torch
import xarray as xr

import layerlore as ll
from layerlore.errors import InputError, QualityWarning, RunError
from layerlore.interactions.ledger import RATIOS
from layerlore.interactions.moebius import orders
from layerlore.interactions.salience import largest_effect
from layerlore.interactions.shares import SUMS
from reference import ledger_by_definition as definition

LAYERS = ["1", "3", "output"]
REFERENCES = {"final": "final", "previous": "previous", "3": 1}


@pytest.fixture(scope="module")
def scores(knowledge):
    return np.stack([knowledge.scores(sample) for sample in range(knowledge.n_samples)])


@pytest.fixture(scope="module")
def effects(knowledge):
    return np.stack([knowledge.effects(sample) for sample in range(knowledge.n_samples)])


def totals(samples):
    return [{name: part.sum() for name, part in sample.items()} for sample in samples if sample is not None]


def test_what_it_says_of_itself(knowledge):
    assert knowledge.layers == LAYERS
    assert (knowledge.n_players, knowledge.n_samples) == (4, 4)
    assert repr(knowledge) == "Knowledge(4 samples, 3 layers, 4 players; layers 1, 3, output)"
    assert dict(knowledge.data.sizes) == {
        "sample": 4,
        "target": 2,
        "layer": 3,
        "op": 2,
        "coalition": 16,
    }
    assert np.array_equal(knowledge.data.order, orders(4))
    assert knowledge.data.converged.dtype == bool
    with pytest.raises(FrozenInstanceError):
        knowledge.manifest = {}


def test_the_output_is_scored_by_its_own_log_odds(knowledge, small, scores):
    # The mean baseline replaces absent columns; coalition N is the sample itself.
    with torch.no_grad():
        logits = small.model(small.inputs).double().numpy()
    for sample, target in np.ndindex(4, 2):
        expected = definition.log_odds(logits[sample], int(small.targets[sample, target]))
        # float32 sums of 16 products depend on the batch they are computed in.
        assert scores[sample, target, 2, -1] == pytest.approx(expected, rel=1e-5, abs=1e-5)
    assert knowledge.data.target_class.values.tolist() == small.targets.tolist()
    assert knowledge.data.predicted.values.tolist() == logits.argmax(1).tolist()


def test_units_thresholds_and_effects_by_definition(knowledge, scores, effects):
    for target, layer in np.ndindex(2, 3):
        expected = definition.normaliser(scores[:, target, layer])
        assert knowledge.normalisers()[target, layer] == pytest.approx(expected, rel=1e-14)
        assert knowledge.thresholds()[target, layer] == definition.threshold(effects[:, target, layer])
    for sample, target in np.ndindex(4, 2):
        expected = definition.aligned(scores[sample, target], knowledge.normalisers()[target], "final")
        assert np.array_equal(effects[sample, target], expected)
    assert np.array_equal(knowledge.data.scores.values, scores)
    assert np.array_equal(knowledge.data.effects.values, effects)


def test_salient_by_definition(knowledge, effects):
    found = knowledge.salient()
    assert found.dims == ("sample", "target", "layer", "op", "coalition")
    for sample, target, layer, op in np.ndindex(4, 2, 3, 2):
        level = float(knowledge.thresholds()[target, layer])
        expected = definition.salient(definition.by_interaction(effects[sample, target, layer, op]), level)
        row = found.values[sample, target, layer, op]
        assert {definition.players_of(int(S)) for S in np.flatnonzero(row)} == expected
    assert 0 < found.values.sum() < found.size


@pytest.mark.parametrize("reference", REFERENCES)
def test_ledgers_by_definition(knowledge, scores, reference):
    ledger = knowledge.ledger(reference, resamples=20)
    position = REFERENCES[reference]
    other = np.asarray(knowledge.manifest["coords"]["other"])
    lines = definition.ledger_sums(scores, position, other, noise=0.01, seed=0)
    pairs = definition.pairs_of(position, 3)
    # A row of "previous" stands for the step to the layer that is named.
    rows = [LAYERS[guide if reference == "previous" else layer] for layer, guide in pairs]
    assert ledger.total.layer.values.tolist() == rows
    assert ledger.reference == reference
    for target, row in np.ndindex(2, len(pairs)):
        total = ledger.total.isel(target=target, layer=row)
        own = lines["own"][target][row]
        for name, value in definition.pooled(totals(own)).items():
            assert total[name].item() == pytest.approx(value, rel=1e-11, abs=1e-11), name
        for op, order in np.ndindex(2, 4):
            cell = ledger.by_order.isel(target=target, layer=row, op=op, order=order)
            for name, value in definition.pooled(
                [{k: v[op, order] for k, v in sample.items()} for sample in own]
            ).items():
                assert cell[name].item() == pytest.approx(value, rel=1e-11, abs=1e-11, nan_ok=True), name
        for line in ("ceiling", "floor"):
            pooled = definition.pooled(totals(lines[line][target][row]))
            for name in RATIOS:
                assert total[f"{line}_{name}"].item() == pytest.approx(pooled[name], rel=1e-11), (line, name)


def test_a_ledger_solved_again_is_the_one_explained_for(small, knowledge):
    explained = small.explain(reference="previous")
    assert not np.array_equal(explained.data.effects, knowledge.data.effects)
    stored, solved = explained.ledger("previous"), knowledge.ledger("previous")
    assert stored.total.identical(solved.total)
    assert stored.by_order.identical(solved.by_order)


def test_final_is_the_output(knowledge):
    assert knowledge.ledger("output").total.identical(knowledge.ledger("final").total)


def test_intervals_hold_the_point_and_widen_with_confidence(knowledge):
    narrow, wide = (knowledge.ledger(confidence=confidence).total for confidence in (0.5, 0.99))
    for name in (*SUMS, *RATIOS):
        assert (wide[f"{name}_low"] <= wide[name]).all()
        assert (wide[name] <= wide[f"{name}_high"]).all()
        assert (wide[f"{name}_low"] <= narrow[f"{name}_low"]).all()
        assert (narrow[f"{name}_high"] <= wide[f"{name}_high"]).all()
    assert knowledge.ledger(seed=1).total.overlap.equals(knowledge.ledger(seed=0).total.overlap)
    few = [knowledge.ledger(seed=seed, resamples=5).total.overlap_low for seed in (0, 1)]
    assert not few[0].equals(few[1])


def test_units_may_move_with_the_resamples(knowledge):
    fixed = knowledge.ledger(resamples=10)
    moving = knowledge.ledger(resamples=10, recompute_units=True)
    for name in (*SUMS, *RATIOS, "ceiling_completeness", "floor_redundancy"):
        assert moving.total[name].equals(fixed.total[name])
    assert not moving.total.overlap_high.equals(fixed.total.overlap_high)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reference": "outputt"}, "reference='outputt' is no layer; did you mean 'output'"),
        ({"confidence": 1.0}, "confidence=1.0 must lie between 0 and 1, resamples=1000 be at least 1"),
        ({"confidence": math.nan}, "confidence=nan must lie between 0 and 1"),
        ({"resamples": 0}, "resamples=0 be at least 1"),
        ({"seed": -1}, "seed=-1 at least 0"),
    ],
)
def test_ledger_options_out_of_range(knowledge, options, message):
    with pytest.raises(InputError, match=message):
        knowledge.ledger(**options)


def test_a_layer_that_no_player_moves_has_no_ledger(small):
    # The mean itself as input: every masked version is the same.
    still = small.probes.input_mean.to(torch.float32).expand(4, 4).clone()
    with pytest.warns(QualityWarning, match="has no unit, and its ledger is undefined"):
        found = small.explain(inputs=still)
    assert not found.normalisers().any()
    assert not found.salient().any()
    assert len(found.to_dataframe()) == 0
    ledger = found.ledger()
    for name in (*SUMS, *RATIOS, "completeness_low", "ceiling_completeness", "floor_redundancy"):
        assert np.isnan(ledger.total[name]).all(), name
    assert np.isnan(found.rebuild_error().with_delta).all()
    json.dumps(found.to_json(), allow_nan=False)


def test_shapley_values_by_definition(knowledge, scores):
    found = knowledge.shapley()
    assert found.dims == ("sample", "target", "layer", "player")
    assert found.layer.values.tolist() == LAYERS
    reach = np.abs(scores).sum(-1).max()
    slack = 16 * np.finfo(float).eps * reach
    for place in np.ndindex(4, 2, 3):
        np.testing.assert_allclose(found.values[place], definition.shapley(scores[place]), rtol=0, atol=slack)
    np.testing.assert_allclose(found.sum("player"), scores[..., -1] - scores[..., 0], rtol=0, atol=4 * slack)


def test_rebuild_error_by_definition(knowledge, scores, effects):
    found = knowledge.rebuild_error()
    for sample, target, layer in np.ndindex(4, 2, 3):
        place = (sample, target, layer)
        level = float(knowledge.thresholds()[target, layer])
        with_delta, without_delta = definition.rebuild_error(scores[place], effects[place], level)
        # What is compared are scores, of which differences keep rounding errors.
        assert found.with_delta.values[place] == pytest.approx(with_delta, rel=1e-9, abs=1e-13)
        assert found.without_delta.values[place] == pytest.approx(without_delta, rel=1e-9, abs=1e-13)


def test_the_noise_floor_has_a_row_for_every_layer_op_and_order(knowledge, small):
    assert knowledge.noise_floor() is None
    found = small.explain(noise_samples=2).noise_floor()
    assert found.dims == ("layer", "op", "order")
    assert found.layer.values.tolist() == LAYERS
    assert found.op.values.tolist() == ["and", "or"]
    assert found.order.values.tolist() == [1, 2, 3, 4]
    # Order 1 of OR is merged into AND; the rest carries float32's error, far under the scores.
    assert (found.sel(op="or", order=1) == 0).all()
    rest = found.sel(op="and").values
    assert (rest > 0).any()
    assert (rest < 0.01).all()


def test_the_table_holds_what_is_salient_or_everything(knowledge, effects):
    table, everything = knowledge.to_dataframe(), knowledge.to_dataframe(salient_only=False)
    salient = knowledge.salient().values
    assert len(table) == salient.sum()
    assert table.salient.all()
    assert len(everything) == 4 * 2 * 3 * 2 * 15
    assert everything.salient.sum() == salient.sum()
    assert table.index.tolist() == list(range(len(table)))
    row = table.iloc[len(table) // 2]
    place = (
        row["sample"],
        knowledge.manifest["coords"]["target"].index(row.target),
        LAYERS.index(row.layer),
        ("and", "or").index(row.op),
        row.coalition,
    )
    assert row.effect == effects[place]
    assert row.relative_effect == effects[place] / knowledge.normalisers()[place[1], place[2]]
    assert row.players == tuple(sorted(definition.players_of(row.coalition)))


def test_samples_without_salient_interactions_keep_the_types_of_the_table(knowledge, effects):
    strong = int(largest_effect(effects).sum((1, 2)).argmax())
    higher = largest_effect(np.delete(effects, strong, axis=0)).max(axis=0)
    found = replace(knowledge, manifest=knowledge.manifest | {"thresholds": higher.tolist()})
    table = found.to_dataframe()
    assert set(table["sample"]) == {strong}
    assert table.dtypes.equals(knowledge.to_dataframe().dtypes)


@pytest.mark.parametrize("op", ["and", "or"])
def test_shapiq_gets_the_effects_of_one_game(knowledge, effects, scores, op):
    pytest.importorskip("shapiq")
    values = knowledge.to_shapiq(2, "3", op, target=1)
    own = effects[2, 1, 1, ("and", "or").index(op)]
    for S in range(1, 16):
        players = tuple(sorted(definition.players_of(S)))
        sign = -1 if op == "or" and len(players) % 2 == 0 else 1
        assert values[players] == sign * own[S]
    assert values.baseline_value == (scores[2, 1, 1, 0] if op == "and" else 0)
    assert knowledge.effects(2)[1, 1, 0, 0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((4, "3", "and"), "sample=4 is out of range: there are 4 samples"),
        ((-1, "3", "and"), "sample=-1 is out of range"),
        ((0, "outptu", "and"), "there is no layer 'outptu'; did you mean 'output'"),
        ((0, "3", "nor"), "op='nor' must be 'and' or 'or'"),
        ((0, "3", "and", 2), "target=2 is out of range: there are 2 targets"),
        ((0, "3", "and", -1), "target=-1 is out of range"),
    ],
)
def test_what_does_not_exist_is_not_converted(knowledge, arguments, message):
    with pytest.raises(InputError, match=message):
        knowledge.to_shapiq(*arguments)


@pytest.mark.parametrize("read", ["effects", "scores"])
def test_samples_are_counted_from_0(knowledge, read):
    with pytest.raises(InputError, match="sample=9 is out of range: there are 4 samples, counted from 0"):
        getattr(knowledge, read)(9)


def test_json_is_strict_and_whole(knowledge):
    found = knowledge.to_json("previous")
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["layers"] == LAYERS
    assert (found["n_samples"], found["n_players"], found["notes"]) == (4, 4, knowledge.notes)
    assert [row["layer"] for row in found["probes"]] == LAYERS[: len(found["probes"])]
    assert found["ledger"] == knowledge.ledger("previous").to_json()


@pytest.mark.parametrize("where", ["memory", "disk"])
def test_saved_and_loaded_is_the_same(small, knowledge, tmp_path, where):
    made = knowledge if where == "memory" else small.explain(run=tmp_path / "run")
    made.save(tmp_path / "saved")
    again = ll.load(tmp_path / "saved")
    xr.testing.assert_identical(again.data.load(), knowledge.data.load())
    assert again.manifest == made.manifest
    assert again.ledger().total.identical(knowledge.ledger().total)
    assert np.array_equal(again._run.read("inputs"), small.inputs.numpy())
    with pytest.raises(RunError, match="saved exists already: choose another name or remove it first"):
        made.save(tmp_path / "saved")
    assert sorted(path.name for path in tmp_path.iterdir()) == (["run"] if where == "disk" else []) + ["saved"]


def test_loading_what_is_no_run(tmp_path):
    with pytest.raises(RunError, match="is no folder"):
        ll.load(tmp_path / "nothing")
    with pytest.raises(RunError, match=r"holds no manifest.json"):
        ll.load(tmp_path)
