"""Baselines: what a hidden player's numbers are replaced by, an explicit and recorded choice (METHODS A1)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, overload

import torch
from torch import Tensor

from layerlore.errors import InputError, check_choice
from layerlore.players.blur import Blur
from layerlore.players.checks import check_finite
from layerlore.players.custom import qualified_name
from layerlore.players.samples import Samples

Baseline = str | float | Tensor | Blur | Callable[[Any], Any] | Mapping[str, Any]
"""See `resolve_baseline`; `Words` knows names of tokens beside these."""

WORDS = ("mean", "zero")


@overload
def resolve_baseline(baseline: Baseline, samples: Tensor, mean: Tensor | None = None) -> Tensor: ...
@overload
def resolve_baseline(baseline: Baseline, samples: Samples, mean: Tensor | None = None) -> Samples: ...
def resolve_baseline(baseline: Baseline, samples: Tensor | Samples, mean: Tensor | None = None) -> Tensor | Samples:
    """The baseline of every sample, on the samples' device and in their dtype.

    Args:
        baseline: ``"mean"`` (the tensor ``mean``), ``"zero"``, a number, a `Blur`; a tensor of a sample's shape
            or with axes of length 1 in it (``[C, 1, 1]``); a tensor ``[n_samples, *sample]``, each sample its
            own; or a function of the samples that returns such a tensor. The function gets a copy. For integers, such
            as ids of tokens, a whole number, an integer tensor or a function. For named tensors a mapping of names to
            the above (a tensor without an entry keeps its own values), or a function of the mapping.
        samples: ``[n_samples, *sample]``, real and finite; or `Samples`.
        mean: mean of each number of the input over the training data, ``[*sample]``.

    Returns:
        Baselines ``[n_samples, *sample]``, without gradient; may be an expanded view: do not write to it. `Samples` of
        the same names where such were given.

    Raises:
        InputError: an unknown word, no ``mean`` where it is asked for, a wrong shape, or numbers that are not
            finite in the samples' dtype, or that integers cannot hold.

    Source: METHODS A1.

    >>> resolve_baseline(torch.tensor([[[1.0]], [[2.0]]]), torch.zeros(1, 2, 2, 2))[0, :, 0].tolist()
    [[1.0, 1.0], [2.0, 2.0]]
    """
    if isinstance(samples, Tensor):
        return _resolved(baseline, samples, mean, "")
    if not samples.named:
        return samples.map(lambda part: _resolved(baseline, part, mean, ""))
    return _of_named(baseline, samples)


def _of_named(baseline: Baseline, samples: Samples) -> Samples:
    if callable(baseline) and not isinstance(baseline, (Blur, Mapping)):
        found = baseline(samples.map(torch.clone).batch())
        if not isinstance(found, Mapping) or found.keys() != samples.parts.keys():
            got = f"the tensors {list(found)}" if isinstance(found, Mapping) else f"a {type(found).__name__}"
            raise InputError(
                f"the baseline {qualified_name(baseline)} returned {got}: a mapping of {list(samples.parts)} is needed"
            )
        baseline = found
    if not isinstance(baseline, Mapping):
        raise InputError(
            f"baseline={_shown(baseline)} for inputs of several tensors ({', '.join(samples.parts)}): say which it is "
            f"for, baseline={{{samples.main!r}: ...}}; tensors that are not named there are kept as they are"
        )
    for name in baseline:
        check_choice(name, samples.parts, "baseline for the tensor")
    return Samples(
        {
            name: _resolved(baseline[name], part, None, f" of {name!r}") if name in baseline else part
            for name, part in samples.parts.items()
        }
    )


def _resolved(baseline: Baseline, samples: Tensor, mean: Tensor | None, of: str) -> Tensor:
    check_finite(samples, "samples" + of)
    samples = samples.detach()
    whole = not samples.is_floating_point()
    if whole and (isinstance(baseline, (str, Blur)) or samples.is_complex()):
        raise InputError(
            f"samples{of} have dtype {samples.dtype}, and baseline={_shown(baseline)} needs floating point: the mean "
            "of ids is no id. Convert measurements to floats; for ids of tokens pass the id of one, or use Words, "
            "which knows '[MASK]'"
        )
    values, what = _values(baseline, samples, mean)
    if values.is_complex() or (values.dtype == torch.bool and samples.dtype != torch.bool):
        raise InputError(f"{what} has dtype {values.dtype}: real numbers are needed")
    values = values.detach()
    moved = values.to(samples)
    if whole and not torch.equal(moved.to(values), values.to(samples.device)):
        raise InputError(f"{what} holds numbers that {samples.dtype}, the samples' dtype, cannot: pass whole numbers")
    check_finite(moved, what)
    return _spread(moved, samples.shape, what)


def _shown(baseline: Baseline) -> str:
    return f"<{type(baseline).__name__}>" if isinstance(baseline, (Tensor, Mapping)) else repr(baseline)


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
    if isinstance(baseline, Mapping):
        return {name: baseline_settings(part) for name, part in baseline.items()}
    if isinstance(baseline, (str, int, float)):
        return baseline
    return {"function": qualified_name(baseline)}
