"""Other splits of the same scores: the same as explaining with other options, and AND interactions alone."""

import numpy as np
import pytest
import xarray as xr

import layerlore as ll
from layerlore.errors import InputError, QualityWarning
from layerlore.interactions import alignment
from layerlore.interactions.agreement import agreement
from layerlore.interactions.resplit import resplit
from layerlore.interactions.table import effects_table
from reference import lattice
from reference import ledger_by_definition as definition

DECIDED = ("thresholds", "normalisers", "notes", "coords")


QUICK = {"tolerance": 0.5, "max_iterations": 50}
"""Nothing here depends on how near to the optimum splits are."""


@pytest.fixture(scope="module")
def knowledge(small):
    return small.explain(**QUICK)


def same(found: ll.Knowledge, expected: ll.Knowledge, reference: str) -> None:
    """Bit-equal splits, and everything that is read from them."""
    xr.testing.assert_identical(found.data.load(), expected.data.load())
    for name in DECIDED:
        assert found.manifest.get(name) == (expected.manifest.get(name) or found.manifest.get(name)), name
    for name in ("split", "guides", "network", "probes", "inputs", "noise", "seed"):
        assert found.manifest["identity"][name] == expected.manifest["identity"][name], name
    assert found.manifest["settings"] == expected.manifest["settings"]
    ours, theirs = found.ledger(reference, resamples=20), expected.ledger(reference, resamples=20)
    xr.testing.assert_identical(ours.by_order, theirs.by_order)
    xr.testing.assert_identical(ours.total, theirs.total)


@pytest.mark.parametrize(
    "options",
    [{}, {"kappa": 0.1, "reference": "previous"}, {"pull": 0.4, "reference": "1"}],
)
def test_resplitting_is_explaining_with_other_options(small, knowledge, options):
    expected = small.explain(**QUICK, **options) if options else knowledge
    found = resplit(knowledge, progress=False, **options)
    same(found, expected, options.get("reference", "final"))
    assert found.manifest["identity"]["resplit"] == {
        "split": knowledge.manifest["identity"]["split"],
        "guides": knowledge.manifest["identity"]["guides"],
    }
    assert found.path is None
    np.testing.assert_array_equal(found.inputs(2), knowledge.inputs(2))
    np.testing.assert_array_equal(found.owner(2), knowledge.owner(2))


def test_the_given_explanation_is_left_as_it_was(knowledge):
    before = knowledge.data.load().copy(deep=True), repr(knowledge.manifest)
    resplit(knowledge, kappa=0.2, progress=False)
    xr.testing.assert_identical(knowledge.data.load(), before[0])
    assert repr(knowledge.manifest) == before[1]


@pytest.fixture(scope="module")
def alone(knowledge):
    return resplit(knowledge, and_only=True, progress=False)


def test_and_interactions_alone_are_the_moebius_transform(knowledge, alone):
    for sample in range(4):
        for target, layer in np.ndindex(2, 3):
            expected = lattice.and_effects(knowledge.scores(sample)[target, layer])
            expected[0] = 0
            effects = alone.effects(sample)[target, layer]
            # Sums of 16 scores of size 10, in another order.
            np.testing.assert_allclose(effects[0], expected, atol=1e-12)
            assert (effects[1] == 0).all()
            cell = alone.data.isel(sample=sample, target=target, layer=layer)
            assert cell.objective.item() == pytest.approx(np.abs(expected).sum(), rel=1e-12)
            assert cell.converged.item()
            assert np.isnan([cell.gap.item(), cell.aligned_gap.item()]).all()
            rebuilt = ll.reconstruct(effects[0], effects[1]) + knowledge.scores(sample)[target, layer, 0]
            np.testing.assert_allclose(rebuilt, knowledge.scores(sample)[target, layer], atol=1e-12)


def test_salience_and_tables_of_and_interactions_alone(knowledge, alone):
    effects = np.stack([alone.effects(sample) for sample in range(4)])
    thresholds = [[definition.threshold(effects[:, target, layer]) for layer in range(3)] for target in range(2)]
    assert alone.thresholds().tolist() == thresholds
    assert (alone.thresholds() != knowledge.thresholds()).any()
    assert np.array_equal(alone.salient().values, np.abs(effects) > alone.thresholds()[:, :, None, None])
    table = alone.to_dataframe()
    assert set(table.op) == {"and"}
    first = effects_table(
        0, effects[0], alone.thresholds(), knowledge.normalisers(), ["target 0", "target 1"], alone.layers, True
    )
    assert table[table["sample"] == 0].effect.tolist() == first.effect.tolist()
    assert np.array_equal(alone.normalisers(), knowledge.normalisers())
    xr.testing.assert_identical(alone.shapley(), knowledge.shapley())
    # All that the salient effects leave out is effects under the threshold, for nothing is absorbed by a tolerance.
    errors = alone.rebuild_error()
    np.testing.assert_allclose(errors.with_delta, errors.without_delta, atol=1e-12)


