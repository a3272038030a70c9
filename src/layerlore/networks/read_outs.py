"""Read-outs: how a layer's output becomes one row of features for each sample.

The whole output, flattened, is the method's own choice; the others are options.

Source: METHODS A2.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from jaxtyping import Float
from torch import Tensor

from layerlore.errors import InputError, check_choice

ReadOut = Callable[[Tensor], Tensor]

_NEEDED = {
    "flatten": "[batch, ...]",
    "mean": "[batch, positions, channels]",
    "cls": "[batch, positions, channels]",
    "last": "[batch, positions, channels]",
    "gap": "[batch, channels, *spatial]",
}


def _flatten(output: Float[Tensor, "batch ..."]) -> Float[Tensor, "batch n_features"]:
    return output.unsqueeze(1) if output.dim() == 1 else output.flatten(1)


def _mean(output: Float[Tensor, "batch ..."]) -> Float[Tensor, "batch n_features"]:
    read_out_size("mean", output.shape[1:])
    return output.mean(1)


def _cls(output: Float[Tensor, "batch ..."]) -> Float[Tensor, "batch n_features"]:
    read_out_size("cls", output.shape[1:])
    return output[:, 0]


def _last(output: Float[Tensor, "batch ..."]) -> Float[Tensor, "batch n_features"]:
    read_out_size("last", output.shape[1:])
    return output[:, -1]


def _gap(output: Float[Tensor, "batch ..."]) -> Float[Tensor, "batch n_features"]:
    read_out_size("gap", output.shape[1:])
    return output.flatten(2).mean(2)


READ_OUTS: dict[str, ReadOut] = {"flatten": _flatten, "mean": _mean, "cls": _cls, "last": _last, "gap": _gap}
"""The read-outs by name."""


def read_out(name: str) -> ReadOut:
    """The function that turns outputs ``[batch, ...]`` into features ``[batch, n_features]``.

    Args:
        name: ``"flatten"``, the whole output; ``"mean"``, the mean over positions
            of ``[batch, positions, channels]``; ``"cls"``, position 0 of the same;
            ``"last"``, its last position (XLNet's classifier, and others padded on the left);
            ``"gap"``, the mean over all spatial axes of
            ``[batch, channels, *spatial]``. All keep dtype and device.

    Raises:
        InputError: an unknown name; the function itself raises it for an output
            with too few or too many axes.
    """
    check_choice(name, READ_OUTS, "read_out")
    return READ_OUTS[name]


def read_out_size(name: str, shape: Sequence[int]) -> int:
    """Number of features that a read-out gives, without running it.

    Args:
        name: as for `read_out`.
        shape: shape of the layer's output for one sample, as `trace` gives it.

    Raises:
        InputError: an unknown name, or a shape that the read-out cannot take.

    >>> read_out_size("gap", (16, 4, 4))
    16
    """
    check_choice(name, READ_OUTS, "read_out")
    n_axes = len(shape)
    fits = {"flatten": True, "mean": n_axes == 2, "cls": n_axes == 2, "last": n_axes == 2, "gap": n_axes >= 2}
    if not fits[name]:
        got = ", ".join(["batch", *map(str, shape)])
        also = " or 'gap'" if n_axes > 2 else ""
        raise InputError(
            f"read-out {name!r} needs an output {_NEEDED[name]} and got one of shape [{got}]; "
            f"read-out 'flatten'{also} fits it"
        )
    if name == "flatten":
        return math.prod(shape)
    return shape[0] if name == "gap" else shape[1]
