"""AlexNet for small images.

Source: Krizhevsky, Sutskever and Hinton 2012, "ImageNet Classification with Deep
Convolutional Neural Networks"; kernels and channels as there, strides and the
linear layers scaled down to 32x32 pixels, without local response normalisation.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from layerlore.zoo.sizes import check_sizes


def alexnet(n_classes: int = 10, in_channels: int = 3, width: int = 1024) -> nn.Sequential:
    """Five convolutions and three linear layers with ReLU and dropout; the logits come out raw.

    The parts are named ``conv1``, ``relu1``, ``pool1``, ..., ``pool5``,
    ``average``, ``flatten``, ``drop6``, ``fc6``, ``relu6``, ``drop7``, ``fc7``, ``relu7``, ``fc8``.

    Args:
        n_classes: number of logits.
        in_channels: channels of the image.
        width: outputs of the two hidden linear layers.

    Returns:
        A network from ``[batch, in_channels, height, width]``, made for images
        of 28 or 32 pixels, to logits ``[batch, n_classes]``; weights drawn from
        the global random state.

    Raises:
        InputError: a size is below 1.
    """
    check_sizes(n_classes=n_classes, in_channels=in_channels, width=width)
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(in_channels, 64, 11, stride=4, padding=5),
            relu1=nn.ReLU(),
            pool1=nn.MaxPool2d(2, ceil_mode=True),
            conv2=nn.Conv2d(64, 192, 5, padding=2),
            relu2=nn.ReLU(),
            pool2=nn.MaxPool2d(2, ceil_mode=True),
            conv3=nn.Conv2d(192, 384, 3, padding=1),
            relu3=nn.ReLU(),
            conv4=nn.Conv2d(384, 256, 3, padding=1),
            relu4=nn.ReLU(),
            conv5=nn.Conv2d(256, 256, 3, padding=1),
            relu5=nn.ReLU(),
            pool5=nn.MaxPool2d(2, ceil_mode=True),
            average=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            drop6=nn.Dropout(0.5),
            fc6=nn.Linear(256, width),
            relu6=nn.ReLU(),
            drop7=nn.Dropout(0.5),
            fc7=nn.Linear(width, width),
            relu7=nn.ReLU(),
            fc8=nn.Linear(width, n_classes),
        )
    )