@pytest.mark.parametrize("reference", ["final", "previous", "1"])
def test_a_ledger_of_and_interactions_alone_by_definition(alone, monkeypatch, reference):
    def refuse(*_args, **_options):
        raise AssertionError("the sparsest split was asked for")

    monkeypatch.setattr(alignment, "sparsest", refuse)
    ledger = alone.ledger(reference, resamples=5)
    effects = np.stack([alone.effects(sample) for sample in range(4)]) / alone.normalisers()[..., None, None]
    limits = alone.thresholds() / alone.normalisers()
    pairs = {"final": [(0, 2), (1, 2)], "previous": [(0, 1), (1, 2)], "1": [(1, 0), (2, 0)]}[reference]
    for target in range(2):
        for row, (layer, guide) in enumerate(pairs):
            earlier, later = min(layer, guide), max(layer, guide)
            for order in range(1, 5):
                overlap = every = 0.0
                for sample in range(4):
                    for s in (s for s in range(16) if bin(s).count("1") == order):
                        a, b = effects[sample, target, earlier, 0, s], effects[sample, target, later, 0, s]
                        salient = abs(a) > limits[target, earlier], abs(b) > limits[target, later]
                        every += abs(b) * salient[1] / 4
                        overlap += min(abs(a), abs(b)) / 4 if all(salient) and a * b > 0 else 0
                cell = ledger.by_order.isel(target=target, layer=row, op=0).sel(order=order)
                assert cell.overlap.item() == pytest.approx(overlap, rel=1e-9, abs=1e-12)
                assert cell.all_later.item() == pytest.approx(every, rel=1e-9, abs=1e-12)
    assert (ledger.by_order.all_later.sel(op="or") == 0).all()
    assert np.isfinite(ledger.total.ceiling_completeness).all()
    assert (ledger.total.floor_completeness < ledger.total.ceiling_completeness).all()


def test_and_interactions_alone_say_so_and_can_be_taken_back(knowledge, alone):
    assert alone.split_settings.solver == "moebius"
    assert (alone.split_settings.kappa, alone.split_settings.pull) == (0, 0)
    assert alone.manifest["identity"]["resplit"]["split"] == knowledge.manifest["identity"]["split"]
    again = resplit(alone, progress=False)
    xr.testing.assert_identical(again.data.load(), knowledge.data.load())
    assert again.split_settings == knowledge.split_settings
    twice = resplit(alone, and_only=True, progress=False)
    assert twice.manifest["identity"]["resplit"] == alone.manifest["identity"]["resplit"]
    assert resplit(twice, kappa=0.1, progress=False).split_settings.kappa == 0.1


def test_splits_of_another_tolerance_agree_with_the_first(knowledge):
    found = agreement(knowledge, resplit(knowledge, kappa=0.03, progress=False), names=["0.04", "0.03"], pull=0)
    assert found.total.iou.sel(op="all").item() > 0.7


def test_saved_and_read_again(alone, tmp_path):
    alone.save(tmp_path / "run")
    again = ll.load(tmp_path / "run")
    assert isinstance(again, ll.Knowledge)
    xr.testing.assert_identical(again.data.load(), alone.data.load())
    xr.testing.assert_identical(again.ledger("1", resamples=5).total, alone.ledger("1", resamples=5).total)


def test_notes_and_noise_floor_of_the_former_splits_are_left_out(small):
    with pytest.warns(QualityWarning, match="missed the tolerance"):
        rough = small.explain(max_iterations=1, tolerance=1e-9, noise_samples=1)
    rough._run.note("layer 'x': AND effects of order 4 are not above the noise floor")
    rough._run.note("kept")
    assert rough.noise_floor() is not None
    found = resplit(rough, and_only=True, progress=False)
    assert found.notes == ["kept"]
    assert found.noise_floor() is None
    # The same options miss the same tolerance, and say so again.
    with pytest.warns(QualityWarning, match="missed the tolerance"):
        again = resplit(rough, progress=False)
    assert [note for note in again.notes if "tolerance" in note] == [n for n in rough.notes if "tolerance" in n]


def test_progress_is_told(knowledge):
    told = []
    resplit(knowledge, kappa=0.1, progress=lambda *args: told.append(args))
    assert ("splits", 24, 24) in told
    assert ("calibration", 4, 4) in told


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kappa": -1.0}, "kappa=-1.0 must be"),
        ({"pull": 2.0}, "pull=2.0 must lie"),
        ({"reference": "4"}, "reference='4' is no layer"),
        ({"and_only": True, "kappa": 0.1}, "kappa=0.1 with and_only=True"),
        ({"and_only": True, "pull": 0.0}, "pull=0.0 with and_only=True"),
    ],
)
def test_bad_options(knowledge, options, words):
    with pytest.raises(InputError, match=words):
        resplit(knowledge, **options)
