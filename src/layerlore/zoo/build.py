"""Networks by name: those of the zoo, and those of other libraries."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import nn

from layerlore.errors import InputError, MissingExtraError, closest, first_line
from layerlore.zoo.alexnet import alexnet
from layerlore.zoo.lenet import LeNet5
from layerlore.zoo.mlp import mlp7
from layerlore.zoo.resnet import resnet18, resnet20, resnet32, resnet34, resnet44, resnet56, small_resnet
from layerlore.zoo.sizes import check_sizes
from layerlore.zoo.vgg import vgg11, vgg19_bn

Shape = Sequence[int]
Builder = Callable[[int, Shape], nn.Module]
"""Makes a network of the number of classes and the shape of one sample."""


def _for_images(builder: Callable[..., nn.Module]) -> Builder:
    def build(n_classes: int, shape: Shape) -> nn.Module:
        return builder(n_classes, in_channels=_channels(shape))

    return build


NETWORKS: dict[str, Builder] = {
    "mlp7": lambda n_classes, shape: mlp7(math.prod(shape), n_classes),
    "alexnet": _for_images(alexnet),
    "vgg11": _for_images(vgg11),
    "vgg19_bn": _for_images(vgg19_bn),
    "small_resnet": _for_images(small_resnet),
    "resnet18": _for_images(resnet18),
    "resnet20": _for_images(resnet20),
    "resnet32": _for_images(resnet32),
    "resnet34": _for_images(resnet34),
    "resnet44": _for_images(resnet44),
    "resnet56": _for_images(resnet56),
}
"""The networks of the zoo that can be made for any data."""


def build(name: str, n_classes: int = 10, shape: Shape = (3, 32, 32), seed: int = 0) -> nn.Module:
    """A network with fresh weights.

    Args:
        name: one of `NETWORKS`; or one of another library after its name and a colon: ``"timm:convnext_tiny"``,
            ``"torchvision:resnet50"``, ``"transformers:microsoft/resnet-18"`` (an image classifier, by the name or the
            folder of its configuration).
        n_classes: number of logits.
        shape: of one sample, ``(channels, height, width)`` or ``(columns,)``.
        seed: of the weights; the global random state is left as it was.

    Raises:
        InputError: no such network, or one that cannot be made for this shape.
        MissingExtraError: the library is not installed.

    >>> build("resnet20", 10, (1, 28, 28)).conv1.in_channels
    1
    """
    check_sizes(n_classes=n_classes, **{f"shape[{axis}]": length for axis, length in enumerate(shape)})
    library, colon, its_name = name.partition(":")
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        if colon:
            return _of_library(library, its_name, n_classes, shape)
        if name == "lenet5":
            return _lenet5(n_classes, shape)
        if name not in NETWORKS:
            raise InputError(f"there is no network {name!r} in the zoo; {closest(name, [*NETWORKS, 'lenet5'])}")
        return NETWORKS[name](n_classes, shape)


def _channels(shape: Shape) -> int:
    if len(shape) != 3:
        raise InputError(f"this network takes images (channels, height, width), and a sample has shape {tuple(shape)}")
    return shape[0]


def _lenet5(n_classes: int, shape: Shape) -> nn.Module:
    if n_classes != 10 or _channels(shape) != 1:
        raise InputError(f"lenet5 takes images of one channel and gives 10 classes, not {tuple(shape)} and {n_classes}")
    return LeNet5()


def _of_library(library: str, name: str, n_classes: int, shape: Shape) -> nn.Module:
    if library not in LIBRARIES:
        raise InputError(f"networks come from the zoo or from {', '.join(LIBRARIES)}, and {library!r} is none of them")
    try:
        return LIBRARIES[library](name, n_classes, _channels(shape))
    except InputError:
        raise
    except ImportError as error:
        raise MissingExtraError(
            f"the network {library}:{name} needs the package {library!r}, which is not installed. "
            f"Install it with: pip install {library}"
        ) from error
    except Exception as error:
        raise InputError(f"{library} cannot make the network {name!r}: {first_line(error)}") from error


def _timm(name: str, n_classes: int, channels: int) -> nn.Module:
    import timm  # optional # pyright: ignore[reportMissingImports]

    return timm.create_model(name, pretrained=False, num_classes=n_classes, in_chans=channels)


def _torchvision(name: str, n_classes: int, channels: int) -> nn.Module:
    import torchvision  # optional # pyright: ignore[reportMissingImports]

    if channels != 3:
        raise InputError(f"networks of torchvision take 3 channels, and the images have {channels}")
    return torchvision.models.get_model(name, weights=None, num_classes=n_classes)


def _transformers(name: str, n_classes: int, channels: int) -> nn.Module:
    import transformers  # optional

    config = transformers.AutoConfig.from_pretrained(name, num_labels=n_classes, num_channels=channels)
    return transformers.AutoModelForImageClassification.from_config(config)


LIBRARIES: dict[str, Callable[[str, int, int], nn.Module]] = {
    "timm": _timm,
    "torchvision": _torchvision,
    "transformers": _transformers,
}
"""Other libraries whose networks can be made by name, of the name, the number of classes and of channels."""
