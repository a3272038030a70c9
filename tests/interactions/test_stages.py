"""What limits the numbers is noted in the manifest, and warned about each time they are handed out."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

import layerlore as ll
from layerlore.errors import QualityWarning, RunError
from layerlore.interactions import stages
from layerlore.storage import Run
from reference.tiny_networks import QUICK, table

PLAYERS = ll.Columns([0, 1, [2, 3]])


def explained(case, **options):
    targets = options.pop("targets", case.labels)
    return ll.explain(case.model, case.probes, case.inputs, targets, players=PLAYERS, **{**QUICK, **options})


def test_no_note_where_nothing_limits_the_numbers():
    assert explained(table()).notes == []


def test_a_probe_no_better_than_chance_and_one_that_did_not_converge(tmp_path):
    case = table()
    first, second = case.probes.probes
    blind = replace(first, quality=replace(first.quality, validation_accuracy=0.43))
    case = replace(case, probes=replace(case.probes, probes=(blind, replace(second, converged=False))))
    with pytest.warns(QualityWarning, match="layer '1' is no better than chance|layer '3' did not converge"):
        found = explained(case, run=tmp_path / "run")
    assert found.notes == [
        "the probe of layer '1' is no better than chance: validation accuracy 0.430, always answering the commonest "
        "class gives 0.429. What it scores says little about this layer",
        "the probe of layer '3' did not converge",
    ]
    assert found.notes == Run.load(tmp_path / "run", "knowledge").manifest["notes"]
    with pytest.warns(QualityWarning, match="layer '1' is no better than chance|layer '3' did not converge"):
        assert explained(case, run=tmp_path / "run").notes == found.notes


def test_a_network_that_ignores_its_input_has_no_unit():
    model = copy.deepcopy(table().model)
    with torch.no_grad():
        model[4].weight.zero_()
    with pytest.warns(QualityWarning, match="layer 'output' gives every sample the same score"):
        found = explained(table().with_model(model), noise_samples=1)
    [note] = found.notes
    assert "(target 0): it has no unit, and its ledger is undefined" in note
    assert found.normalisers()[0, 2] == 0
    assert (found.normalisers()[0, :2] > 0).all()
    assert (found.data["effects"].values[:, :, 2] == 0).all()
    ledger = found.ledger(resamples=10)
    assert np.isnan(ledger.total["completeness"].values).all()


def test_the_noise_floor_is_the_difference_that_float64_makes():
    case = table()
    found = explained(case, noise_samples=4, kappa=0.0)
    exact = explained(case.in_float64(), kappa=0.0)
    units = found.normalisers()[..., None, None]
    difference = (exact.data["effects"].values - found.data["effects"].values) / units
    order = np.array([0, 1, 1, 2, 1, 2, 2, 3])
    floor = found.noise_floor().values
    assert floor.shape == (3, 2, 3)
    for number in (1, 2, 3):
        expected = np.sqrt((difference[..., order == number] ** 2).mean((0, 1, 4)))
        # The two float64 runs differ in their batches, a few parts in 1e16 of the scores.
        np.testing.assert_allclose(floor[..., number - 1], expected, rtol=1e-4, atol=1e-13)
    assert 1e-9 < floor.max() < 1e-4


class Faint(nn.Module):
    """Loses most of its output unless its weights are in float64: an error that is larger than what is left of it.

    Not rounding that is blown up: whether such noise is larger than an effect depends on the processor.
    """

    def __init__(self, body):
        super().__init__()
        self.body = body

    def forward(self, inputs):
        outputs = self.body(inputs)
        if inputs.dtype == torch.float64:
            return outputs
        return 0.3 * outputs


def test_orders_under_the_noise_floor_are_named():
    case = table("named output").with_model(Faint(copy.deepcopy(table("named output").model.body)).eval())
    with pytest.warns(QualityWarning, match=r"layer 'output': (AND|OR) effects of order .* not above the noise floor"):
        found = explained(case, noise_samples=4)
    floor, units = found.noise_floor().values, found.normalisers()[..., None, None]
    relative = found.data["effects"].values / units
    order = np.array([0, 1, 1, 2, 1, 2, 2, 3])
    for position, op in enumerate(("AND", "OR")):
        under = []
        for number in (1, 2, 3):
            strength = np.sqrt((relative[:, :, 2, position][..., order == number] ** 2).mean())
            if 0 < strength <= floor[2, position, number - 1]:
                under.append(str(number))
        notes = [note for note in found.notes if note.startswith(f"layer 'output': {op}")]
        assert notes == (
            [f"layer 'output': {op} effects of order {', '.join(under)} are not above the noise floor"] if under else []
        )
    assert not any("layer 'body.1'" in note for note in found.notes)


def test_a_float64_network_has_no_noise_to_measure():
    with pytest.warns(QualityWarning, match="computes in float64: its noise floor was not measured"):
        found = explained(table().in_float64(), noise_samples=1)
    assert found.noise_floor() is None


def test_a_network_that_cannot_be_copied():
    class Single(nn.Module):
        def __init__(self, body):
            super().__init__()
            self.body = body

        def forward(self, inputs):
            return self.body(inputs)

        def __deepcopy__(self, memo):
            raise TypeError("there is only one")

    case = table("named output").with_model(Single(copy.deepcopy(table("named output").model.body)).eval())
    with pytest.warns(QualityWarning, match=r"network cannot be copied \(there is only one\)"):
        explained(case, noise_samples=1)


def test_games_that_missed_the_tolerance_are_counted():
    with pytest.warns(QualityWarning, match="games missed the tolerance") as caught:
        found = explained(table(), tolerance=1e-9, max_iterations=50, pull=0.0)
    missed = ~found.data["converged"].values
    worst = found.data["gap"].values[missed].max()
    assert missed.sum() > 0
    assert found.notes == [
        f"{missed.sum()} of 12 games missed the tolerance 1e-09 (worst certified gap {worst:.3g}): their effects may "
        "not be the sparsest"
    ]
    assert len(caught) == 1


def test_samples_of_one_class_have_no_floor():
    with pytest.warns(QualityWarning, match="all samples have the same target class: the ledger has no floor"):
        found = explained(table(), targets=2)
    assert np.isnan(found._run.read("floor")).all()
    assert not np.isnan(found._run.read("ceiling")[:, :, :2]).any()


def test_check_finished_of_a_run_that_holds_nothing(tmp_path):
    run = Run.open(tmp_path / "run", "knowledge", {})
    with pytest.raises(RunError, match="was started and holds nothing yet: call explain with the same arguments"):
        stages.check_finished(run)


def test_a_note_is_in_the_manifest_before_what_it_is_about(tmp_path, monkeypatch):
    """Or a run killed in between would lose it, for what is known is not measured again."""
    model = copy.deepcopy(table().model)
    with torch.no_grad():
        model[4].weight.zero_()
    seen = []
    update = Run.update

    def watch(run, **fields):
        seen.extend(fields)
        update(run, **fields)

    monkeypatch.setattr(Run, "update", watch)
    with pytest.warns(QualityWarning, match="same score|missed the tolerance"):
        explained(table().with_model(model), tolerance=1e-9, max_iterations=50)
    assert seen == ["batch_size", *seen[1:]]
    assert seen.index("notes") < seen.index("normalisers")
    assert seen.index("normalisers") < seen.index("notes", seen.index("normalisers")) < seen.index("thresholds")
