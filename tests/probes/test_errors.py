"""What fit_probes refuses, and how it says so."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from layerlore.errors import BudgetError, InputError, LayerError, ProbeError, RunError
from layerlore.probes import fit_probes


def with_labels(train, labels):
    return TensorDataset(train.tensors[0], labels)


@pytest.mark.parametrize("wrong", [3, -1])
def test_labels_out_of_range_name_the_sample(data, net, wrong):
    train = data()
    labels = train.tensors[1].clone()
    labels[17] = wrong
    with pytest.raises(
        InputError,
        match=f"label {wrong} of sample 17 is out of range: the network has 3 outputs, so labels run from 0 to 2",
    ):
        fit_probes(net(), ["0"], with_labels(train, labels))


def test_labels_of_a_sigmoid_network_are_0_and_1(data, net):
    with pytest.raises(InputError, match=r"label 2 of sample .* the network has 1 output, so labels run from 0 to 1"):
        fit_probes(net(n_outputs=1), ["0"], data())


@pytest.mark.parametrize("labels", [torch.full((120,), 0.5), torch.full((120,), float("nan")), torch.zeros(120, 3)])
def test_labels_that_are_no_classes_are_refused(data, net, labels):
    with pytest.raises(InputError, match=r"whole class numbers of shape \[n\] are needed \(for regression pass"):
        fit_probes(net(), ["0"], with_labels(data(), labels))


def test_whole_numbers_of_any_type_are_classes(data, net):
    train = data()
    plain = fit_probes(net(), ["0"], train)["0"]
    for labels in (train.tensors[1].double(), train.tensors[1].to(torch.uint8), train.tensors[1][:, None]):
        assert torch.equal(fit_probes(net(), ["0"], with_labels(train, labels))["0"].weight, plain.weight)


@pytest.mark.parametrize("targets", [torch.zeros(120, 2), torch.full((120, 3), float("nan"))])
def test_targets_that_do_not_fit_the_outputs_are_refused(data, net, targets):
    with pytest.raises(InputError, match="each sample needs 3 finite numbers"):
        fit_probes(net(), ["0"], with_labels(data(), targets), loss="squared")


def test_data_without_samples_are_refused(data, net):
    with pytest.raises(InputError, match="train_data holds no samples"):
        fit_probes(net(), ["0"], [])
    with pytest.raises(InputError, match="validation holds no samples"):
        fit_probes(net(), ["0"], data(), [])


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_inputs_that_are_not_finite_name_the_sample(data, net, value):
    inputs, labels = data().tensors
    inputs[41, 2] = value
    with pytest.raises(InputError, match="the input of sample 41 of the data holds NaN or infinity"):
        fit_probes(net(), ["0"], TensorDataset(inputs, labels), batch_size=16)
    with pytest.raises(InputError, match="the input of sample 161 of the data"):
        fit_probes(net(), ["0"], data(), TensorDataset(inputs, labels))


def test_weights_that_are_not_finite_are_named(data, net):
    model = net()
    with torch.no_grad():
        model[0].weight[1, 1] = float("nan")
    with pytest.raises(InputError, match=r"parameter '0.weight' of the model has 1 of 30 values that are NaN"):
        fit_probes(model, ["0"], data())


class Root(nn.Module):
    """NaN for negative numbers."""

    def forward(self, inputs):
        return inputs.sqrt()


class Zeroed(nn.Module):
    """Hides NaN from what comes after."""

    def forward(self, inputs):
        return inputs.nan_to_num()


def test_features_that_are_not_finite_name_layer_and_sample(data):
    inputs, labels = data().tensors
    inputs = inputs.abs()
    inputs[57, 3] = -1.0
    model = nn.Sequential(nn.Identity(), Root(), Zeroed(), nn.Linear(6, 3)).double()
    with pytest.raises(InputError, match="layer '1' gives NaN or infinity for sample 57 of the data"):
        fit_probes(model, ["0", "1"], TensorDataset(inputs, labels), batch_size=25)


def test_outputs_that_are_not_finite_name_the_sample(data):
    inputs, labels = data().tensors
    inputs = inputs.abs()
    inputs[58, 3] = -1.0
    model = nn.Sequential(nn.Linear(6, 6), Root(), nn.Linear(6, 3)).double()
    with torch.no_grad():
        model[0].weight.copy_(torch.eye(6))
        model[0].bias.zero_()
    with pytest.raises(InputError, match="the network's output for sample 58 of the data is not finite"):
        fit_probes(model, ["0"], TensorDataset(inputs, labels))


@pytest.mark.parametrize(("n_outputs", "last"), [(3, nn.Softmax(1)), (1, nn.Sigmoid())])
def test_probabilities_are_refused_unless_said(data, net, n_outputs, last):
    model, train = net(n_outputs=n_outputs), data(n_classes=max(2, n_outputs))
    with torch.no_grad():
        model[3].weight.mul_(0.01)  # no probability may be 0
        model[3].bias.sub_(1)  # and the logits may not look like some
    chain = nn.Sequential(model, last)
    with pytest.raises(InputError, match=r"look like probabilities .* or pass outputs='probabilities' to fit_probes"):
        fit_probes(chain, ["0.0"], train)
    said = fit_probes(chain, ["0.0"], train, outputs="probabilities")
    plain = fit_probes(model, ["0"], train)
    assert torch.equal(said["0.0"].weight, plain["0"].weight)
    # The logarithm of a softmax differs from the logits by rounding and a constant.
    assert said.network.validation_loss == pytest.approx(plain.network.validation_loss, rel=1e-12)


def test_probabilities_of_exactly_0_ask_for_logits(data, net):
    model = nn.Sequential(net(), nn.Softmax(1)).double()
    with torch.no_grad():
        model[0][3].weight.mul_(1e6)
    with pytest.raises(
        InputError,
        match=r"a probability that the network gives for sample 0 of the data is exactly 0 or 1.*return logits",
    ):
        fit_probes(model, ["0.0"], data(), outputs="probabilities")


@pytest.mark.parametrize("penalties", [[], [0.0], [0.1, -1.0], [float("nan")], [float("inf")]])
def test_penalties_that_are_not_positive_are_refused(data, net, penalties):
    with pytest.raises(InputError, match="must be positive numbers: without a penalty the log-odds of separable"):
        fit_probes(net(), ["0"], data(), penalties=penalties)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"tolerance": 0.0}, "tolerance=0.0 must be positive"),
        ({"tolerance": float("nan")}, "tolerance=nan must be positive"),
        ({"max_passes": 0}, "max_passes=0 must be at least 1"),
        ({"batch_size": 0}, "batch_size=0 must be at least 1"),
        ({"read_out": "max"}, "read_out='max' is not known"),
        ({"read_out": {"0": "fltten"}}, r"read_out\['0'\]='fltten' is not known; did you mean 'flatten'"),
        ({"read_out": {"conv": "gap"}}, "read_out for layer='conv' is not known; the known ones are '0'"),
        ({"read_out": "gap"}, r"read-out 'gap' needs an output \[batch, channels, \*spatial\]"),
    ],
)
def test_options_that_make_no_sense_are_refused(data, net, options, said):
    with pytest.raises(InputError, match=said):
        fit_probes(net(), ["0"], data(), **options)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"loss": "hinge"}, "loss='hinge' is not known"),
        ({"outputs": "probs"}, "outputs='probs' is not known; the known ones are 'logits'"),
    ],
)
def test_unknown_words_are_refused(data, net, options, said, without_type_checks):
    with pytest.raises(InputError, match=said):
        fit_probes(net(), ["0"], data(), **options)


def test_data_of_another_kind_are_refused_with_advice(data, net, without_type_checks):
    inputs, labels = data().tensors
    batches = [(inputs, labels)]
    with pytest.raises(InputError, match="train_data is a generator, which can be visited only once: pass a Dataset"):
        fit_probes(net(), ["0"], (batch for batch in batches))
    with pytest.raises(InputError, match="validation is a list_iterator, which can be visited only once"):
        fit_probes(net(), ["0"], batches, iter(batches))
    with pytest.raises(
        InputError, match=r"is a pair of arrays: wrap it as torch.utils.data.TensorDataset\(inputs, labels\)"
    ):
        fit_probes(net(), ["0"], (inputs, labels))
    with pytest.raises(InputError, match="is a pair of arrays"):
        fit_probes(net(), ["0"], (inputs.numpy(), labels.numpy()))
    with pytest.raises(InputError, match="train_data is a Tensor: pass a Dataset"):
        fit_probes(net(), ["0"], inputs)
    with pytest.raises(InputError, match="train_data is a dict: pass a Dataset"):
        fit_probes(net(), ["0"], {"inputs": inputs})
    with pytest.raises(InputError, match="train_data is a int: pass a Dataset"):
        fit_probes(net(), ["0"], 3)
    with pytest.raises(InputError, match="batch 0 of train_data is a Tensor"):
        fit_probes(net(), ["0"], [inputs, labels])
    with pytest.raises(InputError, match=r"batch 1 of train_data has 120 inputs and labels of shape .119,.: one label"):
        fit_probes(net(), ["0"], [*batches, (inputs, labels[1:])])


class Odd(nn.Module):
    """One layer is never called and one returns no tensor."""

    def __init__(self):
        super().__init__()
        self.idle, self.words, self.head = nn.Linear(6, 6), Words(), nn.Linear(6, 3)

    def forward(self, inputs):
        self.words(inputs)
        return self.head(inputs)


class Words(nn.Module):
    """Returns text."""

    def forward(self, inputs):
        return "words"


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        ("idle", "layer 'idle' was not called in the forward pass"),
        ("words", "layer 'words' returned a str, in which there is no tensor"),
        ("wrods", "did you mean 'words'"),
    ],
)
def test_layers_that_give_nothing_are_errors(data, layer, said):
    with pytest.raises(LayerError, match=said):
        fit_probes(Odd().double(), [layer], data())


def test_too_few_samples_to_hold_some_out(net):
    single = TensorDataset(torch.randn(3, 6).double(), torch.arange(3))
    with pytest.raises(InputError, match="3 training samples are too few to hold some out: pass validation="):
        fit_probes(net(), ["0"], single)


def test_over_budget_names_the_layer_and_read_outs_that_fit(data):
    torch.manual_seed(0)
    inputs = torch.randn(60, 1, 8, 8)
    labels = torch.arange(60) % 3
    inputs[:, 0, 0, 0] += labels
    model = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(256, 3))
    # 257 parameters for each of 3 outputs and 5 penalties, 24 numbers of 8 bytes each: 723 KiB for each layer.
    need = 257 * 3 * 5 * 24 * 8
    train = TensorDataset(inputs, labels)
    with pytest.raises(BudgetError) as caught:
        fit_probes(model, ["0", "1"], train, budget=need * 3 // 2)
    assert str(caught.value) == (
        "training the probes needs 1.4 MiB, the budget is 1.1 MiB. The largest is layer '0' with 256 features of shape "
        "(4, 8, 8) (722.8 KiB). It fits with read_out={'0': 'gap'}, pass fewer layers or penalties, or raise budget= "
        "(bytes)"
    )
    with pytest.raises(BudgetError, match=r"It fits with read_out={'0': 'gap', '1': 'gap'}, pass"):
        fit_probes(model, ["0", "1"], train, budget=need // 2)
    with pytest.raises(BudgetError, match="No read-outs make it fit: leave the largest layers out"):
        fit_probes(model, ["0", "1"], train, budget=100)


def test_a_path_is_looked_at_before_any_work(data, net, tmp_path):
    def never(*told):
        raise AssertionError

    with pytest.raises(RunError, match="is a folder: path= names a safetensors file"):
        fit_probes(net(), ["0"], data(), path=tmp_path, progress=never)
    foreign = tmp_path / "model.safetensors"
    foreign.write_bytes(b"someone's weights")
    with pytest.raises(ProbeError, match=r"model.safetensors holds no probes that can be read .*: choose another file"):
        fit_probes(net(), ["0"], data(), path=foreign, progress=never)
    assert foreign.read_bytes() == b"someone's weights"


def test_arrays_of_numpy_are_data_too(data, net):
    inputs, labels = data().tensors
    arrays = fit_probes(net(), ["0"], [(inputs.numpy(), np.asarray(labels))])
    assert torch.equal(arrays["0"].weight, fit_probes(net(), ["0"], data())["0"].weight)
