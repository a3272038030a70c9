"""A plain training loop: one loss, two optimisers, the same bits for the same seed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import TensorDataset

from layerlore.errors import InputError, check_choice
from layerlore.zoo.augment import crop_flip
from layerlore.zoo.data import DataSets

Model = TypeVar("Model", bound=nn.Module)
Progress = Callable[[int, float], object]

MOMENTUM = 0.9


def train(
    model: Model,
    data: DataSets,
    *,
    epochs: int,
    batch_size: int = 128,
    learning_rate: float = 1e-3,
    weight_decay: float = 0.0,
    optimiser: str = "adam",
    seed: int = 0,
    augment: str | None = None,
    schedule: str = "cosine",
    progress: Progress | None = None,
) -> Model:
    """Train a classifier in place with cross-entropy.

    The same seed on the same device with the same number of threads gives the
    same weights, bit for bit on a CPU, whatever the global random state, which
    is left as it was. Parameters with ``requires_grad=False`` stay.

    Args:
        model: maps a batch of images to logits ``[batch, n_classes]``; trained on
            the device and in the dtype of its parameters.
        data: its training part is trained on, its test part only reported.
        epochs: passes over the training part.
        batch_size: samples in a step; the last step of an epoch may have fewer.
        learning_rate: of the first step.
        weight_decay: L2 penalty, added to the gradient.
        optimiser: ``"adam"``, or ``"sgd"`` with momentum 0.9.
        seed: of the order of the samples, the augmentation and any dropout; not
            of the initial weights, which are the caller's.
        augment: None, or ``"crop-flip"`` as in `crop_flip`.
        schedule: of the learning rate: ``"cosine"`` to 0, step by step, or
            ``"constant"``.
        progress: called after each epoch with its number, from 1, and the test
            accuracy, which is computed only for this.

    Returns:
        The model it was given, in eval mode, without gradients.

    Raises:
        InputError: an option is unknown or out of range, the model has nothing to
            train or gives no logits for these classes, or the loss is not finite.
    """
    _check_options(epochs, batch_size, learning_rate, weight_decay)
    check_choice(optimiser, ("adam", "sgd"), "optimiser")
    check_choice(augment, (None, "crop-flip"), "augment")
    check_choice(schedule, ("cosine", "constant"), "schedule")
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if not parameters:
        raise InputError("the model has no parameter with requires_grad=True: there is nothing to train")
    images, labels = data.train.tensors
    if augment and images.dim() != 4:
        raise InputError(f"augment={augment!r} needs images [channels, height, width], not {tuple(images.shape[1:])}")
    steps = _optimiser(optimiser, parameters, learning_rate, weight_decay)
    n_steps = epochs * math.ceil(len(images) / batch_size)
    generator = torch.Generator().manual_seed(seed)
    step = 0
    with _seeded(seed, parameters[0].device), torch.enable_grad():
        for epoch in range(1, epochs + 1):
            model.train()
            for chosen in torch.randperm(len(images), generator=generator).split(batch_size):
                batch = images[chosen]
                if augment:
                    batch = crop_flip(batch, generator)
                if schedule == "cosine":
                    steps.param_groups[0]["lr"] = learning_rate * (1 + math.cos(math.pi * step / n_steps)) / 2
                loss = _loss(model, batch.to(parameters[0]), labels[chosen], data.classes)
                steps.zero_grad()
                loss.backward()
                steps.step()
                step += 1
            _check_finite(loss, epoch, learning_rate)
            if progress is not None:
                progress(epoch, accuracy(model, data.test))
    steps.zero_grad()
    return cast(Model, model.eval())


def accuracy(model: nn.Module, dataset: TensorDataset, batch_size: int = 512) -> float:
    """Share of the samples whose largest logit is that of their label, in [0, 1].

    Runs in eval mode on the device and in the dtype of the parameters, and leaves
    the mode of every submodule as it was.

    Raises:
        InputError: there are no samples, or a logit is not a number.
    """
    images, labels = dataset.tensors
    if not len(images):
        raise InputError("the data set has no samples: its accuracy is undefined")
    like = next(model.parameters(), images)
    n_right = 0
    with _evaluating(model):
        for batch, truth in zip(images.split(batch_size), labels.split(batch_size), strict=True):
            logits = model(batch.to(like))
            if logits.isnan().any():
                raise InputError("the model gives logits that are not numbers: its accuracy is undefined")
            n_right += int((logits.argmax(-1) == truth.to(logits.device)).sum())
    return n_right / len(images)


def _loss(model: nn.Module, batch: Tensor, labels: Tensor, classes: tuple[str, ...]) -> Tensor:
    logits = model(batch)
    if logits.shape != (len(batch), len(classes)):
        raise InputError(
            f"the model gives {tuple(logits.shape)} for a batch of {len(batch)} samples and {len(classes)} classes; "
            f"expected logits ({len(batch)}, {len(classes)})"
        )
    return functional.cross_entropy(logits, labels.to(logits.device))


def _optimiser(name: str, parameters: list[nn.Parameter], rate: float, decay: float) -> torch.optim.Optimizer:
    if name == "sgd":
        return torch.optim.SGD(parameters, lr=rate, momentum=MOMENTUM, weight_decay=decay)
    return torch.optim.Adam(parameters, lr=rate, weight_decay=decay)


def _check_options(epochs: int, batch_size: int, learning_rate: float, weight_decay: float) -> None:
    for name, count in (("epochs", epochs), ("batch_size", batch_size)):
        if count < 1:
            raise InputError(f"{name}={count} must be at least 1")
    if not 0 < learning_rate < math.inf:
        raise InputError(f"learning_rate={learning_rate} must be a positive number")
    if not 0 <= weight_decay < math.inf:
        raise InputError(f"weight_decay={weight_decay} must be 0 or a positive number")


def _check_finite(loss: Tensor, epoch: int, learning_rate: float) -> None:
    if not loss.isfinite():
        raise InputError(
            f"the loss is {loss.item()} in epoch {epoch} with learning_rate={learning_rate}: "
            "lower the learning rate, and look for pixels that are not finite"
        )


@contextmanager
def _seeded(seed: int, device: torch.device) -> Iterator[None]:
    on_gpu = device.type == "cuda"
    with torch.random.fork_rng([device] if on_gpu else []):
        # torch.manual_seed would also seed the devices that are not put back.
        torch.default_generator.manual_seed(seed)
        if on_gpu:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, training in modes:
            module.training = training
