"""A plain training loop: one loss, two optimisers, the same bits for the same seed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import TensorDataset

from layerlore.dynamics.tracker import WeightTracker
from layerlore.errors import InputError, check_choice
from layerlore.networks import device_of, evaluating, logits_of, to_model
from layerlore.zoo.augment import crop_flip
from layerlore.zoo.data import DataSets
from layerlore.zoo.training_state import TrainingState

Model = TypeVar("Model", bound=nn.Module)
Progress = Callable[[int, float], object]

MOMENTUM = 0.9
SCHEDULES = ("cosine", "warm-up", "constant")
PRECISIONS = ("float32", "bfloat16")


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
    tracker: WeightTracker | None = None,
    precision: str = "float32",
    resume: Path | str | None = None,
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
        schedule: of the learning rate: ``"cosine"`` to 0, step by step;
            ``"warm-up"``, the same after a linear rise over the first twentieth of
            the steps; or ``"constant"``.
        progress: called after each epoch with its number, from 1, and the test
            accuracy, which is computed only for this.
        tracker: of this model, made before the call; its steps are epochs, and it is finished with the last one.
        precision: ``"float32"`` (the dtype of the parameters), or ``"bfloat16"``: forward passes under autocast,
            weights and optimiser as they are.
        resume: file to keep the state of the training in after each epoch, and to take it up from. The result has
            the same bits as that of an uninterrupted training; a finished one only loads the weights.

    Returns:
        The model it was given, in eval mode, without gradients (after an
        exception too).

    Raises:
        InputError: an option is unknown or out of range, there are no samples, the
            model has nothing to train or gives no logits for these classes, or the loss is not finite.
        RunError: the file to resume from belongs to another training, or cannot be read or written.
    """
    check_options(epochs, batch_size, learning_rate, weight_decay)
    check_choice(precision, PRECISIONS, "precision")
    check_choice(optimiser, ("adam", "sgd"), "optimiser")
    if augment is not None:
        check_choice(augment, ("crop-flip",), "augment")
    check_choice(schedule, SCHEDULES, "schedule")
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if not parameters:
        raise InputError("the model has no parameter with requires_grad=True: there is nothing to train")
    images = data.train.tensors[0]
    if not len(images):
        raise InputError(f"the training part of {data.name!r} has no samples")
    if augment and images.dim() != 4:
        raise InputError(f"augment={augment!r} needs images [channels, height, width], not {tuple(images.shape[1:])}")
    steps = _optimiser(optimiser, parameters, learning_rate, weight_decay)
    an_epoch = math.ceil(len(images) / batch_size)
    generator = torch.Generator().manual_seed(seed)
    identity = {
        "data": data.name,
        "n_samples": len(images),
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "weight_decay": weight_decay,
        "optimiser": optimiser,
        "seed": seed,
        "augment": augment,
        "schedule": schedule,
        "precision": precision,
    }
    try:
        with seeded(seed, device_of(model)), torch.enable_grad():
            state = TrainingState(model, steps, generator, None if resume is None else Path(resume), identity)
            for epoch in range(state.load() + 1, epochs + 1):
                done = (epoch - 1) * an_epoch
                loss = _epoch(
                    model.train(),
                    data,
                    steps,
                    batch_size=batch_size,
                    rates=(
                        learning_rate * _share(step, epochs * an_epoch, schedule)
                        for step in range(done, done + an_epoch)
                    ),
                    generator=generator,
                    augment=augment,
                    precision=precision,
                )
                _check_finite(loss, epoch, learning_rate)
                if tracker is not None:
                    tracker.step(epoch)
                # After the tracker: a training killed in between repeats an epoch that the tracker knows.
                state.save(epoch)
                if progress is not None:
                    progress(epoch, accuracy(model, data.test))
            if tracker is not None:
                tracker.finish()
    finally:
        steps.zero_grad()
        model.eval()
    return model


