"""Which part of a saved dictionary holds the weights of the network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from layerlore.errors import InputError, closest

KNOWN = ("state_dict", "model_state_dict", "model_state", "model", "module", "net", "network", "weights", "params")
"""Keys under which training loops keep a state dict; ``state_dict`` is Lightning's, ``module`` DeepSpeed's."""


def pick_state_dict(saved: Any, path: Path, key: str | None) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """The tensors of a state dict in what was saved, and notes on how it was found.

    Args:
        saved: what the file holds.
        path: of the file, for errors.
        key: under which the state dict is, dots between levels; None looks for it.

    Raises:
        InputError: no tensors there, several places that could be meant, or a key that does not exist.
    """
    if not isinstance(saved, Mapping):
        raise InputError(f"{path} holds a {type(saved).__name__}, not a state dict: save model.state_dict() instead")
    if key is not None:
        return _tensors(_at(saved, key, path), f"{path}, key {key!r},"), ()
    nested = {str(name): _tensor_count(value) for name, value in saved.items() if isinstance(value, Mapping)}
    nested = {name: count for name, count in nested.items() if count}
    chosen = choose_key(nested, _tensor_count(saved), path)
    if chosen is None:
        return _tensors(saved, str(path)), ()
    others = [name for name in nested if name != chosen]
    beside = f"; other tensors are under {', '.join(map(repr, others))}" if others else ""
    return _tensors(saved[chosen], f"{path}, key {chosen!r},"), (f"weights were taken from the key {chosen!r}{beside}",)


def choose_key(nested: Mapping[str, int], n_here: int, path: Path) -> str | None:
    """The key that holds the weights; None where they are not below a key.

    Args:
        nested: number of tensors directly below each key that has any.
        n_here: number of tensors that are below no key.
        path: of the file, for errors.

    Raises:
        InputError: no tensors, or several keys that could be meant.
    """
    known = [name for name in nested if name in KNOWN]
    if len(known) > 1 or (not known and not n_here and len(nested) > 1):
        raise InputError(
            f"{path} holds tensors under several keys ({_shown(known or nested)}): say which are the network's weights "
            "with key="
        )
    if known:
        return known[0]
    if n_here:
        return None
    if not nested:
        raise InputError(f"{path} holds no tensors: save model.state_dict() instead, or name its place with key=")
    return next(iter(nested))


def _at(saved: Mapping[Any, Any], key: str, path: Path) -> Mapping[Any, Any]:
    found: Any = saved
    parts = key.split(".") if key not in saved else [key]
    for part in parts:
        if not isinstance(found, Mapping) or part not in found:
            names = [str(name) for name in found] if isinstance(found, Mapping) else []
            raise InputError(f"{path} has no key {key!r}; {closest(part, names)}")
        found = found[part]
    if not isinstance(found, Mapping):
        raise InputError(f"key {key!r} of {path} is a {type(found).__name__}, not a state dict")
    return found


def _tensor_count(value: Mapping[Any, Any]) -> int:
    # A lone number among the entries, such as the best accuracy so far, makes no state dict.
    return sum(isinstance(entry, Tensor) and entry.dim() > 0 for entry in value.values())


def _tensors(found: Mapping[Any, Any], where: str) -> dict[str, Tensor]:
    tensors = {}
    for name, value in found.items():
        if not isinstance(value, Tensor):
            continue
        if type(value) not in (Tensor, torch.nn.Parameter, torch.nn.Buffer):
            raise InputError(
                f"{where} holds {str(name)!r} as a {type(value).__name__}, one part of a distributed tensor: save the "
                "whole tensor (.full_tensor()), or use torch.distributed.checkpoint"
            )
        tensors[str(name)] = value.detach()
    if not tensors:
        raise InputError(f"{where} holds no tensors")
    return tensors


def _shown(names: Iterable[str] | Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names)
