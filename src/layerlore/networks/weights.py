"""Which modules carry weights, and which of them is the head."""

from __future__ import annotations

import re

from torch import nn
from torch.nn.modules.conv import _ConvNd

_WEIGHT_TYPES = (_ConvNd, nn.Linear, nn.Bilinear, nn.Embedding, nn.EmbeddingBag, nn.RNNBase, nn.MultiheadAttention)
_NORM = re.compile(r"norm(\dd)?$", re.IGNORECASE)


def is_norm(module: nn.Module) -> bool:
    """Whether the module normalises: the names of such classes end in Norm, Norm1d, Norm2d or Norm3d."""
    return bool(_NORM.search(type(module).__name__)) and not any(module.children())


def is_weight_layer(module: nn.Module) -> bool:
    """Whether the module itself applies a weight of two or more dimensions.

    A norm is none, however its scale is shaped; nor is a block that holds a
    parameter beside the weight layers in it.
    """
    if isinstance(module, _WEIGHT_TYPES):
        return True
    if is_norm(module) or not any(weight.dim() > 1 for weight in module.parameters(recurse=False)):
        return False
    return not any(has_weights(child) for child in module.children())


def has_weights(module: nn.Module) -> bool:
    """Whether a weight layer is in the module, or is the module."""
    return any(is_weight_layer(part) for part in module.modules())


def weight_layers(modules: dict[str, nn.Module]) -> list[str]:
    """Names of the weight layers in order of definition; their own parts are left out.

    The output projection inside `torch.nn.MultiheadAttention` is such a part:
    its weight is used, but the module is never called.
    """
    found: list[str] = []
    for name, module in modules.items():
        if found and name.startswith(found[-1] + "."):
            continue
        if is_weight_layer(module):
            found.append(name)
    return found


def head_of(modules: dict[str, nn.Module]) -> str | None:
    """The last weight layer in order of definition, whose output is the network's own."""
    return next(reversed(weight_layers(modules)), None)