def accuracy(model: nn.Module, dataset: TensorDataset, batch_size: int = 512) -> float:
    """Share of the samples whose largest logit is that of their label, in [0, 1].

    Runs in eval mode on the device and in the dtype of the parameters, and leaves
    the mode of every submodule and the random state as they were.

    Raises:
        InputError: there are no samples, ``batch_size`` is below 1, the model gives
            fewer logits than there are classes, or a logit is not a number.
    """
    if batch_size < 1:
        raise InputError(f"batch_size={batch_size} must be at least 1")
    images, labels = dataset.tensors
    if not len(images):
        raise InputError("the data set has no samples: its accuracy is undefined")
    n_right = 0
    with evaluating(model):
        for batch, truth in zip(images.split(batch_size), labels.split(batch_size), strict=True):
            logits = logits_of(model(to_model(model, batch)))
            _check_width(logits, labels)
            if logits.isnan().any():
                raise InputError("the model gives logits that are not numbers: its accuracy is undefined")
            n_right += int((logits.argmax(-1) == truth.to(logits.device)).sum())
    return n_right / len(images)


def _epoch(
    model: nn.Module,
    data: DataSets,
    steps: torch.optim.Optimizer,
    *,
    batch_size: int,
    rates: Iterator[float],
    generator: torch.Generator,
    augment: str | None,
    precision: str,
) -> Tensor:
    """One pass over the training part; the loss of its last step."""
    images, labels = data.train.tensors
    loss = torch.tensor(math.nan)
    for chosen in torch.randperm(len(images), generator=generator).split(batch_size):
        batch = crop_flip(images[chosen], generator) if augment else images[chosen]
        steps.param_groups[0]["lr"] = next(rates)
        loss = _loss(model, batch, labels[chosen], data.classes, precision)
        steps.zero_grad()
        loss.backward()
        steps.step()
    return loss.detach()


def _share(step: int, n_steps: int, schedule: str) -> float:
    """The learning rate of a step as a share of that of the first."""
    if schedule == "constant":
        return 1.0
    rise = n_steps // 20 if schedule == "warm-up" else 0
    if step < rise:
        return (step + 1) / rise
    return (1 + math.cos(math.pi * (step - rise) / (n_steps - rise))) / 2


def _loss(model: nn.Module, batch: Tensor, labels: Tensor, classes: tuple[str, ...], precision: str) -> Tensor:
    batch = to_model(model, batch)
    if precision == "float32":
        logits = logits_of(model(batch))
    else:
        # Convolutions in 16 bits are faster with channels last.
        batch = batch.contiguous(memory_format=torch.channels_last) if batch.dim() == 4 else batch
        with torch.autocast(batch.device.type, torch.bfloat16):
            logits = logits_of(model(batch)).float()
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


def check_options(epochs: int, batch_size: int, learning_rate: float, weight_decay: float) -> None:
    """Raise `InputError` where a number that every training needs is out of range."""
    for name, count in (("epochs", epochs), ("batch_size", batch_size)):
        if count < 1:
            raise InputError(f"{name}={count} must be at least 1")
    if not 0 < learning_rate < math.inf:
        raise InputError(f"learning_rate={learning_rate} must be a positive number")
    if not 0 <= weight_decay < math.inf:
        raise InputError(f"weight_decay={weight_decay} must be 0 or a positive number")


def _check_width(logits: Tensor, labels: Tensor) -> None:
    n_needed = max(2, int(labels.max()) + 1)
    if logits.shape[1] < n_needed:
        raise InputError(
            f"the model gives {logits.shape[1]} logits and labels go up to {n_needed - 1}: one per class is needed"
        )


def _check_finite(loss: Tensor, epoch: int, learning_rate: float) -> None:
    if not loss.isfinite():
        raise InputError(
            f"the loss is {loss.item()} in epoch {epoch} with learning_rate={learning_rate}: "
            "lower the learning rate, and look for pixels that are not finite"
        )


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """A with-block with random states of its own, on the CPU and on one device."""
    on_gpu = device.type == "cuda"
    with torch.random.fork_rng([device] if on_gpu else []):
        # torch.manual_seed would also seed the devices that are not put back.
        torch.default_generator.manual_seed(seed)
        if on_gpu:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield
