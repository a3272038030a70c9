"""VGG networks for small images.

Each activation and each pooling is a module of its own and none works in place,
so every step can be captured. Parts are named by stage and position, as in the
paper's tables: ``conv4_2`` is the second convolution of the fourth stage.

Source: Simonyan and Zisserman 2015, "Very Deep Convolutional Networks for
Large-Scale Image Recognition" (arXiv 1409.1556), Table 1, columns A and E.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from layerlore.zoo.sizes import check_sizes

STAGES_11 = (1, 1, 2, 2, 2)
STAGES_19 = (2, 2, 4, 4, 4)
WIDTHS = (64, 128, 256, 512, 512)


def vgg11(n_classes: int = 10, in_channels: int = 3) -> nn.Sequential:
    """VGG-11: eight convolutions in five stages and, for small images, one linear layer; 9.2 M parameters, raw logits.

    The parts are named ``conv1_1``, ``relu1_1``, ``pool1``, ..., ``pool5``,
    ``average``, ``flatten``, ``fc``.

    Args:
        n_classes: number of logits.
        in_channels: channels of the image.

    Returns:
        A network from ``[batch, in_channels, height, width]``, made for images
        from 17 to 32 pixels wide with values in [0, 1], to logits ``[batch,
        n_classes]``; weights drawn from the global random state.

    Raises:
        InputError: a size is below 1.
    """
    return _vgg(STAGES_11, n_classes, in_channels, normalised=False)


def vgg19_bn(n_classes: int = 10, in_channels: int = 3) -> nn.Sequential:
    """VGG-19 with batch normalisation: 16 convolutions and one linear layer; 20.0 M parameters, raw logits.

    As `vgg11`, with ``bn1_1`` between ``conv1_1`` and ``relu1_1``, and so on.

    Raises:
        InputError: a size is below 1.

    Source: also Ioffe and Szegedy 2015 (arXiv 1502.03167).
    """
    return _vgg(STAGES_19, n_classes, in_channels, normalised=True)


def _vgg(stages: tuple[int, ...], n_classes: int, in_channels: int, normalised: bool) -> nn.Sequential:
    check_sizes(n_classes=n_classes, in_channels=in_channels)
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    channels = in_channels
    for stage, (count, width) in enumerate(zip(stages, WIDTHS, strict=True), start=1):
        for number in range(1, count + 1):
            place = f"{stage}_{number}"
            parts[f"conv{place}"] = _convolution(channels, width, bias=not normalised)
            if normalised:
                parts[f"bn{place}"] = nn.BatchNorm2d(width)
            parts[f"relu{place}"] = nn.ReLU()
            channels = width
        # Rounding up lets 28 pixels through five halvings.
        parts[f"pool{stage}"] = nn.MaxPool2d(2, ceil_mode=True)
    parts |= {"average": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten(), "fc": nn.Linear(channels, n_classes)}
    return nn.Sequential(parts)


def _convolution(in_channels: int, out_channels: int, bias: bool) -> nn.Conv2d:
    convolution = nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=bias)
    # PyTorch's default shrinks the signal at each layer with ReLU: without normalisation eight of them start blind.
    nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
    if convolution.bias is not None:
        nn.init.zeros_(convolution.bias)
    return convolution
