"""Integrated Gradients, summed over players: the usual attribution that interactions are shown beside.

Source: Sundararajan, Taly and Yan 2017 (arXiv 1703.01365); Cheng et al. 2024, Figure 6. Computed by captum.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import Float64, Int64
from torch import Tensor, nn

from layerlore.errors import InputError, QualityWarning, missing_extra
from layerlore.interactions.scores import Score, score_outputs
from layerlore.networks.model import evaluating, to_model
from layerlore.networks.outputs import Batch, forward, logits_of
from layerlore.networks.probabilities import check_logits

EMBEDS = "inputs_embeds"
STEPS = 128
AT_ONCE = 64
INCOMPLETE = 0.05
"""Share of the score's change that the attributions may miss before a reader is warned."""


def integrated_gradients(
    model: nn.Module,
    inputs: Batch,
    targets: Int64[Tensor, "n_samples"],
    baselines: Tensor,
    owner: np.ndarray | Tensor,
    *,
    score: Score = "log_odds",
    steps: int = STEPS,
) -> Float64[np.ndarray, "n_samples n_players"]:
    """What every player adds to a network's score, by gradients along the line from the baseline to the sample.

    The line starts where `explain` starts, at the sample with all players masked and the background kept. So a
    sample's numbers sum to ``v(N) - v(empty)``, up to the error of the sum that stands for the integral.

    Args:
        model: gives logits (for other heads `layerlore.networks.outputs.logits_of`); left as found.
        inputs: ``[n_samples, *sample]``, floating point; or named tensors, of which ``inputs_embeds``
            ``[n_samples, tokens, features]`` is attributed and all others are handed on.
        targets: class of each sample.
        baselines: of what is attributed: one sample's shape, or one for each sample.
        owner: player that owns each number, -1 for background, ``[n_samples, *owned]``; the owned axes are the last of
            an image (its channels share them), the first of embeddings (their features share them), see `Plan`.
        score: what is attributed, as in `explain`.
        steps: points of the sum (Gauss and Legendre's).

    Returns:
        Sums over the numbers of each player, in units of the score, float64.

    Raises:
        InputError: inputs without gradients such as token ids, or shapes that do not fit.
        MissingExtraError: captum (extra ``attributions``) is not installed.
    """
    try:
        from captum.attr import IntegratedGradients  # optional
    except ImportError:
        raise missing_extra("captum", "attributions", "attributing by Integrated Gradients") from None
    attributed, rest = _parts(inputs)
    baselines = _checked_baselines(baselines, attributed)
    owners = _fitting(torch.as_tensor(np.asarray(owner)), attributed, by_token=isinstance(inputs, Mapping))
    if targets.shape != attributed.shape[:1] or steps < 1:
        raise InputError(
            f"targets has shape {tuple(targets.shape)} for {len(attributed)} samples and steps={steps}: one class for "
            "each sample and at least one step are needed"
        )
    found = []
    with evaluating(model):
        check_logits(logits_of(forward(model, to_model(model, inputs))))
        for place in range(len(attributed)):
            here = slice(place, place + 1)
            others = {name: part[here] for name, part in rest.items()}
            start = torch.where(owners[here] >= 0, baselines[here], attributed[here])
            moved = to_model(model, {"start": start, "sample": attributed[here], **others})
            start, sample, *extra = moved.values()
            scored = _scored(model, isinstance(inputs, Mapping), list(others), int(targets[place]), score)
            with torch.enable_grad():
                values, missing = IntegratedGradients(scored).attribute(
                    sample,
                    start,
                    additional_forward_args=tuple(extra) or None,
                    n_steps=steps,
                    internal_batch_size=AT_ONCE,
                    return_convergence_delta=True,
                )
            found.append(values.detach().double().cpu()[0])
            reach = float(scored(sample, *extra) - scored(start, *extra))
            _warn(place, float(missing.abs().max()), abs(reach), steps)
    return _sums(torch.stack(found), owners)


def _parts(inputs: Batch) -> tuple[Tensor, dict[str, Tensor]]:
    """What is attributed, and what is handed on."""
    if isinstance(inputs, Mapping):
        if EMBEDS not in inputs:
            raise InputError(
                f"inputs holds {sorted(inputs)}, without {EMBEDS!r}: token ids have no gradients; pass the embeddings "
                "of the tokens in their place"
            )
        rest = {name: part for name, part in inputs.items() if name != EMBEDS}
        attributed = inputs[EMBEDS]
    else:
        attributed, rest = inputs, {}
    if not attributed.is_floating_point():
        raise InputError(
            f"inputs has dtype {attributed.dtype}, which has no gradients: pass floating-point numbers, or named "
            f"tensors with {EMBEDS!r}"
        )
    return attributed, rest


def _checked_baselines(baselines: Tensor, attributed: Tensor) -> Tensor:
    if baselines.shape not in (attributed.shape, attributed.shape[1:]):
        raise InputError(
            f"baselines has shape {tuple(baselines.shape)}: that of the inputs, {tuple(attributed.shape)}, or of one "
            f"sample, {tuple(attributed.shape[1:])}, is needed"
        )
    return baselines.to(attributed).expand_as(attributed)


def _fitting(owner: Tensor, attributed: Tensor, *, by_token: bool) -> Tensor:
    """Owners with axes of length 1 where numbers share one, so that they broadcast over the samples."""
    missing = attributed.dim() - owner.dim()
    if missing >= 0 and len(owner) == len(attributed):
        shape = (*owner.shape, *[1] * missing) if by_token else (len(owner), *[1] * missing, *owner.shape[1:])
        if all(length in (1, full) for length, full in zip(shape, attributed.shape, strict=True)):
            return owner.reshape(shape).to(attributed.device)
    raise InputError(
        f"owner has shape {tuple(owner.shape)}, which does not fit inputs of shape {tuple(attributed.shape)}: one "
        "player for each number (or pixel, or token) of every sample is needed"
    )


def _scored(model: nn.Module, named: bool, others: list[str], target: int, score: Score) -> Any:
    def scored(sample: Tensor, *rest: Tensor) -> Tensor:
        batch = {EMBEDS: sample, **dict(zip(others, rest, strict=True))} if named else sample
        outputs = logits_of(forward(model, batch)).double()
        return score_outputs(outputs, torch.tensor([target]), score)[:, 0]

    return scored


def _warn(sample: int, missing: float, reach: float, steps: int) -> None:
    if missing > INCOMPLETE * reach:
        warnings.warn(
            f"Integrated Gradients of sample {sample} miss {missing:.3g} of a change of {reach:.3g} in its score: take "
            f"more than steps={steps}",
            QualityWarning,
            stacklevel=3,
        )


def _sums(values: Tensor, owners: Tensor) -> Float64[np.ndarray, "n_samples n_players"]:
    owners = owners.cpu().expand_as(values)
    n_players = int(owners.max()) + 1
    sums = torch.zeros(len(values), n_players + 1, dtype=torch.float64)
    # Background, -1, is counted in the last column and left out.
    columns = torch.where(owners < 0, n_players, owners).flatten(1).long()
    return sums.scatter_add_(1, columns, values.flatten(1))[:, :n_players].numpy()
