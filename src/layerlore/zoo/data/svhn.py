"""SVHN, cropped digits: MATLAB files (version 5), gzip-ed or plain.

A file holds ``X``, bytes ``[32, 32, 3, n_images]``, and ``y``, ``[n_images, 1]``, where the label of the digit 0 is 10.

Source: Netzer et al. 2011, "Reading Digits in Natural Images with Unsupervised Feature Learning".
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from layerlore.errors import InputError, first_line, missing_extra
from layerlore.zoo.data.checksums import verdicts
from layerlore.zoo.data.files import read_file, require
from layerlore.zoo.data.sets import DataSets, from_bytes

TRAIN_FILE, TEST_FILE, EXTRA_FILE = "train_32x32.mat", "test_32x32.mat", "extra_32x32.mat"
CLASSES = tuple("0123456789")
LABEL_OF_ZERO = 10

Part = tuple[UInt8[np.ndarray, "n_images 3 32 32"], UInt8[np.ndarray, " n_images"]]
"""Images and labels of one file."""


def read_svhn(root: Path, extra: bool = False) -> DataSets:
    """SVHN from ``train_32x32.mat`` and ``test_32x32.mat`` in ``root``; images are ``[3, 32, 32]``.

    Args:
        root: the folder.
        extra: whether the images of ``extra_32x32.mat`` follow those for training.

    Raises:
        InputError: a file is missing, cut short, of another format or size, or a label is out of range.
        MissingExtraError: SciPy is not installed.
    """
    paths = [require(root, name) for name in ((TRAIN_FILE, EXTRA_FILE) if extra else (TRAIN_FILE,))]
    test_path = require(root, TEST_FILE)
    images, labels = (np.concatenate(arrays) for arrays in zip(*map(read_mat, paths), strict=True))
    return DataSets(
        train=from_bytes(images, labels),
        test=from_bytes(*read_mat(test_path)),
        classes=CLASSES,
        name="svhn",
        files=verdicts("svhn", [*paths, test_path]),
    )


def read_mat(path: Path) -> Part:
    """Images and labels 0-9 of one file.

    Raises:
        InputError: the file cannot be read, or holds no such arrays.
        MissingExtraError: SciPy is not installed.
    """
    try:
        from scipy.io import loadmat
    except ImportError as error:
        raise missing_extra("scipy", "data", "the data set 'svhn'") from error
    content = read_file(path)
    try:
        found = loadmat(io.BytesIO(content), variable_names=("X", "y"))
    # A damaged file can fail in any way at all.
    except Exception as error:
        raise InputError(
            f"{path}: {type(error).__name__}: {first_line(error)} in {len(content)} bytes; expected a whole MATLAB "
            "file of version 5: fetch it again"
        ) from error
    images: Any = found.get("X")
    labels: Any = found.get("y")
    if not _is_bytes(images) or images.ndim != 4 or images.shape[:3] != (32, 32, 3) or not images.shape[3]:
        raise InputError(f"{path}: X is {_what(images)}; expected uint8 [32, 32, 3, n_images]")
    n_images = images.shape[3]
    if not isinstance(labels, np.ndarray) or labels.dtype.kind not in "uif" or labels.size != n_images:
        raise InputError(f"{path}: y is {_what(labels)}; expected {n_images} labels, one for each image in X")
    return np.ascontiguousarray(images.transpose(3, 2, 0, 1)), _digits(labels.ravel(), path)


def _digits(labels: Any, path: Path) -> UInt8[np.ndarray, " n_images"]:
    wrong = np.flatnonzero(~np.isin(labels, range(1, LABEL_OF_ZERO + 1)))
    if wrong.size:
        raise InputError(
            f"{path}: image {wrong[0]} has label {labels[wrong[0]]}; expected 1 to {LABEL_OF_ZERO}, which stands for 0 "
            f"({wrong.size} of {labels.size} labels are out of range)"
        )
    return (labels % LABEL_OF_ZERO).astype(np.uint8)


def _is_bytes(images: Any) -> bool:
    return isinstance(images, np.ndarray) and images.dtype == np.uint8


def _what(value: object) -> str:
    if value is None:
        return "not there"
    return f"{value.dtype} {list(value.shape)}" if isinstance(value, np.ndarray) else f"a {type(value).__name__}"
