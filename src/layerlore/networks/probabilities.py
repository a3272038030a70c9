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
        InputError: an unknown kind, or probabilities outside 0 to 1.
    """
    check_choice(kind, ("logits", "probabilities"), "outputs")
    outputs = outputs.to(torch.float64)
    if kind == "logits":
        return outputs
    if not ((outputs >= 0) & (outputs <= 1 + SUM_TOLERANCE)).all():
        raise InputError(
            f"outputs='probabilities', but the network gives values from {float(outputs.min()):.3g} to "
            f"{float(outputs.max()):.3g}: leave outputs='logits' for logits"
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
            f"the network's outputs look like probabilities (from {float(logits.min()):.3g} to {float(logits.max()):.3g}"
            f"{', rows that sum to 1' if logits.shape[1] > 1 else ''}), and log-odds of a clipped probability saturate: "
            "return logits (drop the final softmax or sigmoid), or pass outputs='probabilities' to fit_probes"
        )
