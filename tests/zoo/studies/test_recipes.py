"""What the studies train, and which layers they look at."""

import pytest

from layerlore.networks import find_layers
from layerlore.zoo.build import build
from layerlore.zoo.studies.recipes import layers_of, layerwise_recipe, middle_of
from layerlore.zoo.studies.settings import IMAGE_NETWORKS


@pytest.mark.parametrize("network", IMAGE_NETWORKS)
def test_every_network_of_the_studies_has_the_layers_that_are_named(network: str) -> None:
    model = build(network)
    layers = layers_of(network)
    assert find_layers(model, list(layers)) == list(layers)
    assert middle_of(network) in layers


def test_the_middle_layers_are_the_papers() -> None:
    # METHODS A10: the 4th linear layer, conv4_2, the 6th of 9 blocks, the 10th of 15.
    assert middle_of("mlp7") == "linear4"
    assert middle_of("vgg11") == "conv4_2"
    assert layers_of("resnet20").index(middle_of("resnet20")) == 5
    assert layers_of("resnet32").index(middle_of("resnet32")) == 9


def test_epochs_and_precision_are_as_asked() -> None:
    usual = layerwise_recipe("resnet20", "cifar10", epochs=None, precision="float32", quick=False)
    asked = layerwise_recipe("resnet20", "cifar10", epochs=7, precision="bfloat16", quick=False)
    quick = layerwise_recipe("resnet20", "cifar10", epochs=None, precision="float32", quick=True)
    assert (asked.epochs, asked.precision) == (7, "bfloat16")
    assert quick.epochs == usual.epochs // 5
    assert asked.learning_rate == usual.learning_rate
