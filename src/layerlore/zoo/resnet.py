"""Residual networks for small images.

The networks for CIFAR have option A shortcuts: where a block halves the image,
the shortcut takes every second pixel and fills the new channels with zeros, so it
has no parameters. No ReLU works in place: a captured tensor stays as it was.

Source: He et al. 2016, "Deep Residual Learning for Image Recognition"
(arXiv 1512.03385), section 4.2.
"""

from __future__ import annotations

from collections import OrderedDict

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from layerlore.errors import InputError
from layerlore.zoo.sizes import check_sizes


class Shortcut(nn.Module):
    """Option A: every ``stride``-th pixel, then zeros for the channels that are new."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.new_channels = out_channels - in_channels

    def forward(
        self, images: Float[Tensor, "batch in_channels height width"]
    ) -> Float[Tensor, "batch out_channels h w"]:
        """The image at the size and with the channels of the block's output."""
        before = self.new_channels // 2
        after = self.new_channels - before
        return functional.pad(images[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, before, after))


def projection(in_channels: int, out_channels: int, stride: int) -> nn.Sequential:
    """Option B: a 1x1 convolution with batch normalisation."""
    return nn.Sequential(
        OrderedDict(
            conv=nn.Conv2d(in_channels, out_channels, 1, stride, bias=False),
            bn=nn.BatchNorm2d(out_channels),
        )
    )


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with batch normalisation, added to a shortcut.

    Every step is a module of its own, so each can be captured: ``conv1``,
    ``bn1``, ``relu1``, ``conv2``, ``bn2``, ``shortcut``, ``relu2``.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1, projected: bool = False) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        plain = in_channels == out_channels and stride == 1
        change = projection if projected else Shortcut
        self.shortcut = nn.Identity() if plain else change(in_channels, out_channels, stride)
        self.relu2 = nn.ReLU()

    def forward(
        self, images: Float[Tensor, "batch in_channels height width"]
    ) -> Float[Tensor, "batch out_channels h w"]:
        """The block's output, the image halved where the stride is 2."""
        hidden = self.relu1(self.bn1(self.conv1(images)))
        return self.relu2(self.bn2(self.conv2(hidden)) + self.shortcut(images))


def small_resnet(n_classes: int, channels: tuple[int, int, int] = (16, 32, 64), in_channels: int = 1) -> nn.Sequential:
    """A stem, three residual blocks and a head; the logits come out raw.

    The parts are named ``stem``, ``layer1``, ``layer2``, ``layer3`` and
    ``head``. The second and third block halve the image.

    Args:
        n_classes: number of logits.
        channels: channels of the three blocks, none smaller than the one before.
        in_channels: channels of the image.

    Returns:
        A network from ``[batch, in_channels, height, width]`` to logits
        ``[batch, n_classes]``, initialised by PyTorch's defaults from the
        global random state.

    Raises:
        InputError: a size is below 1, or the channels become fewer.
    """
    check_sizes(n_classes=n_classes, in_channels=in_channels)
    if not 1 <= channels[0] <= channels[1] <= channels[2]:
        raise InputError(f"channels={channels} must be at least 1 and never become fewer")
    first, second, third = channels
    return nn.Sequential(
        OrderedDict(
            stem=nn.Sequential(
                OrderedDict(
                    conv=nn.Conv2d(in_channels, first, 3, padding=1, bias=False),
                    bn=nn.BatchNorm2d(first),
                    relu=nn.ReLU(),
                )
            ),
            layer1=BasicBlock(first, first),
            layer2=BasicBlock(first, second, stride=2),
            layer3=BasicBlock(second, third, stride=2),
            head=nn.Sequential(
                OrderedDict(pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), fc=nn.Linear(third, n_classes))
            ),
        )
    )


