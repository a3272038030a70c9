"""Handwritten digits of 8x8 pixels that come with scikit-learn.

Source: Alpaydin and Kaynak 1998, "Optical Recognition of Handwritten Digits",
UCI Machine Learning Repository; scikit-learn bundles its test part.
"""

from __future__ import annotations

import numpy as np
import torch
from torch.utils.data import TensorDataset

from layerlore.errors import missing_extra
from layerlore.zoo.data.sets import DataSets

N_TEST = 500
SPLIT_SEED = 0
BRIGHTEST = 16


def read_digits() -> DataSets:
    """1,297 training and 500 test images ``[1, 8, 8]``, the same split every time.

    The classes have the same shares in both parts.

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split
    except ImportError as error:
        raise missing_extra("scikit-learn", "demo", "the data set 'digits'") from error
    pixels, targets = load_digits(return_X_y=True)
    images = torch.from_numpy((pixels / BRIGHTEST).astype(np.float32)).view(-1, 1, 8, 8)
    labels = torch.from_numpy(targets.astype(np.int64))
    train, test = train_test_split(np.arange(len(targets)), test_size=N_TEST, stratify=targets, random_state=SPLIT_SEED)
    return DataSets(
        train=TensorDataset(images[train], labels[train]),
        test=TensorDataset(images[test], labels[test]),
        classes=tuple("0123456789"),
        name="digits",
    )
