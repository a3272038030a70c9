"""Networks of a study: trained once, watched, and kept with what they were trained by."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import nn
from torch.utils.data import TensorDataset

from layerlore.dynamics.tracker import WeightTracker
from layerlore.engines import Progress
from layerlore.errors import RunError, first_line
from layerlore.storage import differences, write_bytes
from layerlore.zoo.build import build
from layerlore.zoo.data import DataSets
from layerlore.zoo.studies.recipes import Recipe
from layerlore.zoo.training import accuracy, train

HEADER = "layerlore"
"""Key of the weights' own metadata under which their origin stands."""


@dataclass(frozen=True)
class Trained:
    """A network of a study.

    Attributes:
        model: in eval mode.
        accuracy: on the test part.
        history: run folder of its training; None for weights that were given.
    """

    model: nn.Module
    accuracy: float
    history: Path | None


def trained(
    network: str, data: DataSets, recipe: Recipe, *, seed: int, folder: Path, name: str, progress: Progress
) -> Trained:
    """The network with the weights ``name.safetensors`` in ``folder``, trained first where they are not there.

    The training is watched. An interrupted training goes on after its last finished epoch.

    Args:
        network: name in the zoo.
        data: with the test part that accuracy is measured on.
        recipe: how to train.
        seed: of initial weights, order and augmentation.
        folder: of the weights and of the run through training.
        name: of both.
        progress: told of epochs.

    Raises:
        RunError: the weights that are there were trained otherwise, or a file cannot be read or written.
    """
    model = build(network, len(data.classes), tuple(data.train.tensors[0].shape[1:]), seed)
    weights, history, state = folder / f"{name}.safetensors", folder / f"{name}_training", folder / f"{name}.state.pt"
    origin = {
        "network": network,
        "data": data.name,
        "n_train": len(data.train),
        "seed": seed,
        "recipe": recipe.to_json(),
    }
    if weights.exists():
        check_origin(weights, origin)
        model.load_state_dict(load_file(weights))
        return Trained(model.eval(), accuracy(model, data.test), history)
    task = f"train {name}"
    with WeightTracker(model, run=history, name=name, unit="epoch") as tracker:
        train(
            model,
            data,
            seed=seed,
            progress=_epochs(task, recipe.epochs, progress),
            tracker=tracker,
            resume=state,
            **recipe.to_json(),
        )
    tensors = {key: tensor.contiguous() for key, tensor in model.state_dict().items()}
    write_bytes(weights, save(tensors, {HEADER: json.dumps(origin)}))
    state.unlink(missing_ok=True)
    return Trained(model, accuracy(model, data.test), history)


def given(network: str, data: DataSets, weights: Path) -> Trained:
    """The network with weights of the user's.

    Raises:
        RunError: they cannot be read, or do not fit.
    """
    model = build(network, len(data.classes), tuple(data.train.tensors[0].shape[1:]))
    try:
        if weights.suffix == ".safetensors":
            state = load_file(weights)
        else:
            state = torch.load(weights, map_location="cpu", weights_only=True)
        model.load_state_dict(state)
    except Exception as error:
        raise RunError(f"{weights} holds no weights of {network!r}: {first_line(error)}") from error
    return Trained(model.eval(), accuracy(model, data.test), None)


def check_origin(weights: Path, origin: dict[str, object]) -> None:
    """Raise `RunError` unless the weights say that they were trained like this."""
    try:
        with safe_open(weights, "pt") as file:
            found = json.loads((file.metadata() or {}).get(HEADER, "{}"))
    except (SafetensorError, OSError, ValueError) as error:
        raise RunError(f"{weights} cannot be read ({first_line(error)}): remove it to train again") from error
    different = differences(origin, found)
    if different:
        raise RunError(f"{weights} was trained otherwise ({different}): choose another --out, or remove it")


def some_of(data: DataSets, n_train: int | None, seed: int) -> DataSets:
    """The data with so many training samples, drawn with equal shares of the classes; all of them for None."""
    if n_train is None or n_train >= len(data.train):
        return data
    return replace(data, train=subset(data.train, n_train, seed))


def subset(part: TensorDataset, count: int, seed: int) -> TensorDataset:
    """So many samples, seeded, stratified by class, in their own order."""
    labels = part.tensors[1]
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(labels), generator=generator)
    # Ranks within each class: taking the lowest ranks first takes all classes evenly, as far as they reach.
    rank = torch.empty(len(labels), dtype=torch.float64)
    for label in labels.unique():
        members = order[labels[order] == label]
        rank[members] = torch.arange(len(members), dtype=torch.float64) / len(members)
    chosen = torch.argsort(rank, stable=True)[:count].sort().values
    return TensorDataset(*(tensor[chosen] for tensor in part.tensors))


def _epochs(task: str, n_epochs: int, progress: Progress) -> Callable[[int, float], None]:
    def told(epoch: int, _share: float) -> None:
        progress(task, epoch, n_epochs)

    return told
