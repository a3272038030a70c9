"""Digests: short names for exact contents, so that a result is reused only where it belongs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor


def _update(digest: hashlib._Hash, label: str, values: np.ndarray | Tensor) -> None:
    array = _as_numpy(values)
    foreign = isinstance(values, Tensor) and values.dtype not in _NUMPY_DTYPES
    kind = values.dtype if foreign else array.dtype.str
    digest.update(f"{label}|{kind}|{tuple(values.shape)}|".encode())
    digest.update(np.ascontiguousarray(array).data)


def digest_array(values: np.ndarray | Tensor) -> str:
    """SHA-256 of an array's dtype, shape and bytes, as hexadecimal text."""
    digest = hashlib.sha256()
    _update(digest, "", values)
    return digest.hexdigest()


def digest_tensors(tensors: Iterable[tuple[str, Tensor]], extra: Iterable[str] = ()) -> str:
    """SHA-256 over named tensors, in the order given, and further words.

    Tensors are brought to the CPU one at a time, so that the memory needed is
    that of the largest.
    """
    digest = hashlib.sha256()
    for word in extra:
        digest.update(f"{word}\n".encode())
    for name, tensor in tensors:
        _update(digest, name, tensor)
    return digest.hexdigest()


def digest_json(content: object) -> str:
    """SHA-256 of a JSON value with sorted keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, allow_nan=False).encode()).hexdigest()


def row_bytes(tensor: Tensor) -> UInt8[np.ndarray, "n_rows n_bytes"]:
    """The bytes of every entry of a tensor's first axis."""
    if tensor.numel() == 0:
        return np.zeros((len(tensor), 0), np.uint8)
    return np.ascontiguousarray(_as_numpy(tensor)).reshape(len(tensor), -1).view(np.uint8)


def _as_numpy(values: np.ndarray | Tensor) -> np.ndarray:
    if isinstance(values, np.ndarray):
        return values
    values = values.detach().cpu().contiguous()
    # NumPy has no bfloat16 and no float8: their bytes stand for them.
    return values.numpy() if values.dtype in _NUMPY_DTYPES else values.reshape(-1).view(torch.uint8).numpy()


_NUMPY_DTYPES = {
    torch.float16, torch.float32, torch.float64, torch.complex64, torch.complex128,
    torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.bool,
}  # fmt: skip
