"""Calling a network, and what its modules give back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from layerlore.errors import InputError, LayerError

Batch = Tensor | Mapping[str, Tensor]
"""Inputs of several samples: one tensor, or named tensors as tokenizers give; samples along the first axis."""


def forward(model: nn.Module, batch: Batch) -> Any:
    """Call the network: named inputs become keyword arguments."""
    return model(**batch) if isinstance(batch, Mapping) else model(batch)


def tensor_of(output: object, layer: str) -> Tensor:
    """The tensor that stands for what a module returned.

    Args:
        output: a tensor; or a mapping (``last_hidden_state`` if there, else its
            first tensor); or a tuple or list (its first tensor).
        layer: the layer's name, for the message.

    Raises:
        LayerError: no tensor is in it, or it is a nested tensor.
    """
    if isinstance(output, Mapping):
        values = [output.get("last_hidden_state"), *output.values()]
    else:
        values = list(output) if isinstance(output, tuple | list) else [output]
    tensor = next((value for value in values if isinstance(value, Tensor)), None)
    if tensor is None:
        raise LayerError(
            f"layer {layer!r} returned {_described(output)}, in which there is no tensor to look at; "
            "choose a layer inside or after it"
        )
    if tensor.is_nested:
        raise LayerError(
            f"layer {layer!r} returned a nested tensor, whose samples have different shapes; "
            "build the network with enable_nested_tensor=False"
        )
    return tensor


def logits_of(output: object) -> Float[Tensor, "batch n_classes"]:
    """The logits in what a network returned.

    Args:
        output: the logits, ``[batch, n_classes]`` or ``[batch]`` (one logit for
            each sample); or something with them as ``.logits``, under the key
            ``"logits"``, or as the first of a tuple.

    Returns:
        The same numbers, ``[batch, n_classes]``; one column for ``[batch]``.

    Raises:
        InputError: no logits in it, more or fewer axes, or not floating point.
    """
    found = getattr(output, "logits", None)
    if isinstance(output, Mapping):
        found = output.get("logits")
    elif isinstance(output, tuple | list) and found is None:
        found = output[0] if output else None
    logits = output if isinstance(output, Tensor) else found
    if not isinstance(logits, Tensor):
        raise InputError(
            f"the network returned {_described(output)}, in which there are no logits: return a tensor "
            "[batch, n_classes], or have it as .logits, under 'logits' or first in a tuple"
        )
    if not logits.is_floating_point():
        raise InputError(f"the network's output has dtype {logits.dtype}: floating-point logits are needed, not labels")
    if logits.dim() not in (1, 2):
        raise InputError(
            f"the network's output has shape {tuple(logits.shape)}: one row of logits for each sample, "
            "[batch, n_classes], is needed"
        )
    return logits.unsqueeze(1) if logits.dim() == 1 else logits


def _described(output: object) -> str:
    kind = type(output).__name__
    if isinstance(output, Mapping):
        return f"a {kind} with the keys {list(output)}"
    if isinstance(output, tuple | list):
        return f"a {kind} of {[type(value).__name__ for value in output]}"
    return "None" if output is None else f"a {kind}"
