"""LeNet-5 for MNIST, in the form of the published weights at khushbujpatel/lenet_mnist (MIT).

Source: LeCun et al. 1998, "Gradient-Based Learning Applied to Document
Recognition", section II.B, with ReLU and max pooling in the place of the
original squashing and subsampling.
"""

from __future__ import annotations

from collections import OrderedDict

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from layerlore.errors import InputError

MNIST_MEAN = 0.1307
MNIST_STD = 0.3081


class LeNet5(nn.Module):
    """Three convolutions and two linear layers over 28x28 images in [0, 1].

    Resizing to 32x32 (bilinear, corners not aligned) and normalising by the
    mean and deviation of MNIST happen inside, so that a player or a baseline is
    given in the pixels of the file. Returns raw logits ``[batch, 10]``; the
    published network ends in a log-softmax, which changes no log-odds.

    Parameters are ``convnet.c1``, ``convnet.c3``, ``convnet.c5``, ``fc.f6`` and
    ``fc.f7``, each with a weight and a bias; the modules between have none.
    """

    def __init__(self) -> None:
        super().__init__()
        self.convnet = nn.Sequential(
            OrderedDict(
                c1=nn.Conv2d(1, 6, 5),
                relu1=nn.ReLU(),
                s2=nn.MaxPool2d(2),
                c3=nn.Conv2d(6, 16, 5),
                relu3=nn.ReLU(),
                s4=nn.MaxPool2d(2),
                c5=nn.Conv2d(16, 120, 5),
                relu5=nn.ReLU(),
            )
        )
        self.flatten = nn.Flatten()
        self.fc = nn.Sequential(OrderedDict(f6=nn.Linear(120, 84), relu6=nn.ReLU(), f7=nn.Linear(84, 10)))

    def forward(self, images: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "batch 10"]:
        """Logits of a batch of images.

        Raises:
            InputError: the images are not ``[1, 28, 28]``.
        """
        if images.shape[1:] != (1, 28, 28):
            raise InputError(
                f"LeNet5 got a batch of shape {tuple(images.shape)}: it takes [batch, 1, 28, 28], "
                "grey images of 28x28 pixels in [0, 1]"
            )
        resized = functional.interpolate(images, size=(32, 32), mode="bilinear", align_corners=False)
        return self.fc(self.flatten(self.convnet((resized - MNIST_MEAN) / MNIST_STD)))
