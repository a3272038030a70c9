"""Baselines: what a hidden player's numbers are replaced by, an explicit and recorded choice (METHODS A1)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import torch
from torch import Tensor

from layerlore.errors import InputError, check_choice
from layerlore.players.blur import Blur, Samples
from layerlore.players.checks import check_finite
from layerlore.players.custom import qualified_name

Baseline = str | float | Tensor | Blur | Callable[[Tensor], Tensor]
"""See `resolve_baseline`."""

WORDS = ("mean", "zero")


def resolve_baseline(baseline: Baseline, samples: Tensor, mean: Tensor | None = None) -> Samples:
    """The baseline of every sample, on the samples' device and in their dtype.

    Args:
        baseline: ``"mean"`` (the tensor ``mean``), ``"zero"``, a number, a `Blur`; a tensor of a sample's shape
            or with axes of length 1 in it (``[C, 1, 1]``); a tensor ``[n_samples, *sample]``, each sample its
            own; or a function of the samples that returns such a tensor. The function gets a copy.
        samples: ``[n_samples, *sample]``, floating point and finite.
        mean: mean of each number of the input over the training data, ``[*sample]``.

    Returns:
        Baselines ``[n_samples, *sample]``, without gradient; may be an expanded view: do not write to it.

    Raises:
        InputError: an unknown word, no ``mean`` where it is asked for, a wrong shape, or numbers that are not
            finite in the samples' dtype.

    Source: METHODS A1.

    >>> resolve_baseline(torch.tensor([[[1.0]], [[2.0]]]), torch.zeros(1, 2, 2, 2))[0, :, 0].tolist()
    [[1.0, 1.0], [2.0, 2.0]]
    """
    if not samples.is_floating_point():
        raise InputError(f"samples have dtype {samples.dtype}: floating point is needed, so convert them first")
    check_finite(samples, "samples")
    samples = samples.detach()
    values, what = _values(baseline, samples, mean)
    if values.is_complex() or values.dtype == torch.bool:
        raise InputError(f"{what} has dtype {values.dtype}: real numbers are needed")
    values = values.detach().to(samples)
    check_finite(values, what)
    return _spread(values, samples.shape, what)


def _values(baseline: Baseline, samples: Tensor, mean: Tensor | None) -> tuple[Tensor, str]:
    if isinstance(baseline, str):
        check_choice(baseline, WORDS, "baseline")
        if baseline == "zero":
            return torch.zeros(()), "baseline='zero'"
        if mean is None:
            raise InputError(
                "baseline='mean' needs the mean of each number over the training data, and none is at hand: "
                "pass it as a tensor, or use another baseline"
            )
        return mean, "the mean of the training data"
    if isinstance(baseline, Tensor):
        return baseline, "the baseline tensor"
    if isinstance(baseline, (int, float)) and not isinstance(baseline, bool):
        return torch.tensor(baseline, dtype=torch.float64), f"baseline={baseline}"
    if callable(baseline):
        return _called(baseline, samples), f"the result of the baseline {qualified_name(baseline)}"
    raise InputError(
        f"baseline={baseline!r} is a {type(baseline).__name__}: pass 'mean', 'zero', a number, a tensor, Blur(sigma) "
        "or a function of the samples"
    )


def _called(function: Callable[[Tensor], Tensor], samples: Tensor) -> Tensor:
    result = function(samples.clone())
    if not isinstance(result, Tensor) or result.shape != samples.shape:
        got = f"shape {tuple(result.shape)}" if isinstance(result, Tensor) else f"a {type(result).__name__}"
        raise InputError(
            f"the baseline {qualified_name(function)} returned {got}: a tensor of the samples' shape "
            f"{tuple(samples.shape)} is needed"
        )
    return result


def _spread(values: Tensor, shape: torch.Size, what: str) -> Tensor:
    # Missing axes are refused, except for a single number: [C] would quietly be taken for a row of pixels.
    sample_shape = shape[1:]
    if values.dim() == 0 or values.shape == shape:
        return values.expand(shape)
    pairs = zip(values.shape, sample_shape, strict=False)
    if values.dim() == len(sample_shape) and all(length in (1, full) for length, full in pairs):
        return values.expand(shape)
    raise InputError(
        f"{what} has shape {tuple(values.shape)}; it must have a sample's shape {tuple(sample_shape)}, where axes may "
        f"have length 1, or one entry for each sample, {tuple(shape)}"
    )


def baseline_settings(baseline: Baseline) -> object:
    """What a manifest records of a baseline, in types that JSON knows.

    A tensor by the SHA-256 digest of its bytes, with shape and dtype; a function by its qualified name only, so
    that a change of its code goes unnoticed: record the tensor that `resolve_baseline` made of it as well.

    >>> baseline_settings(Blur(2.0))
    {'blur': 2.0}
    """
    if isinstance(baseline, Tensor):
        raw = baseline.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
        return {
            "sha256": hashlib.sha256(raw.tobytes()).hexdigest(),
            "shape": list(baseline.shape),
            "dtype": str(baseline.dtype).removeprefix("torch."),
        }
    if isinstance(baseline, Blur):
        return {"blur": baseline.sigma}
    if isinstance(baseline, (str, int, float)):
        return baseline
    return {"function": qualified_name(baseline)}
