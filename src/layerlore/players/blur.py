"""A blurred copy of each sample as its baseline."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from layerlore.errors import InputError

FloatSamples = Float[Tensor, "n_samples *sample"]
"""Inputs side by side, floating point."""


@final
@dataclass(frozen=True)
class Blur:
    """Gaussian blur of each sample over its last two axes, reflected at the borders (edge pixel not repeated).

    The kernel ends at ``4 * sigma``. An axis no longer than that repeats its edge pixel instead.

    Attributes:
        sigma: standard deviation of the Gaussian, in pixels; above 0.

    Raises:
        InputError: ``sigma`` is out of range, or the samples have fewer than two axes.
    """

    sigma: float

    def __post_init__(self) -> None:
        if not (self.sigma > 0 and math.isfinite(self.sigma)):
            raise InputError(f"Blur(sigma={self.sigma}): sigma is a width in pixels, finite and above 0")

    def __call__(self, samples: FloatSamples) -> FloatSamples:
        """Blurred samples, of the same shape and dtype."""
        if samples.dim() < 3:
            raise InputError(
                f"Blur needs samples with two axes or more; the samples have shape {tuple(samples.shape)}, "
                "the first axis counting them"
            )
        # Half precision is too coarse for the sums.
        wide = samples.to(torch.promote_types(samples.dtype, torch.float32))
        planes = wide.reshape(-1, *samples.shape[-2:])
        rows = _blur_last(planes, self.sigma)
        blurred = _blur_last(rows.transpose(-1, -2), self.sigma).transpose(-1, -2)
        return blurred.reshape(samples.shape).to(samples.dtype)


def _blur_last(planes: Tensor, sigma: float) -> Tensor:
    radius = int(4 * sigma + 0.5)
    positions = torch.arange(-radius, radius + 1, dtype=torch.float64)
    kernel = torch.exp(-0.5 * (positions / sigma) ** 2)
    kernel = (kernel / kernel.sum()).to(planes)
    padding = "reflect" if radius < planes.shape[-1] else "replicate"
    padded = functional.pad(planes, (radius, radius), mode=padding)
    return (padded.unfold(-1, 2 * radius + 1, 1) * kernel).sum(-1)
