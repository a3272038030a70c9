"""Data sets as a configuration names them, and the samples that are explained."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Int64
from torch import Tensor
from torch.utils.data import Dataset, Subset, TensorDataset

from layerlore.cli.objects import called
from layerlore.cli.reading import Recipe
from layerlore.errors import ConfigError


def drawn(length: int, count: int, seed: int) -> Int64[Tensor, "count"]:
    """``count`` of ``length`` positions, drawn without replacement and sorted; the same for the same seed."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randperm(length, generator=generator)[:count].sort().values


def read_data(recipe: Recipe) -> tuple[Dataset[Any], Dataset[Any]]:
    """Training data, cut to ``train_count``, and the split that samples are taken from.

    Raises:
        ConfigError: no such data set, file or function, or an object without these parts.
    """
    from layerlore.zoo import load_data

    section = recipe.config.data
    if section.path is None:
        root = None if section.root is None else recipe.file(section.root)
        if root is not None and not root.is_dir():
            raise ConfigError(f"data.root: there is no folder {root}")
        data: Any = load_data(str(section.name), root)
    else:
        data = called(section.path, section.arguments, "data")
    train, split = (_part(data, name) for name in ("train", recipe.config.samples.split))
    return _cut(train, section.train_count, recipe.config.seed), split


def take_samples(recipe: Recipe, split: Dataset[Any]) -> tuple[Tensor, Int64[Tensor, "n_samples"]]:
    """The samples to explain, ``[n_samples, *sample]``, and their labels.

    Raises:
        ConfigError: there are fewer, or they are no pairs of a tensor and a class number.
    """
    section = recipe.config.samples
    length = _length(split)
    if section.count > length:
        raise ConfigError(f"samples.count={section.count}: the {section.split} split has {length} samples")
    positions = drawn(length, section.count, section.seed)
    if isinstance(split, TensorDataset) and len(split.tensors) == 2:
        inputs, labels = (tensor[positions] for tensor in split.tensors)
        return inputs, labels.to(torch.int64)
    try:
        pairs = [split[position] for position in positions.tolist()]
        return torch.stack([torch.as_tensor(pair[0]) for pair in pairs]), torch.tensor([int(pair[1]) for pair in pairs])
    except (TypeError, ValueError, IndexError, KeyError, RuntimeError) as error:
        raise ConfigError(
            f"data: samples of the {section.split} split are not pairs (input tensor, class number), all of one shape "
            f"({type(error).__name__}: {error})"
        ) from error


def _part(data: object, name: str) -> Dataset[Any]:
    part = getattr(data, name, None)
    if not isinstance(part, Dataset):
        raise ConfigError(
            f"data: the {type(data).__name__} that was returned has no data set .{name}: an object with .train and "
            ".test, each a torch.utils.data.Dataset, is needed"
        )
    return part


def _length(data: Dataset[Any]) -> int:
    if not hasattr(data, "__len__"):
        raise ConfigError(f"data: a {type(data).__name__} does not tell its length: give a Dataset that does")
    return len(data)  # type: ignore[arg-type]


def _cut(train: Dataset[Any], count: int | None, seed: int) -> Dataset[Any]:
    if count is None:
        return train
    length = _length(train)
    if count > length:
        raise ConfigError(f"data.train_count={count}: there are {length} training samples")
    positions = drawn(length, count, seed)
    if isinstance(train, TensorDataset):
        return TensorDataset(*(tensor[positions] for tensor in train.tensors))
    return Subset(train, positions.tolist())
