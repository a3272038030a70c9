"""Tests of AlexNet for small images."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from layerlore.errors import InputError
from layerlore.zoo.alexnet import alexnet


def written_out(model, images):
    """The network in eval mode with calls of functions, its weights taken by name."""
    weights, hidden = model.state_dict(), images
    for number, (stride, padding) in enumerate([(4, 5), (1, 2), (1, 1), (1, 1), (1, 1)], 1):
        name = f"conv{number}"
        hidden = functional.conv2d(hidden, weights[f"{name}.weight"], weights[f"{name}.bias"], stride, padding).relu()
        if number in (1, 2, 5):
            hidden = functional.max_pool2d(hidden, 2, ceil_mode=True)
    hidden = hidden.mean((2, 3))
    for name in ("fc6", "fc7"):
        hidden = (hidden @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]).relu()
    return hidden @ weights["fc8.weight"].T + weights["fc8.bias"]


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28)])
def test_logits_are_those_of_the_network_written_out(shape):
    torch.manual_seed(0)
    model = alexnet(7, shape[0], width=32).eval().double()
    images = torch.rand(2, *shape, dtype=torch.float64)
    with torch.no_grad():
        logits = model(images)
        assert logits.shape == (2, 7)
        # The same sums in float64, perhaps in another order.
        assert torch.allclose(logits, written_out(model, images), rtol=1e-9, atol=1e-12)


def test_it_has_five_convolutions_and_three_linear_layers():
    model = alexnet()
    convolutions = [module for module in model if isinstance(module, nn.Conv2d)]
    # Kernels and channels of "one weird trick" (arXiv 1404.5997), the form of AlexNet on one GPU.
    assert [(layer.kernel_size[0], layer.out_channels) for layer in convolutions] == [
        (11, 64), (5, 192), (3, 384), (3, 256), (3, 256),
    ]  # fmt: skip
    linears = [(layer.in_features, layer.out_features) for layer in model if isinstance(layer, nn.Linear)]
    assert linears == [(256, 1024), (1024, 1024), (1024, 10)]
    names = [name for name, _ in model.named_children()]
    assert names[:3] == ["conv1", "relu1", "pool1"]
    assert names[-4:] == ["drop7", "fc7", "relu7", "fc8"]


def test_sizes_are_checked():
    with pytest.raises(InputError, match="width=0 must be at least 1"):
        alexnet(width=0)
    with pytest.raises(InputError, match="n_classes=0 must be at least 1"):
        alexnet(0)
