"""What the readers return."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Int64, UInt8
from torch import Tensor
from torch.utils.data import TensorDataset

from layerlore.players import Columns


@dataclass(frozen=True)
class DataSets:
    """Training and test samples of one task.

    Attributes:
        train: samples ``float32[n_samples, *sample]`` and labels ``int64[n_samples]``, in the order of the source;
            images are ``[channels, height, width]`` in [0, 1].
        test: the same for the test samples.
        classes: the name of each label, label 0 first.
        name: the name that `load_data` knows the data set by.
        files: of each file that was read, by its name, what its checksum said: ``"official"`` (it is the published
            file, byte for byte), ``"other"`` (it is not: a part, another encoding, or damaged in a way that its
            format does not show) or ``"unknown"`` (no checksum is published).
    """

    train: TensorDataset
    test: TensorDataset
    classes: tuple[str, ...]
    name: str
    files: Mapping[str, str] = field(default_factory=dict, kw_only=True)


@dataclass(frozen=True)
class TableSets(DataSets):
    """A table, encoded: samples are ``float32[n_samples, n_encoded]``.

    A numeric column is one encoded column, standardised by mean and deviation of the training rows; a categorical
    one is one encoded column for each category, 1 where the row says it and else 0.

    Attributes:
        groups: the encoded columns of each column of the table, by its name, in order; as `Columns` takes them.
        categories: the categories of each categorical column, in the order of its encoded columns.
        scales: mean and deviation that each numeric column was standardised by, in its own units.
        left_out: of each part (``"train"``, ``"test"``), the number of rows left out, as the reader's options asked.
    """

    groups: Mapping[str, tuple[int, ...]] = field(kw_only=True)
    categories: Mapping[str, tuple[str, ...]] = field(kw_only=True)
    scales: Mapping[str, tuple[float, float]] = field(kw_only=True)
    left_out: Mapping[str, int] = field(default_factory=dict, kw_only=True)

    def players(self, background: str = "keep") -> Columns:
        """Every column of the table as a player that can say what a row holds."""
        return Columns(self.groups, background=background, one_hot=True, describe=self.describe)

    def describe(self, sample: Tensor) -> tuple[str, ...]:
        """What one row ``[n_encoded]`` says, a text for each column of the table: ``"age 39"``, ``"sex Male"``.

        A row between the categories, such as a mean, says ``"?"``.
        """
        return tuple(f"{name} {self._value(name, sample[list(group)])}" for name, group in self.groups.items())

    def _value(self, name: str, encoded: Tensor) -> str:
        if name in self.scales:
            mean, deviation = self.scales[name]
            # Standardised in float32, so the last digits of the source are rounding: three decimals are kept.
            return f"{round(float(encoded[0]) * deviation + mean, 3) + 0.0:g}"
        hot = encoded == 1
        return self.categories[name][int(hot.nonzero()[0])] if int(hot.sum()) == 1 else "?"


@dataclass(frozen=True)
class Sentences:
    """Training and validation sentences of one task.

    Attributes:
        train: sentences as the source has them, in its order.
        train_labels: their labels.
        validation: the sentences that accuracy is reported on (GLUE's ``dev``).
        validation_labels: their labels.
        classes: the name of each label, label 0 first.
        name: the name that `load_sentences` knows the data set by.
        files: as in `DataSets`.
    """

    train: tuple[str, ...]
    train_labels: Int64[Tensor, " n_train"]
    validation: tuple[str, ...]
    validation_labels: Int64[Tensor, " n_validation"]
    classes: tuple[str, ...]
    name: str
    files: Mapping[str, str] = field(default_factory=dict, kw_only=True)


def from_bytes(
    images: UInt8[np.ndarray, "n_samples channels height width"], labels: UInt8[np.ndarray, " n_samples"]
) -> TensorDataset:
    """Pixels 0-255 as float32 in [0, 1], and labels as int64."""
    return TensorDataset(
        torch.from_numpy(images.astype(np.float32)).div_(255), torch.from_numpy(labels.astype(np.int64))
    )
