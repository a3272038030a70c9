"""Standardised features: measured in one pass over the training data, applied on the fly, folded into the weights."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Float64
from torch import Tensor

from layerlore.probes.probes import Bias, Weight

Features = Float[Tensor, "batch n_features"]
PerFeature = Float64[Tensor, "n_features"]
Chosen = Bool[Tensor, "batch"]
Parameters = Float64[Tensor, "n_outputs n_weights"]


@dataclass(frozen=True)
class Standard:
    """What takes features to mean 0 and deviation 1, and constant ones to 0.

    Attributes:
        mean: of each feature, rounded to the features' dtype.
        inverse: of each feature's deviation, likewise; 0 where it does not vary.
        dtype: of the features.
    """

    mean: PerFeature
    inverse: PerFeature
    dtype: torch.dtype

    def __call__(self, features: Features) -> Features:
        """Standardised features, in their own dtype."""
        return (features - self.mean.to(features.dtype)) * self.inverse.to(features.dtype)

    def folded(self, parameters: Parameters) -> tuple[Weight, Bias]:
        """Weight and bias for raw features, of those for standardised ones (the bias last); on the CPU."""
        # In the dtype of the features; the bias makes up for the rounding of the means' part.
        weight = (parameters[:, :-1] * self.inverse).to(self.dtype)
        return weight.cpu(), (parameters[:, -1] - weight.to(torch.float64) @ self.mean).cpu()


class Spread:
    """Sums for mean and deviation, shifted by the first row seen against cancellation."""

    def __init__(self, n_features: int, dtype: torch.dtype, device: torch.device) -> None:
        self._dtype = dtype
        self._count = 0
        self._shift = torch.zeros(n_features, dtype=torch.float64, device=device)
        self._first, self._second = torch.zeros_like(self._shift), torch.zeros_like(self._shift)

    def add(self, features: Features) -> None:
        """Take a batch in."""
        if not len(features):
            return
        features = features.to(self._shift.device)
        if self._count == 0:
            self._shift = features[0].to(torch.float64)
        centred = features - self._shift
        self._first += centred.sum(0, dtype=torch.float64)
        self._second += (centred * centred).sum(0, dtype=torch.float64)
        self._count += len(features)

    def standard(self) -> Standard:
        """What standardises the features that were taken in."""
        mean = self._first / self._count
        deviation = (self._second / self._count - mean * mean).clamp_min(0).sqrt()
        # Below the features' own rounding a feature does not vary; below the smallest number there is no inverse.
        smallest = (1e-7 * (self._shift.abs() + mean.abs())).clamp_min(torch.finfo(self._dtype).tiny)
        inverse = torch.where(deviation > smallest, 1 / deviation, 0.0)
        # Rounded as they are used, so that what is folded into the weights is exactly what was trained.
        rounded = [values.to(self._dtype).to(torch.float64) for values in (self._shift + mean, inverse)]
        return Standard(rounded[0], rounded[1], self._dtype)
