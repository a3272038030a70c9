"""Tests of the deeper and wider residual networks: published sizes, and a forward pass written out once more."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from layerlore.errors import InputError
from layerlore.zoo.resnet import resnet18, resnet20, resnet32, resnet34, resnet44, resnet56

CIFAR = {"resnet20": resnet20, "resnet32": resnet32, "resnet44": resnet44, "resnet56": resnet56}
WIDE = {"resnet18": resnet18, "resnet34": resnet34}


def count(model):
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("name", "millions"), [("resnet20", 0.27), ("resnet32", 0.46), ("resnet44", 0.66), ("resnet56", 0.85)]
)
def test_networks_for_cifar_have_the_published_sizes(name, millions):
    model = CIFAR[name]()
    # He et al. 2016, table 6.
    assert round(count(model) / 1e6, 2) == millions
    assert sum(isinstance(module, nn.Conv2d | nn.Linear) for module in model.modules()) == int(name[-2:])


@pytest.mark.parametrize(("name", "published"), [("resnet18", 11_173_962), ("resnet34", 21_282_122)])
def test_wide_networks_have_the_parameters_of_a_well_known_implementation(name, published):
    # github.com/kuangliu/pytorch-cifar.
    assert count(WIDE[name]()) == published


def test_wide_networks_have_as_many_layers_as_their_names_say():
    for name, build in WIDE.items():
        layers = [path for path, module in build().named_modules() if isinstance(module, nn.Conv2d | nn.Linear)]
        # Projections are not counted.
        assert sum("shortcut" not in path for path in layers) == int(name[-2:])
        assert sum("shortcut" in path for path in layers) == 3


def norm(weights, name, hidden):
    return functional.batch_norm(
        hidden, *(weights[f"{name}.{key}"] for key in ("running_mean", "running_var", "weight", "bias"))
    )


def written_out(model, images):
    """The network with calls of functions, its weights taken by name."""
    weights = model.state_dict()
    hidden = norm(weights, "bn1", functional.conv2d(images, weights["conv1.weight"], padding=1)).relu()
    for stage in range(1, 5):
        block = 0
        while f"layer{stage}.{block}.conv1.weight" in weights:
            at = f"layer{stage}.{block}"
            stride = 2 if stage > 1 and block == 0 else 1
            inner = functional.conv2d(hidden, weights[f"{at}.conv1.weight"], stride=stride, padding=1)
            inner = functional.conv2d(
                norm(weights, f"{at}.bn1", inner).relu(), weights[f"{at}.conv2.weight"], padding=1
            )
            inner = norm(weights, f"{at}.bn2", inner)
            if f"{at}.shortcut.conv.weight" in weights:
                way = functional.conv2d(hidden, weights[f"{at}.shortcut.conv.weight"], stride=stride)
                hidden = norm(weights, f"{at}.shortcut.bn", way)
            elif stride == 2:
                new = inner.shape[1] - hidden.shape[1]
                even = hidden[:, :, ::2, ::2]
                empty = even.new_zeros(len(even), new // 2, *even.shape[2:])
                hidden = torch.cat([empty, even, empty], 1)
            hidden, block = (inner + hidden).relu(), block + 1
    return hidden.mean((2, 3)) @ weights["fc.weight"].T + weights["fc.bias"]


@pytest.mark.parametrize("build", [resnet32, resnet18])
@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28)])
def test_logits_are_those_of_the_network_written_out(build, shape):
    torch.manual_seed(0)
    model = build(7, shape[0]).eval().double()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.1, 0.1)
            nn.init.uniform_(module.weight, 0.5, 1.5)
    images = torch.rand(2, *shape, dtype=torch.float64)
    with torch.no_grad():
        logits = model(images)
        assert logits.shape == (2, 7)
        # The same sums in float64, perhaps in another order.
        assert torch.allclose(logits, written_out(model, images), rtol=1e-9, atol=1e-12)


def test_names_and_blocks():
    assert [len(resnet56().get_submodule(f"layer{stage}")) for stage in (1, 2, 3)] == [9, 9, 9]
    model = resnet34()
    assert [len(model.get_submodule(f"layer{stage}")) for stage in (1, 2, 3, 4)] == [3, 4, 6, 3]
    names = [name for name, _ in model.named_children()]
    assert names == ["conv1", "bn1", "relu1", "layer1", "layer2", "layer3", "layer4", "pool", "flatten", "fc"]
    # The only projections are where a stage begins with another size.
    projected = {path for path, _ in model.named_modules() if path.endswith("shortcut.conv")}
    assert projected == {f"layer{stage}.0.shortcut.conv" for stage in (2, 3, 4)}


@pytest.mark.parametrize("build", [*CIFAR.values(), *WIDE.values()])
def test_sizes_are_checked(build):
    with pytest.raises(InputError, match="n_classes=0 must be at least 1"):
        build(0)
    with pytest.raises(InputError, match="in_channels=0 must be at least 1"):
        build(3, 0)
