"""Which class is explained for each sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from layerlore.errors import InputError

Targets = str | int | Sequence[Any] | np.ndarray | Tensor


def predicted_classes(logits: Float64[Tensor, "n_samples n_outputs"]) -> Int64[Tensor, "n_samples"]:
    """Class predicted by each row of logits; with one output, 1 where it is positive."""
    return (logits[:, 0] > 0).to(torch.int64) if logits.shape[1] == 1 else logits.argmax(1)


def resolve_targets(
    targets: Targets, logits: Float64[Tensor, "n_samples n_outputs"], n_classes: int
) -> Int64[Tensor, "n_samples n_targets"]:
    """Target classes of every sample.

    Args:
        targets: one class for each sample ``[n_samples]`` (usually the labels), several for each ``[n_samples,
            n_targets]``, ``"predicted"``, or one class for all.
        logits: of the unmasked samples.
        n_classes: targets run from 0 to ``n_classes - 1``.

    Raises:
        InputError: another word, shape or dtype, or a class out of range.
    """
    n_samples = len(logits)
    if isinstance(targets, str):
        if targets != "predicted":
            raise InputError(
                f"targets={targets!r} is not known: pass 'predicted', a class number, or the labels themselves as "
                f"{n_samples} class numbers"
            )
        return predicted_classes(logits)[:, None]
    try:
        values = torch.as_tensor(targets if isinstance(targets, Tensor) else np.asarray(targets)).cpu()
    except (TypeError, ValueError) as error:
        raise InputError(f"targets cannot be read as class numbers ({error}): pass whole numbers") from error
    if values.is_floating_point() or values.is_complex() or values.dtype == torch.bool:
        raise InputError(f"targets have dtype {values.dtype}: whole class numbers are needed")
    values = values.to(torch.int64)
    if values.dim() == 0:
        values = values.expand(n_samples)
    if values.dim() not in (1, 2) or len(values) != n_samples or values.numel() == 0:
        raise InputError(
            f"targets have shape {tuple(values.shape)} for {n_samples} samples: pass one class for each sample "
            f"({n_samples},), or several, ({n_samples}, n_targets)"
        )
    values = values.view(n_samples, -1)
    outside = ((values < 0) | (values >= n_classes)).nonzero()
    if len(outside):
        row, column = outside[0].tolist()
        raise InputError(
            f"target {int(values[row, column])} of sample {row} is out of range: classes run from 0 to {n_classes - 1}"
        )
    return values.contiguous()


def samples_of_another_class(targets: Int64[Tensor, "n_samples n_targets"]) -> Int64[np.ndarray, "n_samples n_targets"]:
    """For every sample and target the next sample whose target is another class; -1 where there is none."""
    values = targets.numpy()
    n_samples = len(values)
    found = np.full(values.shape, -1, dtype=np.int64)
    for step in range(1, n_samples):
        there = (np.arange(n_samples) + step) % n_samples
        differs = (values[there] != values) & (found < 0)
        found = np.where(differs, there[:, None], found)
    return found
