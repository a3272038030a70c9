"""Tests of networks by name."""

import sys
import types

import pytest
import torch
from torch import nn

from layerlore.errors import InputError, MissingExtraError
from layerlore.zoo.build import NETWORKS, build

IMAGES = [name for name in NETWORKS if name != "mlp7"]


def weights(model):
    """The first and the last layer's, which lie on either side of all other draws."""
    layers = [module for module in model.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    return torch.cat([layer.weight.detach().flatten() for layer in (layers[0], layers[-1])])


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28)])
def test_every_network_takes_both_kinds_of_images(name, shape):
    model = build(name, 4, shape).eval()
    with torch.no_grad():
        assert model(torch.rand(2, *shape)).shape == (2, 4)


@pytest.mark.parametrize("name", ["mlp7", "alexnet", "vgg11", "resnet20", "lenet5"])
def test_the_seed_makes_the_weights_and_nothing_else_moves(name):
    shape = (1, 28, 28)
    before = torch.get_rng_state()
    first = weights(build(name, 10, shape, seed=3))
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(5)
    assert torch.equal(weights(build(name, 10, shape, seed=3)), first)
    assert not torch.equal(weights(build(name, 10, shape, seed=4)), first)


def test_a_table_is_for_the_network_that_takes_one():
    assert build("mlp7", 2, (91,)).linear1.in_features == 91
    for name in IMAGES:
        with pytest.raises(
            InputError, match=r"takes images \(channels, height, width\), and a sample has shape \(91,\)"
        ):
            build(name, 2, (91,))


def test_lenet5_is_for_its_own_weights():
    assert isinstance(build("lenet5", 10, (1, 28, 28)), nn.Module)
    with pytest.raises(InputError, match="lenet5 takes images of one channel and gives 10 classes"):
        build("lenet5", 10, (3, 32, 32))
    with pytest.raises(InputError, match="lenet5 takes images of one channel and gives 10 classes"):
        build("lenet5", 2, (1, 28, 28))


def test_unknown_networks():
    with pytest.raises(InputError, match=r"there is no network 'resnet21' in the zoo; did you mean .*'resnet20'"):
        build("resnet21")
    with pytest.raises(InputError, match="'tim' is none of them"):
        build("tim:convnext")
    with pytest.raises(InputError, match=r"shape\[1\]=0 must be at least 1"):
        build("resnet20", 10, (3, 0, 32))


def test_networks_of_other_libraries(monkeypatch):
    asked = []

    def create_model(name, pretrained, num_classes, in_chans):
        asked.append((name, pretrained, num_classes, in_chans))
        if name == "no such":
            raise RuntimeError("Unknown model (no such)\nand more")
        return nn.Linear(2, num_classes)

    monkeypatch.setitem(sys.modules, "timm", types.SimpleNamespace(create_model=create_model))
    first, second = build("timm:a:b", 5, (1, 8, 8), seed=2), build("timm:a:b", 5, (1, 8, 8), seed=2)
    assert asked[0] == ("a:b", False, 5, 1)
    assert torch.equal(first.weight, second.weight)
    with pytest.raises(InputError, match=r"timm cannot make the network 'no such': Unknown model \(no such\)$"):
        build("timm:no such", 5, (1, 8, 8))


def test_a_library_that_is_not_there(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(MissingExtraError, match="torchvision:resnet50"):
        build("torchvision:resnet50")
