"""Tests of the networks: names, shapes, parameter counts, and that nothing works in place."""

import pytest
import torch
from torch import nn

from layerlore.errors import InputError
from layerlore.zoo import LeNet5, mlp7, resnet20, small_resnet


def count(model):
    return sum(parameter.numel() for parameter in model.parameters())


NETWORKS = {
    "mlp7": (lambda: mlp7(64, 10, width=16), (1, 8, 8)),
    "small_resnet": (lambda: small_resnet(10, channels=(4, 8, 8)), (1, 8, 8)),
    "resnet20": (resnet20, (3, 32, 32)),
    "lenet5": (LeNet5, (1, 28, 28)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_logits_are_raw_and_of_the_right_shape(name):
    build, shape = NETWORKS[name]
    torch.manual_seed(0)
    logits = build().eval()(torch.rand(5, *shape))
    assert logits.shape == (5, 10)
    # Log-probabilities would have a logsumexp of 0.
    assert logits.logsumexp(-1).abs().min() > 0.1


@pytest.mark.parametrize("name", NETWORKS)
def test_no_module_overwrites_what_another_one_returned(name):
    build, shape = NETWORKS[name]
    torch.manual_seed(0)
    model = build().eval()
    seen = []

    def keep(module, args, output):
        seen.append((output, output.clone()))

    for module in model.modules():
        module.register_forward_hook(keep)
    with torch.no_grad():
        model(torch.rand(2, *shape))
    assert len(seen) >= 14
    assert all(torch.equal(output, copy) for output, copy in seen)


@pytest.mark.parametrize("name", NETWORKS)
def test_each_activation_is_called_once(name):
    build, shape = NETWORKS[name]
    model = build().eval()
    calls = dict.fromkeys((module for module in model.modules() if isinstance(module, nn.ReLU)), 0)

    def counted(module, args, output):
        calls[module] += 1

    for relu in calls:
        relu.register_forward_hook(counted)
    model(torch.rand(2, *shape))
    assert calls
    assert set(calls.values()) == {1}


def test_mlp7_has_seven_linear_layers_with_relu_between():
    model = mlp7(6, 3, width=5)
    linears = [module for module in model if isinstance(module, nn.Linear)]
    assert [(layer.in_features, layer.out_features) for layer in linears] == [(6, 5), *[(5, 5)] * 5, (5, 3)]
    names = [name for name, _ in model.named_children()]
    assert names[:4] == ["flatten", "linear1", "relu1", "linear2"]
    assert names[-2:] == ["relu6", "linear7"]


def test_mlp7_keeps_the_size_of_the_signal():
    torch.manual_seed(0)
    model = mlp7(256, 10, width=1024)
    with torch.no_grad():
        hidden = model[:-1](torch.randn(64, 256))
    # He weights keep the mean square near 1: six layers of width 1024 spread it by about sqrt(6 * 5 / 1024) = 0.17,
    # while PyTorch's default would take it to 6**-6.
    assert 0.4 < hidden.square().mean() < 2.0


def test_resnet20_has_the_published_shape():
    model = resnet20()
    # He et al. 2016, table 6: 0.27 M parameters, 20 layers with weights.
    assert count(model) == 269_722
    assert sum(isinstance(module, nn.Conv2d | nn.Linear) for module in model.modules()) == 20
    names = {"conv1", "bn1", "layer1", "layer2", "layer3", "fc"}
    assert names <= {name for name, _ in model.named_children()}
    assert [len(model.get_submodule(f"layer{stage}")) for stage in (1, 2, 3)] == [3, 3, 3]
    sizes = []
    for stage in (1, 2, 3):
        model.get_submodule(f"layer{stage}").register_forward_hook(
            lambda _m, _a, out: sizes.append(tuple(out.shape[1:]))
        )
    model(torch.rand(2, 3, 32, 32))
    assert sizes == [(16, 32, 32), (32, 16, 16), (64, 8, 8)]


def test_the_shortcut_takes_every_second_pixel_and_pads_channels_with_zeros():
    shortcut = small_resnet(2, channels=(2, 5, 5)).get_submodule("layer2.shortcut")
    images = torch.rand(3, 2, 5, 5)
    expected = torch.zeros(3, 5, 3, 3)
    for row in range(3):
        for column in range(3):
            expected[:, 1:3, row, column] = images[:, :, 2 * row, 2 * column]
    assert torch.equal(shortcut(images), expected)
    assert count(shortcut) == 0


def test_small_resnet_names_its_parts():
    model = small_resnet(3, channels=(2, 3, 4), in_channels=2)
    assert [name for name, _ in model.named_children()] == ["stem", "layer1", "layer2", "layer3", "head"]
    assert model(torch.rand(4, 2, 9, 9)).shape == (4, 3)


def test_lenet5_has_the_keys_and_shapes_of_the_published_weights():
    shapes = {name: tuple(tensor.shape) for name, tensor in LeNet5().state_dict().items()}
    weights = {
        "convnet.c1": (6, 1, 5, 5),
        "convnet.c3": (16, 6, 5, 5),
        "convnet.c5": (120, 16, 5, 5),
        "fc.f6": (84, 120),
        "fc.f7": (10, 84),
    }
    expected = {f"{name}.weight": shape for name, shape in weights.items()}
    assert shapes == expected | {f"{name}.bias": shape[:1] for name, shape in weights.items()}


def test_lenet5_resizes_and_normalises_inside():
    model, seen = LeNet5(), []
    model.convnet.register_forward_pre_hook(lambda _module, args: seen.append(args[0]))
    model(torch.full((1, 1, 28, 28), 0.1307))
    model(torch.full((1, 1, 28, 28), 0.1307 + 0.3081))
    assert [tuple(batch.shape) for batch in seen] == [(1, 1, 32, 32)] * 2
    # One rounding of 0.44 in float32, divided by 0.31.
    assert torch.allclose(seen[0], torch.zeros(1), atol=2e-7)
    assert torch.allclose(seen[1], torch.ones(1), atol=4e-7)


def test_lenet5_resizes_with_corners_not_aligned():
    model, seen = LeNet5(), []
    model.convnet.register_forward_pre_hook(lambda _module, args: seen.append(args[0]))
    ramp = torch.linspace(0, 1, 28).expand(1, 1, 28, 28)
    model(ramp)
    column = (seen[0] * 0.3081 + 0.1307)[0, 0, 0, 10]
    # The centre of output column 10 lies at (10 + 0.5) * 28 / 32 - 0.5 of the input.
    assert column.item() == pytest.approx(((10 + 0.5) * 28 / 32 - 0.5) / 27, abs=1e-6)


def test_lenet5_refuses_another_size():
    with pytest.raises(InputError, match=r"shape \(2, 1, 32, 32\): it takes \[batch, 1, 28, 28\]"):
        LeNet5()(torch.rand(2, 1, 32, 32))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: mlp7(0, 3), "n_inputs=0 must be at least 1"),
        (lambda: mlp7(3, 0), "n_classes=0 must be at least 1"),
        (lambda: mlp7(3, 3, width=0), "width=0 must be at least 1"),
        (lambda: resnet20(0), "n_classes=0 must be at least 1"),
        (lambda: small_resnet(2, in_channels=0), "in_channels=0 must be at least 1"),
        (
            lambda: small_resnet(2, channels=(4, 2, 2)),
            r"channels=\(4, 2, 2\) must be at least 1 and never become fewer",
        ),
    ],
)
def test_sizes_are_checked(build, message):
    with pytest.raises(InputError, match=message):
        build()
