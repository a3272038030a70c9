"""What every reader returns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import UInt8
from torch.utils.data import TensorDataset


@dataclass(frozen=True)
class DataSets:
    """Training and test images of one task.

    Attributes:
        train: images ``float32[n_samples, channels, height, width]`` in [0, 1]
            and labels ``int64[n_samples]``, in the order of the source.
        test: the same for the test images.
        classes: the name of each label, label 0 first.
        name: the name that `load_data` knows the data set by.
    """

    train: TensorDataset
    test: TensorDataset
    classes: tuple[str, ...]
    name: str


def from_bytes(
    images: UInt8[np.ndarray, "n_samples channels height width"], labels: UInt8[np.ndarray, " n_samples"]
) -> TensorDataset:
    """Pixels 0-255 as float32 in [0, 1], and labels as int64."""
    return TensorDataset(
        torch.from_numpy(images.astype(np.float32)).div_(255), torch.from_numpy(labels.astype(np.int64))
    )
