import pytest
import torch
from torch import nn

from layerlore.errors import InputError, LayerError
from layerlore.networks import capture, trace


class Loop(nn.Module):
    """One activation called as often as ``times`` says, between two linear layers that are executed in reverse."""

    def __init__(self, times=2):
        super().__init__()
        self.late = nn.Linear(4, 2)
        self.early = nn.Linear(3, 4)
        self.act = nn.Tanh()
        self.unused = nn.Linear(4, 4)
        self.times = times

    def forward(self, x):
        x = self.early(x)
        for _ in range(self.times):
            x = self.act(x)
        return self.late(x)


class Returns(nn.Module):
    def __init__(self, make):
        super().__init__()
        self.make = make

    def forward(self, x):
        return self.make(x)


class Wrapped(nn.Module):
    def __init__(self, make):
        super().__init__()
        self.layer = Returns(make)

    def forward(self, x):
        self.layer(x)
        return x


def hooks_of(model):
    found = 0
    for module in model.modules():
        found += len(module._forward_hooks) + len(module._forward_pre_hooks) + len(module._forward_hooks_always_called)
    return found


def inputs(n_samples=5):
    return torch.linspace(-1, 1, 3 * n_samples).view(n_samples, 3)


def test_captured_is_the_very_tensor_with_its_gradient():
    net = Loop(1)
    with capture(net, ["early", "act"]) as captured:
        out = net(inputs())
    assert dict(captured).keys() == {"early", "act"}
    assert torch.equal(captured["act"], torch.tanh(net.early(inputs())))
    (gradient,) = torch.autograd.grad(out.sum(), captured["act"])
    assert torch.allclose(gradient, net.late.weight.sum(0).expand(5, 4))
    assert hooks_of(net) == 0


def test_captured_is_of_the_latest_forward_and_read_only():
    net = Loop(1)
    with capture(net, ["early"]) as captured:
        net(inputs())
        net(inputs() + 1)
    assert torch.equal(captured["early"], net.early(inputs() + 1))
    assert "early" in captured
    assert "late" not in captured
    with pytest.raises(TypeError):
        captured["early"] = inputs()
    with pytest.raises(LayerError, match=r"'earli' was not captured; did you mean 'early'"):
        captured["earli"]


def test_nothing_is_captured_outside_of_a_forward_pass_of_the_root():
    net = Loop(1)
    seen = []
    with capture(net, ["early"]) as captured, capture(net, ["early"], lambda name, _: seen.append(name)):
        net.early(inputs())
        net.forward(inputs())
        assert len(captured) == len(seen) == 0
        with pytest.raises(LayerError, match=r"'early' has no output.*Call model\(inputs\)"):
            captured["early"]
        net(inputs())
        net.early(inputs(7))
    assert captured["early"].shape == (5, 4)
    assert seen == ["early"]


def test_several_calls_have_their_own_names():
    net = Loop(3)
    with capture(net, ["act"]) as captured:
        net(inputs())
    assert list(captured) == ["act@0", "act@1", "act@2"]
    assert torch.equal(captured["act@2"], torch.tanh(captured["act@1"]))
    with capture(net, ["act@1"]) as captured:
        net(inputs())
    assert list(captured) == ["act@1"]
    assert torch.equal(captured["act@1"], torch.tanh(torch.tanh(net.early(inputs()))))


def test_a_shared_module_is_called_under_its_first_name():
    first = nn.Linear(3, 3)
    net = nn.Sequential(first, nn.ReLU(), first)
    with capture(net, ["2"]) as captured:
        out = net(inputs())
    assert list(captured) == ["0@0", "0@1"]
    assert captured["0@1"] is out


@pytest.mark.parametrize(
    ("asked", "times", "message"),
    [
        ("act@2", 2, "no layer 'act@2': 'act' is called 2 times in a forward pass; ask for 'act@0' to 'act@1'"),
        ("act@0", 1, "no layer 'act@0': 'act' is called once in a forward pass; ask for 'act'"),
        ("act", 0, "layer 'act' was not called"),
        ("unused", 1, "layer 'unused' was not called"),
    ],
)
def test_calls_that_do_not_happen_are_errors(asked, times, message):
    net = Loop(times)
    for visit in (None, lambda name, output: None):
        with pytest.raises(LayerError, match=message), capture(net, [asked], visit):
            net(inputs())
        assert hooks_of(net) == 0
    with pytest.raises(LayerError, match=message):
        trace(net, inputs(), [asked])


def test_a_changing_number_of_calls_is_an_error():
    net = Loop(2)
    with capture(net, ["act"]):
        net(inputs())
        net.times = 3
        with pytest.raises(LayerError, match="'act' was called 3 times in this forward pass and 2 times in an earlier"):
            net(inputs())
    assert hooks_of(net) == 0


@pytest.mark.parametrize("visit", [None, lambda name, output: None])
def test_an_exception_in_the_block_leaves_no_hook(visit):
    net = Loop()

    def interrupted():
        with capture(net, ["early", "act@0"], visit):
            net(inputs())
            assert hooks_of(net) == 6
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert hooks_of(net) == 0


