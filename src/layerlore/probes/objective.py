"""What a probe minimises: mean loss plus an L2 penalty on the weights of standardised features.

A stack of probes of one layer, one for each penalty, shares every product with
the features. Parameters of one probe are ``[n_outputs, n_features + 1]``, the
bias last and not penalised.
"""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float, Float64, Shaped
from torch import Tensor

Loss = Literal["cross_entropy", "squared"]
Stack = Float64[Tensor, "n_penalties n_outputs n_weights"]
Features = Float[Tensor, "batch n_features"]
Labels = Shaped[Tensor, "batch ..."]
PerProbe = Float64[Tensor, "n_penalties"]
Predicted = Float64[Tensor, "*stack batch n_outputs"]
PerSample = Float64[Tensor, "*stack batch"]


def predictions(parameters: Stack, features: Features) -> Float64[Tensor, "n_penalties batch n_outputs"]:
    """Outputs of every probe of the stack, in float64."""
    n_penalties, n_outputs, width = parameters.shape
    flat = parameters[..., :-1].reshape(-1, width - 1).to(features.dtype)
    product = (features @ flat.T).to(torch.float64).view(-1, n_penalties, n_outputs)
    return product.permute(1, 0, 2) + parameters[..., -1].unsqueeze(1)


def losses(predicted: Predicted, labels: Labels, loss: Loss) -> PerSample:
    """Loss of each sample: cross-entropy (one output: of the sigmoid), or half the squared error."""
    if loss == "squared":
        return ((predicted - _targets(labels, predicted)) ** 2).sum(-1) / 2
    if predicted.shape[-1] == 1:
        return torch.nn.functional.softplus(-_signs(labels) * predicted[..., 0])
    return torch.logsumexp(predicted, -1) - _of_class(predicted, labels)


def agreement(predicted: Predicted, labels: Labels, loss: Loss) -> PerSample:
    """1 where the predicted class is the label; with squared loss, the squared error."""
    if loss == "squared":
        return ((predicted - _targets(labels, predicted)) ** 2).sum(-1)
    if predicted.shape[-1] == 1:
        return ((predicted[..., 0] > 0) == (labels > 0)).to(torch.float64)
    return (predicted.argmax(-1) == labels).to(torch.float64)


def value_and_gradient(parameters: Stack, features: Features, labels: Labels, loss: Loss) -> tuple[PerProbe, Stack]:
    """Sums over a batch of the loss and of its gradient; the penalty is not in them."""
    predicted = predictions(parameters, features)
    value = losses(predicted, labels, loss).sum(-1)
    if loss == "squared":
        slope = predicted - _targets(labels, predicted)
    elif predicted.shape[-1] == 1:
        signs = _signs(labels)
        slope = (-signs * torch.sigmoid(-signs * predicted[..., 0])).unsqueeze(-1)
    else:
        slope = torch.softmax(predicted, -1)
        slope[:, torch.arange(len(labels)), labels] -= 1
    n_penalties, n_outputs, width = parameters.shape
    columns = slope.permute(1, 0, 2).reshape(len(features), -1).to(features.dtype)
    gradient = torch.empty_like(parameters)
    gradient[..., :-1] = (columns.T @ features).to(torch.float64).view(n_penalties, n_outputs, width - 1)
    gradient[..., -1] = slope.sum(1)
    return value, gradient


def _of_class(predicted: Tensor, labels: Tensor) -> Tensor:
    index = labels.expand(predicted.shape[:-1]).unsqueeze(-1)
    return predicted.gather(-1, index)[..., 0]


def _signs(labels: Tensor) -> Tensor:
    return (2 * (labels > 0).to(torch.float64)) - 1


def _targets(labels: Tensor, predicted: Tensor) -> Tensor:
    return labels.to(torch.float64).view(len(labels), predicted.shape[-1])
