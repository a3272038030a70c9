"""Masked inputs, a batch of coalitions at a time: the 2**n of them never exist at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import overload

import torch
from jaxtyping import Bool
from torch import Tensor

from layerlore.errors import InputError
from layerlore.players.checks import check_finite
from layerlore.players.custom import qualified_name
from layerlore.players.plan import Mask, Plan
from layerlore.players.samples import PLAIN, Sample, joined, named_parts


@overload
def masked_inputs(
    sample: Tensor, baseline: Tensor, plan: Plan, coalitions: Tensor, background_level: float = 1.0
) -> Tensor: ...
@overload
def masked_inputs(
    sample: Sample, baseline: Sample, plan: Plan, coalitions: Tensor, background_level: float = 1.0
) -> Sample: ...
def masked_inputs(
    sample: Sample,
    baseline: Sample,
    plan: Plan,
    coalitions: Bool[Tensor, "n_masks _"],
    background_level: float = 1.0,
) -> Sample:
    """Inputs that show the players of each coalition, and the baseline in place of the others.

    Background numbers are ``baseline + background_level * (sample - baseline)``; at level 1 they are the sample's
    and at level 0 the baseline's, bit for bit. Differentiable in ``sample`` and ``baseline``.

    Args:
        sample: one sample ``[*sample]``, or named tensors of one.
        baseline: of the same names, shapes and dtypes.
        plan: the sample's players. Their owner broadcasts to a plain tensor from the right, as in PyTorch, and to
            named tensors from the left: an owner ``[tokens]`` is that of ``[tokens]`` and of ``[tokens, width]``. A
            named tensor that it does not fit belongs to no player, and must be its own baseline.
        coalitions: ``[n_masks, n_players]``, True where the player is shown; rows of `coalition_table`.
        background_level: share of the sample that the background shows, 0 to 1; a plan with a mask function
            has no background and takes 1 only, and integers take 0 and 1 only.

    Returns:
        ``[n_masks, *sample]`` on the sample's device, in its dtype; named where the sample is.

    Raises:
        InputError: names, shapes, dtypes or numbers of players disagree, the level is out of range, or a mask
            function returned something else than finite inputs of these shapes and dtypes.

    Source: METHODS A1.

    >>> plan = Plan(("left", "right"), torch.tensor([0, 1, -1]))
    >>> rows = torch.tensor([[True, False], [False, True]])
    >>> masked_inputs(torch.tensor([1.0, 2.0, 3.0]), torch.zeros(3), plan, rows).tolist()
    [[1.0, 0.0, 3.0], [0.0, 2.0, 3.0]]
    """
    own, other = named_parts(sample), named_parts(baseline)
    _check(own, other, plan, coalitions, background_level)
    device = next(iter(own.values())).device
    other, coalitions = {name: part.to(device) for name, part in other.items()}, coalitions.to(device)
    if plan.mask is not None:
        return _custom(plan.mask, sample, joined(other), coalitions)
    assert plan.owner is not None  # noqa: S101
    owner = plan.owner.to(device)
    # A column that shows no one comes last, where the background's -1 points.
    shown = torch.cat([coalitions, coalitions.new_zeros(len(coalitions), 1)], 1)[:, owner]
    return joined({name: _masked(name, own[name], other[name], owner, shown, background_level) for name in own})


def _masked(name: str, sample: Tensor, baseline: Tensor, owner: Tensor, shown: Tensor, level: float) -> Tensor:
    missing = [1] * (sample.dim() - owner.dim())
    if name != PLAIN:
        if not _fits(owner.shape, sample.shape, name):
            return sample.expand(len(shown), *sample.shape).clone()
        owner, shown = owner.reshape(*owner.shape, *missing), shown.reshape(*shown.shape, *missing)
    else:
        shown = shown.reshape(len(shown), *missing, *owner.shape)
    hidden = torch.where(owner < 0, _background(sample, baseline, level), baseline)
    return torch.where(shown, sample, hidden)


def _background(sample: Tensor, baseline: Tensor, level: float) -> Tensor:
    # In floating point baseline + (sample - baseline) is not the sample.
    if level == 1:
        return sample
    return baseline if level == 0 else baseline + level * (sample - baseline)


def _check(
    sample: Mapping[str, Tensor], baseline: Mapping[str, Tensor], plan: Plan, coalitions: Tensor, level: float
) -> None:
    if sample.keys() != baseline.keys():
        raise InputError(
            f"the baseline has the tensors {list(baseline)} and the sample {list(sample)}: they must match"
        )
    for name, part in sample.items():
        _check_part(name, part, baseline[name], plan, level)
    if coalitions.shape[1] != plan.n_players:
        raise InputError(f"the coalitions are over {coalitions.shape[1]} players, the plan has {plan.n_players}")
    if not 0 <= level <= 1:
        raise InputError(f"background_level={level}: it is a share from 0 (baseline) to 1 (sample)")
    if plan.mask is not None and level != 1:
        raise InputError(f"background_level={level} with a mask function, which has no background: leave it at 1.0")


def _check_part(name: str, sample: Tensor, baseline: Tensor, plan: Plan, level: float) -> None:
    of = f" of {name!r}" if name != PLAIN else ""
    if baseline.shape != sample.shape or baseline.dtype != sample.dtype:
        raise InputError(
            f"the baseline{of} has shape {tuple(baseline.shape)} and dtype {baseline.dtype}, the sample "
            f"{tuple(sample.shape)} and {sample.dtype}: they must match, as resolve_baseline makes them"
        )
    if not sample.is_floating_point() and level not in (0, 1):
        raise InputError(f"background_level={level}{of}: integers, such as ids of tokens, cannot be averaged")
    if plan.owner is None or _fits(plan.owner.shape, sample.shape, name):
        return
    if name == PLAIN:
        raise InputError(
            f"the plan's owner has shape {tuple(plan.owner.shape)}, which does not broadcast to the sample's "
            f"{tuple(sample.shape)}: the plan belongs to another sample"
        )
    if not torch.equal(baseline.to(sample.device), sample):
        raise InputError(
            f"the plan's owner has shape {tuple(plan.owner.shape)}, which is not how the shape of {name!r}, "
            f"{tuple(sample.shape)}, begins: players cannot hide it, so its baseline must be the sample's own values"
        )


def _fits(owner: torch.Size, sample: torch.Size, name: str) -> bool:
    paired = zip(owner, sample, strict=False) if name != PLAIN else zip(reversed(owner), reversed(sample), strict=False)
    return len(owner) <= len(sample) and all(length in (1, full) for length, full in paired)


def _custom(mask: Mask, sample: Sample, baseline: Sample, coalitions: Tensor) -> Sample:
    # Copies: a function that writes to its arguments must not spoil the batches that follow.
    result = mask(_copied(sample), _copied(baseline), coalitions.clone())
    name = qualified_name(mask)
    if not isinstance(sample, Mapping):
        _check_result(name, result, sample, len(coalitions))
        return result
    if not isinstance(result, Mapping) or result.keys() != sample.keys():
        got = f"the tensors {list(result)}" if isinstance(result, Mapping) else f"a {type(result).__name__}"
        raise InputError(f"the mask function {name} returned {got}: a mapping of {list(sample)} is needed")
    for key, part in sample.items():
        _check_result(f"{name}, {key!r}", result[key], part, len(coalitions))
    return dict(result)


def _copied(sample: Sample) -> Sample:
    return joined({name: part.clone() for name, part in named_parts(sample).items()})


def _check_result(name: str, result: object, sample: Tensor, n_masks: int) -> None:
    shape = (n_masks, *sample.shape)
    if not isinstance(result, Tensor):
        raise InputError(f"the mask function {name} returned a {type(result).__name__}: a tensor {shape} is needed")
    if tuple(result.shape) != shape or result.dtype != sample.dtype or result.device != sample.device:
        raise InputError(
            f"the mask function {name} returned shape {tuple(result.shape)}, dtype {result.dtype}, on {result.device}; "
            f"[n_masks, *sample] is {shape}, {sample.dtype}, on {sample.device}"
        )
    check_finite(result, f"the result of the mask function {name}")