def resnet20(n_classes: int = 10, in_channels: int = 3) -> nn.Sequential:
    """ResNet-20 in its CIFAR form: 3 stages of 3 blocks, 0.27 M parameters, raw logits.

    The parts are named ``conv1``, ``bn1``, ``relu1``, ``layer1``, ``layer2``,
    ``layer3``, ``pool``, ``flatten`` and ``fc``; the blocks of a stage are
    ``layer1.0``, ``layer1.1``, ``layer1.2``.

    Args:
        n_classes: number of logits.
        in_channels: channels of the image.

    Returns:
        A network from ``[batch, in_channels, height, width]``, made for 32x32
        pixels in [0, 1], to logits ``[batch, n_classes]``, initialised by
        PyTorch's defaults from the global random state.

    Raises:
        InputError: a size is below 1.

    Source: He et al. 2016, section 4.2, n = 3, option A shortcuts.
    """
    return _cifar_resnet(3, n_classes, in_channels)


def resnet32(n_classes: int = 10, in_channels: int = 3) -> nn.Sequential:
    """As `resnet20`, with 5 blocks in a stage: 0.46 M parameters."""
    return _cifar_resnet(5, n_classes, in_channels)


def resnet44(n_classes: int = 10, in_channels: int = 3) -> nn.Sequential:
    """As `resnet20`, with 7 blocks in a stage: 0.66 M parameters."""
    return _cifar_resnet(7, n_classes, in_channels)


def resnet56(n_classes: int = 10, in_channels: int = 3) -> nn.Sequential:
    """As `resnet20`, with 9 blocks in a stage: 0.85 M parameters."""
    return _cifar_resnet(9, n_classes, in_channels)


def resnet18(n_classes: int = 10, in_channels: int = 3) -> nn.Sequential:
    """ResNet-18 for 32x32 pixels: the stem is one 3x3 convolution that keeps the size; 11.2 M parameters, raw logits.

    Named as `resnet20`, with a fourth stage. Where a block changes size or
    channels, its shortcut is a 1x1 convolution with batch normalisation.

    Raises:
        InputError: a size is below 1.

    Source: He et al. 2016, Table 1, option B shortcuts.
    """
    return _wide_resnet((2, 2, 2, 2), n_classes, in_channels)


def resnet34(n_classes: int = 10, in_channels: int = 3) -> nn.Sequential:
    """As `resnet18`, with 3, 4, 6 and 3 blocks: 21.3 M parameters."""
    return _wide_resnet((3, 4, 6, 3), n_classes, in_channels)


def _cifar_resnet(n_blocks: int, n_classes: int, in_channels: int) -> nn.Sequential:
    check_sizes(n_classes=n_classes, in_channels=in_channels)
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(in_channels, 16, 3, padding=1, bias=False),
            bn1=nn.BatchNorm2d(16),
            relu1=nn.ReLU(),
            layer1=_stage(16, 16, 1, n_blocks),
            layer2=_stage(16, 32, 2, n_blocks),
            layer3=_stage(32, 64, 2, n_blocks),
            pool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            fc=nn.Linear(64, n_classes),
        )
    )


def _wide_resnet(n_blocks: tuple[int, int, int, int], n_classes: int, in_channels: int) -> nn.Sequential:
    check_sizes(n_classes=n_classes, in_channels=in_channels)
    first, second, third, fourth = n_blocks
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(in_channels, 64, 3, padding=1, bias=False),
            bn1=nn.BatchNorm2d(64),
            relu1=nn.ReLU(),
            layer1=_stage(64, 64, 1, first, projected=True),
            layer2=_stage(64, 128, 2, second, projected=True),
            layer3=_stage(128, 256, 2, third, projected=True),
            layer4=_stage(256, 512, 2, fourth, projected=True),
            pool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            fc=nn.Linear(512, n_classes),
        )
    )


def _stage(in_channels: int, out_channels: int, stride: int, n_blocks: int, projected: bool = False) -> nn.Sequential:
    first = BasicBlock(in_channels, out_channels, stride, projected)
    return nn.Sequential(first, *(BasicBlock(out_channels, out_channels) for _ in range(n_blocks - 1)))
