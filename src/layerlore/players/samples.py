"""Samples side by side: one tensor, or several named ones that a network takes as keywords."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch
from torch import Tensor

from layerlore.errors import InputError
from layerlore.storage import digest_array, digest_tensors

Sample = Tensor | Mapping[str, Tensor]
"""One input without its batch axis, or a batch of inputs with it: a tensor, or named tensors."""

Inputs = Tensor | np.ndarray | Mapping[str, Any]
"""What `Samples.of` takes."""

PLAIN = ""
"""Name of the tensor where there is only one, without a name."""

MAIN = ("input_ids", "inputs_embeds", "pixel_values", "input_values", "input_features")
"""Names by which libraries call the tensor that holds the input itself, beside masks and the like."""


@final
@dataclass(frozen=True, eq=False)
class Samples:
    """Inputs of several samples on the CPU. Made by `Samples.of`; iterating gives one input after the other.

    Attributes:
        parts: tensors ``[n_samples, *sample]`` by name; a single tensor has the name ``""``.

    >>> found = Samples.of({"attention_mask": torch.ones(2, 3), "input_ids": torch.tensor([[1, 2, 3], [4, 5, 6]])})
    >>> len(found), found.main, found[1]["input_ids"].tolist()
    (2, 'input_ids', [4, 5, 6])
    """

    parts: dict[str, Tensor]

    @classmethod
    def of(cls, inputs: Inputs | Samples) -> Samples:
        """The samples as tensors on the CPU, checked.

        Args:
            inputs: a tensor or array ``[n_samples, *sample]``, floating point or integers (ids of tokens); or a
                mapping of names to such, also boolean, with samples along the first axis of each.

        Raises:
            InputError: another dtype, no batch axis, empty, different numbers of samples, a name that cannot be a
                keyword, NaN or infinite (the sample is named).
        """
        if isinstance(inputs, Samples):
            return inputs
        if not isinstance(inputs, Mapping):
            return cls({PLAIN: _checked(inputs, "inputs", named=False)})
        if not inputs:
            raise InputError("inputs is a mapping without tensors: name at least one, such as input_ids")
        parts = {name: _checked(part, f"inputs[{name!r}]", named=True) for name, part in inputs.items()}
        for name, part in parts.items():
            if not isinstance(name, str) or not name.isidentifier():
                raise InputError(f"inputs has the name {name!r}: named tensors are keywords of the network's forward")
            first, length = next((other, len(tensor)) for other, tensor in parts.items())
            if len(part) != length:
                raise InputError(
                    f"inputs[{name!r}] has {len(part)} samples and inputs[{first!r}] has {length}: each tensor has the "
                    "same samples along its first axis"
                )
        return cls(parts)

    @property
    def named(self) -> bool:
        """Whether the network takes these as keywords."""
        return PLAIN not in self.parts

    @property
    def main(self) -> str:
        """Name of the tensor that holds the input itself: one of `MAIN`, or else the first."""
        return next((name for name in MAIN if name in self.parts), next(iter(self.parts)))

    def __len__(self) -> int:
        """Number of samples."""
        return len(next(iter(self.parts.values())))

    def __getitem__(self, index: int) -> Sample:
        """One sample, without the batch axis."""
        if not -len(self) <= index < len(self):
            raise IndexError(f"sample {index} of {len(self)}")
        return joined({name: part[index] for name, part in self.parts.items()})

    def __iter__(self) -> Iterator[Sample]:
        return (self[index] for index in range(len(self)))

    def rows(self, start: int, stop: int) -> Samples:
        """The samples ``start`` to ``stop - 1``."""
        return self.map(lambda part: part[start:stop])

    def map(self, function: Callable[[Tensor], Tensor]) -> Samples:
        """A function of every tensor, which keeps samples along the first axis."""
        return Samples({name: function(part) for name, part in self.parts.items()})

    def batch(self) -> Sample:
        """All samples as the network takes them: a tensor, or named tensors."""
        return joined(self.parts)

    def split(self, size: int) -> Iterator[Sample]:
        """Batches of at most ``size`` samples, as the network takes them."""
        return (self.rows(start, start + size).batch() for start in range(0, len(self), size))

    def digest(self) -> str:
        """SHA-256 of names, dtypes, shapes and bytes; the order of the names does not matter."""
        if not self.named:
            return digest_array(self.parts[PLAIN].contiguous())
        return digest_tensors((name, self.parts[name].contiguous()) for name in sorted(self.parts))


def named_parts(sample: Sample) -> dict[str, Tensor]:
    """The tensors of a sample or batch by name; a plain tensor has the name ``""``."""
    return dict(sample) if isinstance(sample, Mapping) else {PLAIN: sample}


def joined(parts: Mapping[str, Tensor]) -> Sample:
    """The sample or batch of these tensors: what `named_parts` took apart."""
    return parts[PLAIN] if PLAIN in parts else dict(parts)


def _checked(values: Any, what: str, *, named: bool) -> Tensor:
    array = values if isinstance(values, Tensor) else np.asarray(values)
    if not _is_usable(array, named=named):
        raise InputError(
            f"{what} have dtype {str(array.dtype).removeprefix('torch.')}: convert and scale them as in training, "
            "for example inputs.float() / 255 for images"
        )
    # A copy of an array: PyTorch takes neither read-only ones nor those with negative strides.
    tensor = array.detach().cpu() if isinstance(array, Tensor) else torch.from_numpy(array.copy())
    if tensor.dim() < (1 if named else 2) or not len(tensor):
        raise InputError(
            f"{what} have shape {tuple(tensor.shape)}: a batch of samples [n_samples, *sample] is needed (for one "
            "sample add an axis, inputs[None])"
        )
    bad = (~torch.isfinite(tensor)).reshape(len(tensor), -1).any(1).nonzero()
    if len(bad):
        raise InputError(f"sample {int(bad[0])} of {what} holds NaN or infinity: remove or mend it")
    return tensor


def _is_usable(array: Tensor | np.ndarray, *, named: bool) -> bool:
    if isinstance(array, Tensor):
        return not array.is_complex() and (named or array.dtype != torch.bool)
    return array.dtype.kind in ("fiub" if named else "fiu")
