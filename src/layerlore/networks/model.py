"""The state of a model: where it is, what it computes in, and leaving it as found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from typing import overload

import torch
from torch import Tensor, nn

from layerlore.errors import InputError
from layerlore.networks.outputs import Batch


def device_of(model: nn.Module) -> torch.device:
    """The one device of the model's parameters and buffers; the CPU if it has none.

    Raises:
        InputError: they lie on several devices.
    """
    first: tuple[str, torch.device] | None = None
    for name, tensor in _named_tensors(model):
        if first is None:
            first = name, tensor.device
        elif tensor.device != first[1]:
            raise InputError(
                f"the model lies on several devices: {first[0]!r} on {first[1]} and {name!r} on {tensor.device}; "
                "move it to one with model.to(device)"
            )
    return first[1] if first else torch.device("cpu")


def dtype_of(model: nn.Module) -> torch.dtype:
    """The dtype of the model's first floating-point parameter; float32 if it has none."""
    return next((weight.dtype for weight in model.parameters() if weight.is_floating_point()), torch.float32)


@overload
def to_model(model: nn.Module, batch: Tensor, *, copy: bool = False) -> Tensor: ...
@overload
def to_model(model: nn.Module, batch: Batch, *, copy: bool = False) -> Batch: ...
def to_model(model: nn.Module, batch: Batch, *, copy: bool = False) -> Batch:
    """The batch on the model's device, floating-point tensors in the model's dtype.

    Args:
        model: the network.
        batch: a tensor or named tensors, any device. NaN and infinity pass.
        copy: never share memory with the batch, for a model that may change its input in place.

    Returns:
        A tensor, or a dict of tensors. Integers and booleans keep their dtype.

    Raises:
        InputError: nothing in the batch is floating point though the model has
            floating-point weights and no embedding that integers could index, or
            the model lies on several devices.
    """
    device, dtype = device_of(model), dtype_of(model)
    tensors = list(batch.values()) if isinstance(batch, Mapping) else [batch]
    numbers = [tensor for tensor in tensors if tensor.is_floating_point() or tensor.is_complex()]
    if tensors and not numbers and needs_floats(model):
        raise InputError(
            f"inputs have dtype {str(tensors[0].dtype).removeprefix('torch.')}, but {type(model).__name__} computes in "
            f"{str(dtype).removeprefix('torch.')} and has no embedding: convert and scale them as in training, "
            "for example inputs.float() / 255 for images"
        )

    def moved(tensor: Tensor) -> Tensor:
        return tensor.to(device, dtype if tensor.is_floating_point() else tensor.dtype, copy=copy)

    if isinstance(batch, Mapping):
        return {name: moved(tensor) for name, tensor in batch.items()}
    return moved(batch)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """A with-block in which the model predicts: eval mode, no gradients.

    Afterwards, also after an exception, every submodule has its own training
    flag back, gradients are recorded as before, and the random states of the CPU
    and of the model's device are those from before the block.

    Raises:
        InputError: the model lies on several devices.
    """
    device = device_of(model)
    devices = [] if device.type in ("cpu", "meta") else [device]
    training = [(module, module.training) for module in model.modules()]
    with torch.random.fork_rng(devices, device_type=device.type if devices else "cuda"), torch.no_grad():
        try:
            model.eval()
            yield
        finally:
            # model.train() would also wake submodules that the user keeps in eval mode.
            for module, flag in training:
                module.training = flag


def check_finite_weights(model: nn.Module) -> None:
    """Raise unless all parameters and buffers are finite.

    A buffer of nothing but 0 and minus infinity is an attention mask and passes.

    Raises:
        InputError: names the first parameter or buffer with NaN or infinity.
    """
    buffers = {name for name, _ in model.named_buffers()}
    for name, tensor in _named_tensors(model):
        finite = torch.isfinite(tensor)
        if finite.all() or (name in buffers and _is_mask(tensor)):
            continue
        kind = "buffer" if name in buffers else "parameter"
        raise InputError(
            f"{kind} {name!r} of the model has {int((~finite).sum())} of {tensor.numel()} values that are NaN or "
            "infinite: the training diverged or the checkpoint is damaged; use an earlier one"
        )


def _named_tensors(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    return chain(model.named_parameters(), model.named_buffers())


def _is_mask(tensor: Tensor) -> bool:
    return tensor.is_floating_point() and bool(((tensor == 0) | (tensor == -torch.inf)).all())


def needs_floats(model: nn.Module) -> bool:
    """Whether the network computes in floating point and has no embedding that integers could index."""
    has_floats = any(weight.is_floating_point() for weight in model.parameters())
    return has_floats and not any(isinstance(module, nn.Embedding | nn.EmbeddingBag) for module in model.modules())
