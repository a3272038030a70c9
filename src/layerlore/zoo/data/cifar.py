"""CIFAR-10, binary version, gzip-ed or plain.

A file is a row of records of 3,073 bytes: one label, then 32x32 red, green and
blue values, row by row.

Source: Krizhevsky 2009, "Learning Multiple Layers of Features from Tiny Images".
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from layerlore.errors import InputError
from layerlore.zoo.data.files import check_labels, locate, read_file, require
from layerlore.zoo.data.sets import DataSets, from_bytes

TRAIN_FILES = tuple(f"data_batch_{index}.bin" for index in range(1, 6))
TEST_FILE = "test_batch.bin"
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
IMAGE_SHAPE = (3, 32, 32)
RECORD_BYTES = 1 + 3 * 32 * 32


def read_cifar10(root: Path) -> DataSets:
    """CIFAR-10 from ``data_batch_1.bin`` to ``_5`` and ``test_batch.bin`` in ``root``.

    A part of the data set is accepted: fewer training files, as long as none
    between is missing, and any number of records in a file.

    Raises:
        InputError: a file is missing, is cut short or of another format, or a
            label is out of range.
    """
    paths = _train_paths(root)
    test_path = require(root, TEST_FILE)
    records = np.concatenate([read_records(path) for path in paths])
    test_records = read_records(test_path)
    return DataSets(
        train=from_bytes(_images(records), records[:, 0]),
        test=from_bytes(_images(test_records), test_records[:, 0]),
        classes=CLASSES,
        name="cifar10",
    )


def read_records(path: Path) -> UInt8[np.ndarray, "n_records 3073"]:
    """The records of one file, labels checked.

    Raises:
        InputError: no whole number of records, none at all, or a label above 9.
    """
    content = read_file(path)
    n_records, n_over = divmod(len(content), RECORD_BYTES)
    if n_over or not n_records:
        raise InputError(
            f"{path}: {len(content)} bytes, {n_records} records and {n_over} bytes over; expected whole records of "
            f"{RECORD_BYTES} bytes, the binary version of CIFAR-10"
        )
    records = np.frombuffer(content, np.uint8).reshape(n_records, RECORD_BYTES)
    check_labels(records[:, 0], CLASSES, path)
    return records


def _train_paths(root: Path) -> list[Path]:
    n_present = max((index for index, name in enumerate(TRAIN_FILES, 1) if locate(root, name)), default=1)
    return [require(root, name) for name in TRAIN_FILES[:n_present]]


def _images(records: UInt8[np.ndarray, "n_records 3073"]) -> UInt8[np.ndarray, "n_records 3 32 32"]:
    return records[:, 1:].reshape(-1, *IMAGE_SHAPE)
