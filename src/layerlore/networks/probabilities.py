"""Telling logits from probabilities: one must never pass for the other."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from layerlore.errors import InputError, check_choice

OutputKind = Literal["logits", "probabilities"]
SUM_TOLERANCE = 1e-3
"""Half-precision probabilities over thousands of classes still sum to 1 within this."""


def as_logits(outputs: Float[Tensor, "batch n_outputs"], kind: OutputKind) -> Float64[Tensor, "batch n_outputs"]:
    """Logits in float64: as they are, or of probabilities their logarithm (one output: the log-odds).

    Raises:
        InputError: an unknown kind, probabilities outside 0 to 1, or several that do not sum to 1. NaN passes.
    """
    check_choice(kind, ("logits", "probabilities"), "outputs")
    outputs = outputs.to(torch.float64)
    if kind == "logits":
        return outputs
    if ((outputs < 0) | (outputs > 1 + SUM_TOLERANCE)).any():
        raise InputError(
            f"outputs='probabilities', but the network gives values from {float(outputs.min()):.3g} to "
            f"{float(outputs.max()):.3g}: leave outputs='logits' for logits"
        )
    if outputs.shape[1] > 1 and ((outputs.sum(1) - 1).abs() > SUM_TOLERANCE).any():
        off = outputs.sum(1)[(outputs.sum(1) - 1).abs().nan_to_num().argmax()]
        raise InputError(
            f"outputs='probabilities', but a row of what the network gives sums to {float(off):.3g}, not 1: these are "
            "no probabilities of classes that exclude each other; have the network return logits"
        )
    return torch.logit(outputs) if outputs.shape[1] == 1 else outputs.log()


def check_logits(logits: Float[Tensor, "batch n_outputs"]) -> None:
    """Raise unless the rows look like logits.

    Raises:
        InputError: every row is non-negative and sums to 1, or a single output always lies in 0 to 1.
    """
    if not len(logits) or not (logits >= 0).all():
        return
    if logits.shape[1] == 1:
        looks = len(logits) >= 8 and bool((logits <= 1).all())
    else:
        looks = bool(((logits.to(torch.float64).sum(1) - 1).abs() <= SUM_TOLERANCE).all())
    if looks:
        raise InputError(
            f"the network's outputs look like probabilities (from {float(logits.min()):.3g} to "
            f"{float(logits.max()):.3g}{', rows that sum to 1' if logits.shape[1] > 1 else ''}), and log-odds of a "
            "clipped probability saturate: "
            "return logits (drop the final softmax or sigmoid), or pass outputs='probabilities' to fit_probes"
        )
