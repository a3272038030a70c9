"""Which tensors can be measured, and which pairs of them belong together."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from layerlore.errors import InputError

_PLAIN = {torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.complex64, torch.complex128}


def check_weight(name: str, weight: Tensor) -> Tensor:
    """The tensor that is measured for a weight: dense, floating or complex, cut from the graph.

    A view of the weight itself wherever it is dense already. A sparse weight is made dense (its zeros are weights
    too), a quantised one is dequantised: what changes is what the network computes with.

    Args:
        name: of the weight, for errors.
        weight: any tensor that holds values.

    Raises:
        InputError: not a tensor, without values (meta, lazy), spread over processes (DTensor), nested, or of a dtype
            that has no relative change: whole numbers without a scale, truth values, packed 4-bit numbers.
    """
    if type(weight) in (Tensor, torch.nn.Parameter) and weight.layout == torch.strided and weight.dtype in _PLAIN:
        _check_values(name, weight)
        return weight.detach().resolve_conj().resolve_neg()
    if not isinstance(weight, Tensor):
        raise InputError(f"weight {name!r} is a {type(weight).__name__}, not a torch.Tensor")
    if isinstance(weight, UninitializedParameter | UninitializedBuffer):
        raise InputError(f"weight {name!r} is lazy and has no values yet: pass one batch through the model first")
    _check_values(name, weight)
    if hasattr(weight, "placements") and hasattr(weight, "to_local"):
        raise InputError(
            f"weight {name!r} is a DTensor, spread over processes: measure weight.full_tensor(), or leave it to a "
            "WeightTracker, which adds up what the processes hold"
        )
    if weight.is_nested:
        raise InputError(f"weight {name!r} is a nested tensor: measure the tensors in it one by one")
    dense = _dense(weight.detach())
    if not _has_values(dense.dtype):
        raise InputError(
            f"weight {name!r} is {dense.dtype}: without the scale that belongs to it there is no relative change; "
            "dequantise it first, or leave it out"
        )
    return dense.resolve_conj().resolve_neg()


def check_pair(name: str, earlier: Tensor, later: Tensor, *, what: str = "earlier") -> None:
    """Whether two checked tensors are snapshots of one weight.

    Raises:
        InputError: shapes differ, only one is complex, or the earlier is on an accelerator and the later elsewhere.
    """
    if earlier.shape != later.shape:
        raise InputError(
            f"weight {name!r} has shape {list(earlier.shape)} in the {what} snapshot and {list(later.shape)} in the "
            "later one: they are not the same weight"
        )
    if earlier.is_complex() != later.is_complex():
        raise InputError(
            f"weight {name!r} is {earlier.dtype} in the {what} snapshot and {later.dtype} in the later one: convert "
            "one of them to the other's kind of number"
        )
    check_devices(name, earlier.device, later.device, what=what)


def check_devices(name: str, earlier: torch.device, later: torch.device, *, what: str = "earlier") -> None:
    """A snapshot lies beside the later weight, or on the CPU.

    Raises:
        InputError: it lies elsewhere.
    """
    if earlier.type != "cpu" and earlier != later:
        raise InputError(
            f"weight {name!r} is on {earlier} in the {what} snapshot and on {later} in the later one: move the "
            f"{what} one to {later}, or to the CPU"
        )


def _check_values(name: str, weight: Tensor) -> None:
    if weight.device.type == "meta":
        raise InputError(f"weight {name!r} is on the meta device and has no values: load the model's weights first")


def _dense(weight: Tensor) -> Tensor:
    # Subclasses of other libraries (torchao) bring their own way back to floating point.
    if weight.is_quantized or type(weight).dequantize is not Tensor.dequantize:
        weight = weight.dequantize()
    return weight if weight.layout == torch.strided else weight.to_dense()


@cache
def _has_values(dtype: torch.dtype) -> bool:
    if not (dtype.is_floating_point or dtype.is_complex):
        return False
    try:
        # Packed dtypes, such as float4, cannot be converted.
        torch.zeros(1, dtype=torch.uint8).view(dtype).to(torch.float32) if dtype.itemsize == 1 else None
    except (RuntimeError, NotImplementedError):
        return False
    return True
