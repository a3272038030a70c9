"""Bad input: one clear error each, before anything is written, and the model as it was."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

import layerlore as ll
from layerlore.errors import InputError, ProbeError
from layerlore.players import Players
from reference.tiny_networks import QUICK, digits_mlp, table

PLAYERS = ll.Columns([0, 1, [2, 3]])

# As users run the library: the tests' own checks of types and shapes would answer first.
pytestmark = pytest.mark.usefixtures("without_type_checks")


def explain(case, run, **changed):
    given = {"model": case.model, "probes": case.probes, "inputs": case.inputs, "targets": case.labels}
    options = {"players": PLAYERS, **QUICK, **changed}
    given |= {name: options.pop(name) for name in given if name in options}
    return ll.explain(*given.values(), run=run, **options)


def refused(case, tmp_path, error, message, **changed):
    model = changed.get("model", case.model)
    flags = [module.training for module in model.modules()]
    state, kept = torch.get_rng_state(), case.inputs.clone()
    with pytest.raises(error, match=message):
        explain(case, tmp_path / "run", **changed)
    assert not (tmp_path / "run").exists()
    assert [module.training for module in model.modules()] == flags
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(case.inputs, kept)


def spoilt(tensor, value):
    changed = tensor.clone()
    changed[2, 1] = value
    return changed


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (lambda x: {"inputs": spoilt(x, torch.nan)}, r"sample 2 of inputs holds NaN or infinity: remove or mend"),
        (lambda x: {"inputs": spoilt(x, -torch.inf)}, r"sample 2 of inputs holds NaN or infinity"),
        (lambda x: {"inputs": x.int()}, r"inputs have dtype int32: convert and scale them .*inputs.float\(\)"),
        (lambda x: {"inputs": x.int().numpy()}, r"inputs have dtype int32"),
        (lambda x: {"inputs": x[0]}, r"inputs have shape \(5,\): a batch of samples .*inputs\[None\]"),
        (lambda x: {"inputs": x[:0]}, r"inputs have shape \(0, 5\)"),
        (lambda x: {"inputs": np.array([["a"] * 5])}, r"inputs have dtype <U1"),
        (lambda x: {"targets": [0, 3, 1, 2]}, r"target 3 of sample 1 is out of range: classes run from 0 to 2"),
        (lambda x: {"targets": -1}, r"target -1 of sample 0 is out of range"),
        (lambda x: {"targets": [0, 1]}, r"targets have shape \(2,\) for 4 samples: pass one class for each sample"),
        (lambda x: {"targets": np.zeros((4, 1, 1), dtype=int)}, r"targets have shape \(4, 1, 1\)"),
        (lambda x: {"targets": [0.0, 1.0, 2.0, 0.0]}, r"targets have dtype torch.float64: whole class numbers"),
        (lambda x: {"targets": "predictd"}, r"targets='predictd' is not known: pass 'predicted'"),
        (lambda x: {"labels": [0, 1]}, r"labels have shape \(2,\): one for each of the 4 samples"),
        (lambda x: {"labels": [0, 1, 0.5, 1]}, r"label 0.5 of sample 2 is no class: classes run from 0 to 2"),
        (lambda x: {"labels": [0, 1, 2, -1]}, r"label -1 of sample 3 is no class"),
        (lambda x: {"score": "log_ods"}, r"score='log_ods' is not known; did you mean 'log_odds'\?"),
        (lambda x: {"score": lambda z, y: z}, r"score returned shape \(\d+, 3\).*one number for each input"),
        (lambda x: {"reference": "4"}, r"reference='4' is no layer; the known ones are '1', '3', 'final', 'output'"),
        (lambda x: {"reference": "previos"}, r"reference='previos' is no layer; did you mean 'previous'"),
        (lambda x: {"solver": "certifed"}, r"solver='certifed' is not known; did you mean 'certified'"),
        (lambda x: {"baseline": "means"}, r"baseline='means' is not known; did you mean 'mean'"),
        (lambda x: {"baseline": torch.zeros(4)}, r"baseline tensor has shape \(4,\); it must have a sample's shape"),
        (lambda x: {"layers": ["2"]}, r"there is no probe for the layer '2'; the known ones are '1', '3'"),
        (lambda x: {"layers": "11"}, r"there is no probe for the layer '11'; did you mean '1'"),
        (lambda x: {"noise": -0.1}, r"noise=-0.1 must be a finite number of at least 0"),
        (lambda x: {"noise": float("nan")}, r"noise=nan must be"),
        (lambda x: {"noise_samples": -1}, r"noise_samples=-1 must be at least 0"),
        (lambda x: {"batch_size": 0}, r"batch_size=0 must be at least 1"),
        (lambda x: {"seed": -1}, r"seed=-1 must be at least 0"),
        (lambda x: {"kappa": -0.04}, r"kappa=-0.04 must be a finite number of at least 0"),
        (lambda x: {"kappa": float("nan")}, r"kappa=nan must be"),
        (lambda x: {"tolerance": 1.0}, r"tolerance=1.0 must lie between 0 and 1"),
        (lambda x: {"max_iterations": 0}, r"max_iterations=0 must be at least 1"),
        (lambda x: {"pull": 2.0}, r"pull=2.0 must lie between 0 and 1"),
        (lambda x: {"split_device": "gpu"}, r"split_device='gpu' cannot be used .*'cpu' always can"),
        (lambda x: {"players": ll.Columns(6)}, r"Columns\(6\).* but sample 0 has 5 columns"),
        (lambda x: {"players": ll.ImagePatches(2)}, r"ImagePatches needs samples .*sample 0 has shape \(5,\)"),
    ],
)
def test_values_that_cannot_be_used(changed, message, tmp_path):
    case = table()
    error = ProbeError if "no probe" in message else InputError
    refused(case, tmp_path, error, message, **changed(case.inputs))


def test_an_unknown_option(tmp_path):
    with pytest.raises(TypeError, match="unexpected keyword argument 'kapa'"):
        explain(table(), tmp_path / "run", kapa=0.1)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: ll.Columns(1), "n_players=1: an interaction needs at least 2 players"),
        (lambda: ll.Columns(25), r"n_players=25: exact enumeration ends at 24 players.*use larger patches"),
        (lambda: ll.CustomPlayers(25, lambda *_: None), "n_players=25"),
    ],
)
def test_numbers_of_players(build, message):
    with pytest.raises(InputError, match=message):
        build()


@pytest.mark.parametrize(
    ("players", "message"),
    [
        (ll.ImagePatches(4, count=5), r"count=5 players were asked for, but there are only 2 x 2 = 4 patches"),
        (ll.ImagePatches(1), r"n_players=64: exact enumeration ends at 24"),
        (ll.ImagePatches(8), r"n_players=1: an interaction needs at least 2"),
        (ll.ImagePatches(9), r"a patch of 9 x 9 pixels does not fit into an image of 8 x 8"),
    ],
)
def test_patches_that_the_images_do_not_have(players, message, tmp_path):
    refused(digits_mlp(), tmp_path, InputError, message, players=players)


def changed_weight(model, value):
    other = copy.deepcopy(model)
    with torch.no_grad():
        other[2].weight[0, 0] = value
    return other


def test_weights_that_are_not_finite_name_the_parameter(tmp_path):
    case = table()
    model = changed_weight(case.model, torch.nan)
    refused(case, tmp_path, InputError, r"parameter '2.weight' .* 1 of 64 values that are NaN", model=model)


def test_probes_of_another_network(tmp_path):
    case = table()
    other = changed_weight(case.model, 0.125)
    refused(case, tmp_path, ProbeError, "belong to another network.*fit_probes", model=other)
    same = copy.deepcopy(case.model)
    same[1] = nn.Tanh()
    refused(case, tmp_path, ProbeError, "its weights or modules differ", model=same)


def test_a_model_on_several_devices(tmp_path):
    case = table()
    model = copy.deepcopy(case.model)
    model[2].to("meta")
    refused(case, tmp_path, InputError, r"several devices: '0.weight' on cpu and '2.weight' on meta", model=model)


def test_probabilities_taken_for_logits(tmp_path):
    case = table("probabilities")
    probes = replace(case.probes, identity=case.probes.identity | {"outputs": "logits"})
    refused(
        case, tmp_path, InputError, r"look like probabilities.*outputs='probabilities' to fit_probes", probes=probes
    )


def test_logits_taken_for_probabilities(tmp_path):
    case = table()
    probes = replace(case.probes, identity=case.probes.identity | {"outputs": "probabilities"})
    refused(case, tmp_path, InputError, r"outputs='probabilities', but the network gives values from", probes=probes)


def test_log_odds_of_numbers(tmp_path):
    case = table("numbers")
    refused(case, tmp_path, InputError, r"score='log_odds' needs a classifier.*score='logit'", targets=0)
    options = {"score": "logit", "targets": "predicted"}
    refused(case, tmp_path, InputError, r"targets='predicted' needs a classifier", **options)
    options = {"score": "logit", "targets": [0, 1, 0, 1], "labels": [0, 1, 0, 1]}
    refused(case, tmp_path, InputError, r"labels= are true classes, and these probes predict numbers", **options)
    refused(case, tmp_path, InputError, r"target 2 of sample 0 is out of range", score="logit", targets=2)


class Overflowing(nn.Module):
    """Gives infinity where the first column is 0, as it never is in a sample."""

    def __init__(self, body):
        super().__init__()
        self.body = body

    def forward(self, inputs):
        return self.body(inputs) + torch.where(inputs[:, :1] == 0, torch.inf, 0.0)


def test_scores_that_are_not_finite_name_sample_and_layer(tmp_path):
    case = table("named output").with_model(Overflowing(copy.deepcopy(table("named output").model.body)).eval())
    with pytest.raises(InputError, match=r"layer 'output' for sample 0 at coalition 0 is not finite.*another baseline"):
        explain(case, tmp_path / "run", baseline="zero")
    # The run was begun, and holds nothing of the sample.
    with pytest.raises(OSError, match="0 of 4 samples have their scores"):
        ll.load(tmp_path / "run")


def test_outputs_that_are_not_finite_name_the_sample(tmp_path):
    case = table("named output").with_model(Overflowing(copy.deepcopy(table("named output").model.body)).eval())
    inputs = case.inputs.clone()
    inputs[3, 0] = 0
    refused(case, tmp_path, InputError, r"the network's output for sample 3 is not finite", inputs=inputs)


def test_probes_of_another_number_of_classes(tmp_path):
    case = table()
    probes = replace(case.probes, n_outputs=4)
    refused(case, tmp_path, InputError, r"the network gives 3 outputs, its probes were trained for 4", probes=probes)


def test_players_that_differ_between_samples(tmp_path):
    class Uneven(Players):
        background_levels = (1.0,)
        n_players = 2

        def plan(self, sample, index):
            return PLAYERS.plan(sample, index) if index else ll.Columns([0, 1]).plan(sample, index)

        def settings(self):
            return {"players": "Uneven"}

    refused(table(), tmp_path, InputError, r"different numbers of players \(\[2, 3\]\)", players=Uneven())
