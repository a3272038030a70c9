"""What the studies train, and which layers they look at."""

import pytest
from torch import nn

from layerlore.networks import find_layers
from layerlore.zoo.build import build
from layerlore.zoo.studies.recipes import layers_of, layerwise_recipe, middle_of
from layerlore.zoo.studies.settings import IMAGE_NETWORKS


@pytest.mark.parametrize("network", IMAGE_NETWORKS)
def test_every_network_of_the_studies_has_the_layers_that_are_named(network: str) -> None:
    model = build(network)
    layers = layers_of(network, model)
    assert find_layers(model, list(layers)) == list(layers)
    assert middle_of(network, layers) in layers


@pytest.mark.parametrize(
    ("network", "number", "of"), [("mlp7", 4, 6), ("vgg11", 6, 8), ("resnet20", 6, 9), ("resnet32", 10, 15)]
)
def test_the_middle_layers_are_the_papers(network: str, number: int, of: int) -> None:
    # METHODS A10: the 4th linear layer, conv4_2, the 6th of 9 blocks, the 10th of 15.
    layers = layers_of(network, build(network))
    assert len(layers) == of
    assert layers.index(middle_of(network, layers)) == number - 1


def test_networks_of_other_libraries_have_the_default_layers() -> None:
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    layers = layers_of("timm:anything", model)
    assert list(layers) == find_layers(model)
    assert middle_of("timm:anything", layers) in layers


def test_epochs_and_precision_are_as_asked() -> None:
    usual = layerwise_recipe("resnet20", "cifar10", epochs=None, precision="float32", quick=False)
    asked = layerwise_recipe("resnet20", "cifar10", epochs=7, precision="bfloat16", quick=False)
    quick = layerwise_recipe("resnet20", "cifar10", epochs=None, precision="float32", quick=True)
    assert (asked.epochs, asked.precision) == (7, "bfloat16")
    assert quick.epochs == usual.epochs // 5
    assert asked.learning_rate == usual.learning_rate
