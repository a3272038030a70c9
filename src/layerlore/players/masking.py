"""Masked inputs, a batch of coalitions at a time: the 2**n of them never exist at once."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from layerlore.errors import InputError
from layerlore.players.checks import check_finite
from layerlore.players.custom import qualified_name
from layerlore.players.plan import Mask, Plan

MaskedInputs = Float[Tensor, "n_masks *sample"]
"""Inputs of one sample, one for each coalition."""


def masked_inputs(
    sample: Float[Tensor, "*sample"],
    baseline: Float[Tensor, "..."],
    plan: Plan,
    coalitions: Bool[Tensor, "n_masks _"],
    background_level: float = 1.0,
) -> MaskedInputs:
    """Inputs that show the players of each coalition, and the baseline in place of the others.

    Background numbers are ``baseline + background_level * (sample - baseline)``; at level 1 they are the sample's
    and at level 0 the baseline's, bit for bit. Differentiable in ``sample`` and ``baseline``.

    Args:
        sample: one sample.
        baseline: of the same shape and dtype.
        plan: the sample's players.
        coalitions: ``[n_masks, n_players]``, True where the player is shown; rows of `coalition_table`.
        background_level: share of the sample that the background shows, 0 to 1; a plan with a mask function
            has no background and takes 1 only.

    Returns:
        ``[n_masks, *sample]`` on the sample's device, in its dtype.

    Raises:
        InputError: shapes, dtypes or numbers of players disagree, the level is out of range, or a mask function
            returned something else than finite inputs of this shape and dtype.

    Source: METHODS A1.

    >>> plan = Plan(("left", "right"), torch.tensor([0, 1, -1]))
    >>> rows = torch.tensor([[True, False], [False, True]])
    >>> masked_inputs(torch.tensor([1.0, 2.0, 3.0]), torch.zeros(3), plan, rows).tolist()
    [[1.0, 0.0, 3.0], [0.0, 2.0, 3.0]]
    """
    _check(sample, baseline, plan, coalitions, background_level)
    baseline, coalitions = baseline.to(sample.device), coalitions.to(sample.device)
    if plan.mask is not None:
        return _custom(plan.mask, sample, baseline, coalitions)
    assert plan.owner is not None  # noqa: S101
    owner = plan.owner.to(sample.device)
    # A column that shows no one comes last, where the background's -1 points.
    shown = torch.cat([coalitions, coalitions.new_zeros(len(coalitions), 1)], 1)[:, owner]
    shown = shown.reshape(len(coalitions), *[1] * (sample.dim() - owner.dim()), *owner.shape)
    hidden = torch.where(owner < 0, _background(sample, baseline, background_level), baseline)
    return torch.where(shown, sample, hidden)


def _background(sample: Tensor, baseline: Tensor, level: float) -> Tensor:
    # In floating point baseline + (sample - baseline) is not the sample.
    if level == 1:
        return sample
    return baseline if level == 0 else baseline + level * (sample - baseline)


def _check(sample: Tensor, baseline: Tensor, plan: Plan, coalitions: Tensor, level: float) -> None:
    if baseline.shape != sample.shape or baseline.dtype != sample.dtype:
        raise InputError(
            f"the baseline has shape {tuple(baseline.shape)} and dtype {baseline.dtype}, the sample "
            f"{tuple(sample.shape)} and {sample.dtype}: they must match, as resolve_baseline makes them"
        )
    if coalitions.shape[1] != plan.n_players:
        raise InputError(f"the coalitions are over {coalitions.shape[1]} players, the plan has {plan.n_players}")
    if not 0 <= level <= 1:
        raise InputError(f"background_level={level}: it is a share from 0 (baseline) to 1 (sample)")
    if plan.mask is not None and level != 1:
        raise InputError(f"background_level={level} with a mask function, which has no background: leave it at 1.0")
    if plan.owner is not None and not _fits(plan.owner.shape, sample.shape):
        raise InputError(
            f"the plan's owner has shape {tuple(plan.owner.shape)}, which does not broadcast to the sample's "
            f"{tuple(sample.shape)}: the plan belongs to another sample"
        )


def _fits(owner: torch.Size, sample: torch.Size) -> bool:
    paired = zip(reversed(owner), reversed(sample), strict=False)
    return len(owner) <= len(sample) and all(length in (1, full) for length, full in paired)


def _custom(mask: Mask, sample: Tensor, baseline: Tensor, coalitions: Tensor) -> Tensor:
    # Copies: a function that writes to its arguments must not spoil the batches that follow.
    result = mask(sample.clone(), baseline.clone(), coalitions.clone())
    name, shape = qualified_name(mask), (len(coalitions), *sample.shape)
    if not isinstance(result, Tensor):
        raise InputError(f"the mask function {name} returned a {type(result).__name__}: a tensor {shape} is needed")
    if tuple(result.shape) != shape or result.dtype != sample.dtype or result.device != sample.device:
        raise InputError(
            f"the mask function {name} returned shape {tuple(result.shape)}, dtype {result.dtype}, on {result.device}; "
            f"[n_masks, *sample] is {shape}, {sample.dtype}, on {sample.device}"
        )
    check_finite(result, f"the result of the mask function {name}")
    return result
