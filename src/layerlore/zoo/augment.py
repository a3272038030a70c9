"""Random crops and flips of a batch of images."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional


def crop_flip(
    images: Float[Tensor, "batch channels height width"], generator: torch.Generator, padding: int = 4
) -> Float[Tensor, "batch channels height width"]:
    """Each image padded with zeros, cropped at a random place and mirrored with probability 1/2.

    Args:
        images: any device; the result lies on the same one.
        generator: a CPU generator, the only source of randomness.
        padding: pixels added on every side, the largest shift.

    Source: He et al. 2016 (arXiv 1512.03385), section 4.2.
    """
    n_samples, _, height, width = images.shape
    shifts = torch.randint(0, 2 * padding + 1, (2, n_samples, 1), generator=generator)
    mirrored = torch.rand(n_samples, 1, generator=generator) < 0.5
    rows = shifts[0] + torch.arange(height)
    columns = shifts[1] + torch.where(mirrored, torch.arange(width).flip(0), torch.arange(width))
    padded = functional.pad(images, (padding,) * 4).permute(0, 2, 3, 1)
    sample = torch.arange(n_samples)[:, None, None]
    picked = padded[sample, rows[:, :, None], columns[:, None, :]]
    return picked.permute(0, 3, 1, 2).contiguous()
