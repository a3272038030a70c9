"""The same numbers whatever the batch size, the layers asked for together and the grouping; the model left as found."""

import copy
import random

import numpy as np
import pytest
import torch
from torch import nn

import layerlore as ll
from layerlore.interactions import stages
from reference.tiny_networks import QUICK, digits_mlp, digits_resnet, table

PLAYERS = ll.ImagePatches(4)
COLUMNS = ll.Columns([0, 1, [2, 3]])


def explained(case, players=PLAYERS, **options):
    return ll.explain(case.model, case.probes, case.inputs, case.labels, players=players, **{**QUICK, **options})


def values(knowledge, name):
    return knowledge.data[name].values


@pytest.mark.parametrize("make", [digits_mlp, digits_resnet])
def test_float32_scores_do_not_depend_on_the_batch_size(make):
    # kappa=0 and no pull: the splits of slightly different scores are as close as these.
    options = {"kappa": 0.0, "noise_samples": 4}
    whole = explained(make(), batch_size=64, **options)
    floor = whole.noise_floor().values
    units = whole.normalisers()
    for batch_size in (1, 7):
        found = explained(make(), batch_size=batch_size, **(options | {"noise_samples": 0}))
        scores = values(whole, "scores")
        largest = np.abs(scores).max((0, 1, 3), keepdims=True)
        assert (np.abs(values(found, "scores") - scores) <= 1e-5 * largest).all()
        difference = (values(found, "effects") - values(whole, "effects")) / units[..., None, None]
        pooled = np.sqrt((difference**2).mean((0, 1, 3, 4)))
        # The floor is a mean square over the effects of each order, here pooled like the difference.
        counts = np.array([4, 6, 4, 1])
        allowed = np.sqrt((floor**2 * counts).sum((1, 2)) / 32)
        # Both are rounding of float32, one drawn against float64 and one against another order of sums.
        assert (pooled <= 3 * allowed).all()


def test_float64_scores_do_not_depend_on_the_batch_size():
    case = table().in_float64()
    whole = explained(case, COLUMNS, batch_size=64)
    for batch_size in (1, 7):
        found = explained(case, COLUMNS, batch_size=batch_size)
        np.testing.assert_allclose(values(found, "scores"), values(whole, "scores"), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("at_once", [1, 7])
def test_splits_of_equal_scores_are_bit_equal_whatever_the_grouping(at_once, monkeypatch):
    case = table().in_float64()
    options = {"pull": 0.1, "max_iterations": 300}
    together = explained(case, COLUMNS, **options)
    monkeypatch.setattr(stages, "GAMES_AT_ONCE", at_once)
    apart = explained(case, COLUMNS, **options)
    for name in ("scores", "effects", "objective", "gap", "aligned_gap"):
        assert values(apart, name).tobytes() == values(together, name).tobytes(), name


@pytest.mark.parametrize("layers", [["relu2"], ["relu5"], "relu5"])
def test_a_layer_asked_for_alone_has_the_same_numbers(layers):
    case = digits_mlp()
    every = explained(case, pull=0.1)
    alone = explained(case, pull=0.1, layers=layers)
    name = layers if isinstance(layers, str) else layers[0]
    assert alone.layers == [name, "output"]
    for part in ("scores", "effects", "gap"):
        expected = every.data[part].sel(layer=[name, "output"]).values
        assert np.array_equal(values(alone, part), expected, equal_nan=True), part


def test_layers_stay_in_the_order_of_depth():
    assert explained(digits_mlp(), layers=["relu5", "relu2"]).layers == ["relu2", "relu5", "output"]


def test_samples_do_not_depend_on_their_neighbours():
    case = table()
    every = explained(case, COLUMNS, pull=0.0)
    some = ll.explain(case.model, case.probes, case.inputs[1:3], case.labels[1:3], players=COLUMNS, **QUICK)
    for name in ("scores", "effects"):
        assert np.array_equal(values(some, name), values(every, name)[1:3]), name


class Moody(nn.Module):
    """Dropout, batch norm and a frozen part, each in a mode of its own; may fail when a number of batches is done."""

    def __init__(self, body):
        super().__init__()
        self.norm = nn.BatchNorm1d(5, affine=False)
        self.drop = nn.Dropout(0.5)
        self.body = body

    def forward(self, inputs):
        return self.body(self.drop(self.norm(inputs)))


def moody():
    plain = table("named output")
    model = Moody(copy.deepcopy(plain.model.body))
    model.norm.running_mean.fill_(0.1)
    model.train()
    model.body[1].eval()
    model.body[0].weight.requires_grad_(False)
    model.body[2].weight.grad = torch.ones_like(model.body[2].weight)
    return plain.with_model(model)


def state_of(model):
    return {
        "training": [module.training for module in model.modules()],
        "frozen": [(weight.requires_grad, weight.grad) for weight in model.parameters()],
        "weights": [tensor.clone() for tensor in model.state_dict().values()],
        "hooks": [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules()],
        "random": (torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()),  # noqa: NPY002
        "gradients": torch.is_grad_enabled(),
        "threads": torch.get_num_threads(),
    }


def assert_equal_states(before, after):
    for name in ("training", "hooks", "gradients", "threads"):
        assert before[name] == after[name], name
    assert all(torch.equal(old, new) for old, new in zip(before["weights"], after["weights"], strict=True))
    for (needs, gradient), (needs_now, gradient_now) in zip(before["frozen"], after["frozen"], strict=True):
        assert needs == needs_now
        assert gradient is gradient_now
    assert torch.equal(before["random"][0], after["random"][0])
    assert before["random"][1:] == after["random"][1:]


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.usefixtures("without_type_checks")  # beartype draws from `random`
def test_the_model_the_inputs_and_the_random_states_are_left_as_found(fails):
    case = moody()
    baselines = torch.zeros_like(case.inputs)
    kept = case.inputs.clone()
    seen = 0

    def fail(_module, _inputs):
        nonlocal seen
        seen += 1
        if fails and seen == 7:
            raise ArithmeticError("out of order")

    handle = case.model.body.register_forward_pre_hook(fail)
    before = state_of(case.model)
    options = QUICK | {"noise_samples": 1, "batch_size": 3}
    if fails:
        with pytest.raises(ArithmeticError, match="out of order"):
            ll.explain(
                case.model, case.probes, case.inputs, case.labels, players=COLUMNS, baseline=baselines, **options
            )
    else:
        ll.explain(case.model, case.probes, case.inputs, case.labels, players=COLUMNS, baseline=baselines, **options)
    assert_equal_states(before, state_of(case.model))
    assert seen >= 7
    assert torch.equal(case.inputs, kept)
    assert (baselines == 0).all()
    handle.remove()


def test_a_network_in_train_mode_is_explained_in_eval_mode():
    case = moody()
    calm = case.with_model(copy.deepcopy(case.model).eval())
    assert np.array_equal(values(explained(case, COLUMNS), "scores"), values(explained(calm, COLUMNS), "scores"))
