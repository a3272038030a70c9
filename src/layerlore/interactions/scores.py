"""The score of an output: one number per input and target (METHODS A2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from layerlore.errors import InputError, check_choice

ScoreFunction = Callable[[Tensor, int], Tensor]
"""``score(outputs, target)``: ``float64[batch, n_outputs]`` and a target to ``float64[batch]``."""

Score = Literal["log_odds", "logit"] | ScoreFunction
SCORES = ("log_odds", "logit")

Outputs = Float64[Tensor, "batch n_outputs"]
TargetScores = Float64[Tensor, "batch n_targets"]


def score_outputs(outputs: Outputs, targets: Int64[Tensor, "n_targets"], score: Score) -> TargetScores:
    """Scores of a batch of outputs for every target.

    ``"log_odds"`` is ``z_y - logsumexp(z_k, k != y)``, never through a clipped probability, which saturates;
    ``"logit"`` is ``z_y``. With one output both are ``z`` for target 1 and ``-z`` for target 0.

    Raises:
        InputError: an unknown score, or a function that returns something else than one number per input.

    Source: METHODS A2; Cheng et al. 2024, equation 1.
    """
    if not isinstance(score, str):
        return torch.stack([_called(score, outputs, int(target)) for target in targets], dim=1)
    check_choice(score, SCORES, "score")
    if outputs.shape[1] == 1:
        return outputs * (2 * targets.to(outputs.device) - 1).to(torch.float64)
    chosen = outputs[:, targets.to(outputs.device)]
    return chosen - _others(outputs, targets) if score == "log_odds" else chosen


def _others(outputs: Outputs, targets: Tensor) -> TargetScores:
    columns = []
    for target in targets.tolist():
        rest = torch.cat([outputs[:, :target], outputs[:, target + 1 :]], dim=1)
        columns.append(torch.logsumexp(rest, dim=1))
    return torch.stack(columns, dim=1)


def _called(score: ScoreFunction, outputs: Outputs, target: int) -> Tensor:
    values = score(outputs, target)
    if not isinstance(values, Tensor) or values.shape != outputs.shape[:1]:
        got = f"shape {tuple(values.shape)}" if isinstance(values, Tensor) else f"a {type(values).__name__}"
        raise InputError(
            f"score returned {got} for outputs of shape {tuple(outputs.shape)}: one number for each input, "
            f"shape ({len(outputs)},), is needed"
        )
    return values.to(torch.float64)
