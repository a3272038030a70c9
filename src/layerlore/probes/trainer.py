"""The probes of one layer while they are trained, fed with its features batch by batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from layerlore.probes.lbfgs import Minimiser
from layerlore.probes.objective import Loss, agreement, losses, predictions, value_and_gradient
from layerlore.probes.price import HISTORY
from layerlore.probes.probes import Bias, Weight
from layerlore.probes.survey import Survey


@dataclass
class Trainer:
    """The probes of one layer, one for each penalty, while they are trained."""

    n_features: int
    found: Survey
    penalties: Sequence[float]
    loss: Loss
    tolerance: float
    device: torch.device
    dtype: torch.dtype
    minimiser: Minimiser = field(init=False)

    def __post_init__(self) -> None:
        n_penalties, n_outputs = len(self.penalties), self.found.n_outputs
        self.shape = (n_penalties, n_outputs, self.n_features + 1)
        numbers = {"dtype": torch.float64, "device": self.device}
        self.penalty = torch.tensor(self.penalties, **numbers)
        start = torch.zeros(n_penalties, n_outputs * (self.n_features + 1), **numbers)
        self.minimiser = Minimiser(start, self.tolerance, HISTORY, torch.finfo(self.dtype).eps)
        self.labels = self.found.labels.to(self.device)
        self.train = (~self.found.validation).to(self.device)
        self.n_train = int(self.train.sum())
        self.shift: Tensor | None = None
        self.first = torch.zeros(self.n_features, **numbers)
        self.second = torch.zeros(self.n_features, **numbers)
        self.mean = torch.zeros_like(self.first)
        self.inverse: Tensor | None = None
        # Rows: training and validation; what is summed is the loss and the agreement of each probe.
        self.judged = torch.zeros(2, 2, n_penalties, **numbers)

    def observe(self, rows: slice, features: Tensor) -> None:
        """Take a batch into mean and deviation, shifted by the first row seen against cancellation."""
        features = features.to(self.device)[self.train[rows]]
        if not len(features):
            return
        if self.shift is None:
            self.shift = features[0].to(torch.float64)
        centred = features - self.shift
        self.first += centred.sum(0, dtype=torch.float64)
        self.second += (centred * centred).sum(0, dtype=torch.float64)

    def start(self) -> None:
        """Open a pass."""
        if self.inverse is None:
            self.inverse = self._measure()
        self.active = ~self.minimiser.done
        self.value = torch.zeros(int(self.active.sum()), dtype=torch.float64, device=self.device)
        self.parameters = self.minimiser.trial[self.active].view(-1, *self.shape[1:])
        self.gradient = torch.zeros_like(self.parameters)

    def _measure(self) -> Tensor:
        """Set the mean, and give the inverse of the deviation: 0 for constant features."""
        assert self.shift is not None  # noqa: S101
        mean = self.first / self.n_train
        deviation = (self.second / self.n_train - mean * mean).clamp_min(0).sqrt()
        # Below the features' own rounding a feature does not vary; below the smallest number there is no inverse.
        smallest = (1e-7 * (self.shift.abs() + mean.abs())).clamp_min(torch.finfo(self.dtype).tiny)
        inverse = torch.where(deviation > smallest, 1 / deviation, 0.0)
        # Rounded as they are used, so that what is folded into the weights is exactly what was trained.
        self.mean = (self.shift + mean).to(self.dtype).to(torch.float64)
        return inverse.to(self.dtype).to(torch.float64)

    def add(self, rows: slice, features: Tensor) -> None:
        """Add a batch to the value and gradient at the trial points."""
        chosen = self.train[rows]
        # A batch may hold nothing but validation samples.
        if not chosen.any():
            return
        standardised = self.standardised(features)[chosen]
        value, gradient = value_and_gradient(self.parameters, standardised, self.labels[rows][chosen], self.loss)
        self.value += value
        self.gradient += gradient

    def step(self) -> None:
        """Close a pass: penalise, and let the minimiser move."""
        weight = self.parameters[..., :-1]
        penalty = self.penalty[self.active]
        value = self.value / self.n_train + penalty / 2 * (weight * weight).sum((1, 2))
        gradient = self.gradient / self.n_train
        gradient[..., :-1] += penalty.view(-1, 1, 1) * weight
        values = torch.zeros(len(self.penalties), dtype=torch.float64, device=self.device)
        gradients = torch.zeros_like(self.minimiser.trial)
        values[self.active], gradients[self.active] = value, gradient.flatten(1)
        self.minimiser.tell(values, gradients)

    def judge(self, rows: slice, features: Tensor) -> None:
        """Add a batch to the losses and accuracies of the trained probes."""
        parameters = self.minimiser.point.view(self.shape)
        predicted = predictions(parameters, self.standardised(features))
        labels, train = self.labels[rows], self.train[rows].to(torch.float64)
        for number, measure in enumerate((losses, agreement)):
            measured = measure(predicted, labels, self.loss)
            self.judged[0, number] += measured @ train
            self.judged[1, number] += measured @ (1 - train)

    def standardised(self, features: Tensor) -> Tensor:
        """Features with mean 0 and deviation 1, constant ones 0, in the features' own dtype."""
        assert self.inverse is not None  # noqa: S101
        features = features.to(self.device)
        return (features - self.mean.to(features.dtype)) * self.inverse.to(features.dtype)

    def folded(self, penalty: int) -> tuple[Weight, Bias]:
        """Weight and bias for raw features."""
        assert self.inverse is not None  # noqa: S101
        parameters = self.minimiser.point[penalty].view(self.shape[1:])
        # In the dtype of the features; the bias makes up for the rounding of the means' part.
        weight = (parameters[:, :-1] * self.inverse).to(self.dtype)
        return weight.cpu(), (parameters[:, -1] - weight.to(torch.float64) @ self.mean).cpu()
