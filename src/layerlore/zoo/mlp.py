"""MLP-7: seven linear layers, the plainest network that has depth.

Source: METHODS A10; Cheng et al. 2024 (arXiv 2409.08712), section 4. Initial
weights: He et al. 2015, "Delving Deep into Rectifiers" (arXiv 1502.01852).
"""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from layerlore.zoo.sizes import check_sizes

N_LINEAR = 7


def mlp7(n_inputs: int, n_classes: int, width: int = 1024) -> nn.Sequential:
    """Seven linear layers with ReLU between them; the logits come out raw.

    The layers are named ``flatten``, ``linear1``, ``relu1``, ..., ``linear7``.

    Args:
        n_inputs: numbers in one sample, whatever its shape; ``784`` for ``[1, 28, 28]``.
        n_classes: number of logits.
        width: outputs of each of the six hidden layers.

    Returns:
        A network from ``[batch, *sample]`` to logits ``[batch, n_classes]``,
        with normal initial weights of variance ``2 / inputs`` and zero biases,
        drawn from the global random state.

    Raises:
        InputError: a size is below 1.
    """
    check_sizes(n_inputs=n_inputs, n_classes=n_classes, width=width)
    sizes = [n_inputs, *[width] * (N_LINEAR - 1), n_classes]
    layers: OrderedDict[str, nn.Module] = OrderedDict(flatten=nn.Flatten())
    for index in range(1, N_LINEAR + 1):
        layers[f"linear{index}"] = _linear(sizes[index - 1], sizes[index])
        if index < N_LINEAR:
            layers[f"relu{index}"] = nn.ReLU()
    return nn.Sequential(layers)


def _linear(n_inputs: int, n_outputs: int) -> nn.Linear:
    # PyTorch's default shrinks the signal by sqrt(6) at each layer with ReLU: seven of them start almost blind.
    linear = nn.Linear(n_inputs, n_outputs)
    nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
    nn.init.zeros_(linear.bias)
    return linear
