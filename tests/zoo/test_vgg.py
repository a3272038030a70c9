"""Tests of VGG: published sizes, names, and a forward pass written out once more."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from layerlore.errors import InputError
from layerlore.zoo.vgg import vgg11, vgg19_bn

# Table 1 of the paper, columns A and E; M is a pooling.
TABLE = {
    "vgg11": (64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"),
    "vgg19_bn": (
        *(64, 64, "M", 128, 128, "M", 256, 256, 256, 256, "M"),
        *(512, 512, 512, 512, "M", 512, 512, 512, 512, "M"),
    ),
}
BUILD = {"vgg11": vgg11, "vgg19_bn": vgg19_bn}


def count(parameters):
    return sum(parameter.numel() for parameter in parameters)


@pytest.mark.parametrize(("name", "published"), [("vgg11", 9.2), ("vgg19_bn", 20.0)])
def test_convolutions_have_the_published_number_of_parameters(name, published):
    layers = [module for module in BUILD[name]().modules() if isinstance(module, nn.Conv2d | nn.BatchNorm2d)]
    # In millions, to one decimal, as they are quoted.
    assert round(count(parameter for layer in layers for parameter in layer.parameters()) / 1e6, 1) == published


@pytest.mark.parametrize("name", BUILD)
def test_parameters_add_up_layer_by_layer(name):
    total, channels = 0, 3
    for width in TABLE[name]:
        if width != "M":
            # A convolution is followed by normalisation (scale and shift) or has a bias.
            total += channels * width * 9 + (2 if name == "vgg19_bn" else 1) * width
            channels = width
    assert count(BUILD[name]().parameters()) == total + 512 * 10 + 10


def test_vgg19_has_the_parameters_of_a_well_known_implementation():
    # github.com/kuangliu/pytorch-cifar has 20,040,522, of them 5,504 biases that the normalisation takes out again.
    assert count(vgg19_bn().parameters()) == 20_040_522 - 5_504


def written_out(model, name, images):
    """The network with calls of functions, its weights taken by name."""
    weights, hidden, stage, number = model.state_dict(), images, 1, 1
    for width in TABLE[name]:
        if width == "M":
            hidden = functional.max_pool2d(hidden, 2, ceil_mode=True)
            stage, number = stage + 1, 1
            continue
        place = f"{stage}_{number}"
        hidden = functional.conv2d(hidden, weights[f"conv{place}.weight"], weights.get(f"conv{place}.bias"), padding=1)
        if name == "vgg19_bn":
            norm = [weights[f"bn{place}.{key}"] for key in ("running_mean", "running_var", "weight", "bias")]
            hidden = functional.batch_norm(hidden, *norm)
        hidden, number = hidden.relu(), number + 1
    return hidden.mean((2, 3)) @ weights["fc.weight"].T + weights["fc.bias"]


@pytest.mark.parametrize("name", BUILD)
@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28)])
def test_logits_are_those_of_the_network_written_out(name, shape):
    torch.manual_seed(0)
    model = BUILD[name](7, shape[0]).eval().double()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.1, 0.1)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
    images = torch.rand(2, *shape, dtype=torch.float64)
    with torch.no_grad():
        logits = model(images)
        assert logits.shape == (2, 7)
        # The same sums in float64, perhaps in another order.
        assert torch.allclose(logits, written_out(model, name, images), rtol=1e-9, atol=1e-12)


def test_names_of_the_parts():
    names = [name for name, _ in vgg11().named_children()]
    assert names[:6] == ["conv1_1", "relu1_1", "pool1", "conv2_1", "relu2_1", "pool2"]
    assert names[-6:] == ["conv5_2", "relu5_2", "pool5", "average", "flatten", "fc"]
    # The layer that METHODS A10 compares models at.
    assert "conv4_2" in names
    names = [name for name, _ in vgg19_bn().named_children()]
    assert names[:3] == ["conv1_1", "bn1_1", "relu1_1"]
    assert [name for name in names if name.startswith("conv")][-1] == "conv5_4"


def test_no_module_overwrites_what_another_one_returned():
    seen = []
    model = vgg11(in_channels=1).eval()
    for module in model:
        module.register_forward_hook(lambda _module, _args, output: seen.append((output, output.clone())))
    with torch.no_grad():
        model(torch.rand(2, 1, 28, 28))
    assert all(torch.equal(output, copy) for output, copy in seen)
    # One for each part: eight convolutions with ReLU, five poolings, and three at the end.
    assert len(seen) == 24


def test_the_signal_does_not_die_on_the_way():
    torch.manual_seed(0)
    with torch.no_grad():
        logits = vgg11()(torch.rand(32, 3, 32, 32))
    # PyTorch's own initial weights leave differences between images of about 1e-5 here.
    assert logits.std(0).mean() > 0.01


@pytest.mark.parametrize("build", BUILD.values())
def test_sizes_are_checked(build):
    with pytest.raises(InputError, match="n_classes=0 must be at least 1"):
        build(0)
    with pytest.raises(InputError, match="in_channels=-1 must be at least 1"):
        build(3, -1)
