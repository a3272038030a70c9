"""How each network of the studies is trained: enough for the usual accuracy, no more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from torch import nn

from layerlore.networks import find_layers


@dataclass(frozen=True)
class Recipe:
    """Arguments of `layerlore.zoo.train`, see there."""

    epochs: int
    batch_size: int = 128
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    optimiser: str = "adam"
    augment: str | None = None
    schedule: str = "cosine"
    precision: str = "float32"

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return asdict(self)


LAYERS: dict[str, tuple[str, ...]] = {
    "mlp7": tuple(f"linear{number}" for number in range(1, 7)),
    "vgg11": ("conv1_1", "conv2_1", "conv3_1", "conv3_2", "conv4_1", "conv4_2", "conv5_1", "conv5_2"),
    "vgg19_bn": ("relu1_2", "relu2_2", "relu3_2", "relu3_4", "relu4_2", "relu4_4", "relu5_2", "relu5_4"),
    "alexnet": ("relu1", "relu2", "relu3", "relu4", "relu5", "relu6", "relu7"),
    "small_resnet": ("layer1", "layer2", "layer3"),
}
"""Layers that a layerwise study explains; those of the ResNets are their blocks (METHODS A10)."""

MIDDLE = {"mlp7": "linear4", "vgg11": "conv4_2", "resnet20": "layer2.2", "resnet32": "layer2.4"}
"""The layer at which the paper compares models and adds noise: the 6th of 9 blocks, the 10th of 15 (METHODS A10)."""

STAGES = {"resnet20": (3,) * 3, "resnet32": (5,) * 3, "resnet44": (7,) * 3, "resnet56": (9,) * 3}
STAGES |= {"resnet18": (2,) * 4, "resnet34": (3, 4, 6, 3)}


def layers_of(network: str, model: nn.Module) -> tuple[str, ...]:
    """Layers of a network that a study explains, by depth; of networks of other libraries those of `find_layers`."""
    if network in LAYERS:
        return LAYERS[network]
    if network not in STAGES:
        return tuple(find_layers(model))
    counts = STAGES[network]
    return tuple(f"layer{stage}.{block}" for stage, count in enumerate(counts, 1) for block in range(count))


def middle_of(network: str, layers: Sequence[str]) -> str:
    """The layer at which models are compared: the paper's, or else the one at two thirds of the depth."""
    return MIDDLE.get(network, layers[max(0, (2 * len(layers)) // 3 - 1)])


def layerwise_recipe(network: str, data: str, *, epochs: int | None, precision: str, quick: bool) -> Recipe:
    """The recipe of a layerwise study.

    Args:
        network: name in the zoo.
        data: name of the data set.
        epochs: instead of the usual number.
        precision: of the forward passes.
        quick: a fifth of the epochs.
    """
    if data == "census":
        usual = Recipe(epochs=5, batch_size=256, weight_decay=1e-5)
    elif data in ("mnist", "fashion_mnist"):
        usual = Recipe(epochs={"mlp7": 6, "vgg11": 2}.get(network, 3))
    elif data == "digits":
        usual = Recipe(epochs=40)
    elif network == "mlp7":
        usual = Recipe(epochs=60, weight_decay=1e-5, augment="crop-flip", schedule="warm-up")
    elif network in STAGES or network == "vgg19_bn":
        usual = Recipe(
            epochs=100, learning_rate=0.1, weight_decay=5e-4, optimiser="sgd", augment="crop-flip", schedule="warm-up"
        )
    else:
        usual = Recipe(epochs=60, learning_rate=5e-4, augment="crop-flip", schedule="warm-up")
    asked = epochs if epochs is not None else (max(2, usual.epochs // 5) if quick else usual.epochs)
    return Recipe(**(usual.to_json() | {"epochs": asked, "precision": precision}))
