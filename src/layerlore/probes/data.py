"""Training data as batches that can be visited again and again, in one order."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    Subset,
    WeightedRandomSampler,
)
from torch.utils.data.distributed import DistributedSampler

from layerlore.errors import InputError
from layerlore.storage import row_bytes

Batch = tuple[Any, Tensor]
"""Inputs (a tensor or a mapping of tensors) and labels."""

_WHOLE = (SequentialSampler, RandomSampler, WeightedRandomSampler, DistributedSampler)
"""Samplers that draw from the whole data set; any other may choose a part of it."""


def revisitable(data: Iterable[Any] | Dataset[Any], batch_size: int, what: str) -> Callable[[], Iterator[Batch]]:
    """A call that starts a new visit of ``data``, each time in the same order.

    A `DataLoader` is rebuilt with a sequential sampler and a generator of its
    own: every sample is seen once whether its sampler shuffles, weighs or shards,
    and the global random state is not touched. A sampler that chooses a part of
    the data, such as `SubsetRandomSampler`, still chooses it. Loaders with a
    batch sampler of their own and iterable data sets are visited as they are.

    Args:
        data: iterable of (inputs, labels) batches, a `Dataset` or a `DataLoader`.
        batch_size: for a `Dataset`.
        what: the argument's name, for errors.

    Raises:
        InputError: an iterator that can be visited only once, or data of another kind.
    """
    if isinstance(data, DataLoader):
        data = _sequential(data)
    elif isinstance(data, Dataset):
        data = DataLoader(data, batch_size=batch_size, shuffle=False, generator=torch.Generator())
    elif isinstance(data, Iterator):
        raise InputError(
            f"{what} is a {type(data).__name__}, which can be visited only once: pass a Dataset, a DataLoader or a "
            "list of (inputs, labels) batches, because the probes look at the data several times"
        )
    elif isinstance(data, Tensor | np.ndarray | Mapping | str) or not isinstance(data, Iterable):
        raise InputError(_expected(what, type(data).__name__))
    elif isinstance(data, tuple) and len(data) == 2 and all(isinstance(part, Tensor | np.ndarray) for part in data):
        raise InputError(
            f"{what} is a pair of arrays: wrap it as torch.utils.data.TensorDataset(inputs, labels), or pass a list of "
            "(inputs, labels) batches"
        )

    def visit() -> Iterator[Batch]:
        for number, batch in enumerate(data):
            yield _pair(batch, what, number)

    return visit


def rows(batch: Any) -> int:
    """Number of samples in a batch of inputs."""
    return len(next(iter(batch.values()))) if isinstance(batch, Mapping) else len(batch)


class DataDigest:
    """Digest of all inputs and labels, sample by sample: the borders of batches do not matter."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def add(self, inputs: Any, labels: Tensor) -> None:
        """Take in one batch."""
        named = dict(inputs) if isinstance(inputs, Mapping) else {"": inputs}
        columns = [row_bytes(tensor) for tensor in (*named.values(), labels)]
        kinds = [f"{name}|{tensor.dtype}|{tuple(tensor.shape[1:])}" for name, tensor in (*named.items(), ("y", labels))]
        header = "\n".join(kinds).encode()
        for row in range(len(labels)):
            self._digest.update(header)
            for column in columns:
                self._digest.update(column[row])

    def text(self) -> str:
        """The digest so far, as hexadecimal text."""
        return self._digest.hexdigest()


def _sequential(loader: DataLoader[Any]) -> DataLoader[Any]:
    if isinstance(loader.dataset, IterableDataset) or loader.batch_size is None:
        return loader
    dataset = loader.dataset
    if not isinstance(loader.sampler, _WHOLE):
        with torch.random.fork_rng(devices=[]):
            dataset = Subset(dataset, sorted({int(index) for index in loader.sampler}))
    return DataLoader(
        dataset,
        batch_size=loader.batch_size,
        shuffle=False,
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        pin_memory=loader.pin_memory,
        timeout=loader.timeout,
        worker_init_fn=loader.worker_init_fn,
        multiprocessing_context=loader.multiprocessing_context,
        generator=torch.Generator(),
    )


def _pair(batch: Any, what: str, number: int) -> Batch:
    if not isinstance(batch, tuple | list) or len(batch) != 2:
        raise InputError(f"batch {number} of {_expected(what, type(batch).__name__)}")
    inputs, labels = batch
    inputs = {key: _tensor(value) for key, value in inputs.items()} if isinstance(inputs, Mapping) else _tensor(inputs)
    labels = _tensor(labels)
    if labels.dim() == 0 or len(labels) != rows(inputs):
        raise InputError(
            f"batch {number} of {what} has {rows(inputs)} inputs and labels of shape {tuple(labels.shape)}: "
            "one label for each input is needed"
        )
    return inputs, labels


def _tensor(values: Any) -> Tensor:
    return values if isinstance(values, Tensor) else torch.as_tensor(np.asarray(values))


def _expected(what: str, found: str) -> str:
    return f"{what} is a {found}: pass a Dataset, a DataLoader, or an iterable of (inputs, labels) batches"