def test_a_failed_forward_is_forgotten():
    net = Loop(1)
    seen = []
    with capture(net, ["early"]) as captured, capture(net, ["early"], lambda name, _: seen.append(name)):
        net(inputs())
        act, net.act = net.act, Returns(lambda x: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            net(inputs())
        assert len(captured) == 0
        net.early(inputs())
        assert seen == ["early", "early"]
        net.act = act
        net(inputs(2))
        assert captured["early"].shape == (2, 4)
    assert hooks_of(net) == 0


def test_user_hooks_stay_and_their_output_is_what_is_captured():
    net = Loop(1)
    handle = net.early.register_forward_hook(lambda module, args, output: output * 2)
    with capture(net, ["early"]) as captured:
        net(inputs())
    assert hooks_of(net) == 1
    handle.remove()
    assert torch.equal(captured["early"], net.early(inputs()) * 2)


def test_visit_sees_each_output_as_produced_and_nothing_is_kept():
    net = Loop(2)
    seen = {}
    with capture(net, ["late", "act@1", "early"], lambda name, output: seen.update({name: output})) as captured:
        out = net(inputs())
    assert list(seen) == ["early", "act@1", "late"]
    assert seen["late"] is out
    assert len(captured) == 0


def test_visit_needs_the_names_of_trace():
    net = Loop(2)
    with (
        pytest.raises(LayerError, match=r"'act' is called more than once.*call trace first"),
        capture(net, ["act"], lambda name, output: None),
    ):
        net(inputs())
    names = list(trace(net, inputs(), ["late", "act", "early"]))
    assert names == ["early", "act@0", "act@1", "late"]
    seen = []
    with capture(net, names, lambda name, output: seen.append(name)):
        net(inputs())
    assert seen == names


def test_an_output_changed_in_place_is_an_error_when_kept_and_right_when_visited():
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(inplace=True), nn.Linear(4, 2)).eval()
    with torch.no_grad(), capture(net, ["0"]) as captured:
        with pytest.raises(LayerError, match=r"output of layer '0' was changed in place.*inplace=False"):
            net(inputs())
        assert len(captured) == 0
    seen = []
    with torch.no_grad(), capture(net, ["0"], lambda name, output: seen.append(output.clone())):
        net(inputs())
    assert torch.equal(seen[0], net[0](inputs()))
    with torch.no_grad(), capture(net, ["1"]) as captured:
        net(inputs())
    assert torch.equal(captured["1"], torch.relu(net[0](inputs())))


def test_works_in_inference_mode():
    net = Loop(1)
    with torch.inference_mode(), capture(net, ["early"]) as captured:
        net(inputs())
    assert captured["early"].shape == (5, 4)


@pytest.mark.parametrize(
    "make",
    [
        lambda x: (x + 1, x),
        lambda x: [None, "text", x + 1, x],
        lambda x: {"scores": None, "first": x + 1, "second": x},
        lambda x: {"other": x, "last_hidden_state": x + 1},
        lambda x: {"last_hidden_state": None, "other": x + 1},
    ],
)
def test_the_first_tensor_is_the_output(make):
    net = Wrapped(make)
    with capture(net, ["layer"]) as captured:
        net(inputs())
    assert torch.equal(captured["layer"], inputs() + 1)


@pytest.mark.parametrize(
    ("make", "described"),
    [
        (lambda x: None, "None"),
        (lambda x: (1, (x,)), r"a tuple of \['int', 'tuple'\]"),
        (lambda x: {"a": 1}, r"a dict with the keys \['a'\]"),
        (lambda x: 3, "a int"),
    ],
)
def test_no_tensor_is_an_error(make, described):
    net = Wrapped(make)
    with pytest.raises(LayerError, match=f"'layer' returned {described}"), capture(net, ["layer"]):
        net(inputs())
    assert hooks_of(net) == 0


def test_trace_is_in_order_of_execution_and_leaves_the_model_as_found():
    net = Loop(2).train()
    net.act.eval()
    state = torch.get_rng_state()
    assert trace(net, inputs(), ["late", "act", "early"]) == {"early": (4,), "act@0": (4,), "act@1": (4,), "late": (2,)}
    assert [module.training for module in net.modules()] == [True, True, True, False, True]
    assert torch.equal(torch.get_rng_state(), state)
    assert hooks_of(net) == 0


def test_trace_runs_in_eval_mode():
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(), nn.Linear(4, 2))
    before, state = {name: tensor.clone() for name, tensor in net.state_dict().items()}, torch.get_rng_state()
    trace(net, inputs(), ["2"])
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)


def test_trace_takes_named_and_float64_inputs():
    assert trace(Loop(1), {"x": inputs().double()}, ["early"]) == {"early": (4,)}


def test_trace_refuses_a_first_axis_that_is_not_the_batch():
    with pytest.raises(LayerError, match=r"'layer' returned shape \(3, 5\) for a batch of 5"):
        trace(Wrapped(lambda x: x.T), inputs(), ["layer"])
    with pytest.raises(LayerError, match=r"'layer' returned shape \(\) for a batch of 5"):
        trace(Wrapped(lambda x: x.sum()), inputs(), ["layer"])
    with pytest.raises(InputError, match="has no samples"):
        trace(Loop(), inputs(0))


def test_torch_transformer_layers_are_called_in_eval_mode():
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    net = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
    shapes = trace(net, torch.zeros(3, 5, 8), ["layers.0", "layers.1", "layers.0.linear1"])
    assert shapes == {"layers.0.linear1": (5, 16), "layers.0": (5, 8), "layers.1": (5, 8)}
    with pytest.raises(LayerError, match=r"'layers.0.self_attn.out_proj' was not called.*its parent"):
        trace(net, torch.zeros(3, 5, 8), ["layers.0.self_attn.out_proj"])
