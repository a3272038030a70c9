"""The probes of one layer while they are trained, fed with its features batch by batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from layerlore.probes.lbfgs import Minimiser
from layerlore.probes.objective import Loss, agreement, losses, predictions, value_and_gradient
from layerlore.probes.price import HISTORY
from layerlore.probes.probes import Bias, Weight
from layerlore.probes.standard import Standard
from layerlore.probes.survey import Survey


class Trainer:
    """The probes of one layer, one for each penalty, while they are trained."""

    def __init__(
        self, standard: Standard, found: Survey, penalties: Sequence[float], loss: Loss, tolerance: float
    ) -> None:
        self.standard, self.found, self.penalties = standard, found, penalties
        self.loss: Loss = loss
        self.shape = (len(penalties), found.n_outputs, len(standard.mean) + 1)
        device = standard.mean.device
        start = torch.zeros(self.shape, dtype=torch.float64, device=device).flatten(1)
        self.minimiser = Minimiser(start, tolerance, HISTORY, torch.finfo(standard.dtype).eps)
        self.penalty = torch.tensor(penalties, dtype=torch.float64, device=device)
        self.labels = found.labels.to(device)
        self.train = (~found.validation).to(device)
        self.n_train = int(self.train.sum())
        # Rows: training and validation; what is summed is the loss and the agreement of each probe.
        self.judged = torch.zeros(2, 2, len(penalties), dtype=torch.float64, device=device)

    def start(self) -> None:
        """Open a pass."""
        self.active = ~self.minimiser.done
        self.parameters = self.minimiser.trial[self.active].view(-1, *self.shape[1:])
        self.value = torch.zeros_like(self.parameters[:, 0, 0])
        self.gradient = torch.zeros_like(self.parameters)

    def add(self, rows: slice, features: Tensor) -> None:
        """Add a batch to the value and gradient at the trial points."""
        chosen = self.train[rows]
        # A batch may hold nothing but validation samples.
        if not chosen.any():
            return
        standardised = self.standard(features.to(self.labels.device)[chosen])
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
        values = torch.zeros_like(self.penalty)
        gradients = torch.zeros_like(self.minimiser.trial)
        values[self.active], gradients[self.active] = value, gradient.flatten(1)
        self.minimiser.tell(values, gradients)

    def judge(self, rows: slice, features: Tensor) -> None:
        """Add a batch to the losses and accuracies of the trained probes."""
        parameters = self.minimiser.point.view(self.shape)
        predicted = predictions(parameters, self.standard(features.to(self.labels.device)))
        labels, train = self.labels[rows], self.train[rows].to(torch.float64)
        for number, measure in enumerate((losses, agreement)):
            measured = measure(predicted, labels, self.loss)
            self.judged[0, number] += measured @ train
            self.judged[1, number] += measured @ (1 - train)

    def folded(self, penalty: int) -> tuple[Weight, Bias]:
        """Weight and bias for raw features, of the probe with this penalty."""
        return self.standard.folded(self.minimiser.point[penalty].view(self.shape[1:]))
