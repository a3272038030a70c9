"""CIFAR-10 and CIFAR-100, binary and Python versions, gzip-ed or plain.

A file of the binary version is a row of records: one label (CIFAR-100: the
coarse one, then the fine one), then 32x32 red, green and blue values, row by
row. A file of the Python version is a pickle of a dictionary with the same
values, see `read_pickle`.

Source: Krizhevsky 2009, "Learning Multiple Layers of Features from Tiny Images".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Integer, UInt8

from layerlore.errors import InputError
from layerlore.zoo.data.checksums import verdicts
from layerlore.zoo.data.cifar_classes import CIFAR10, CIFAR100, CIFAR100_COARSE
from layerlore.zoo.data.files import any_of, check_labels, locate, read_file, read_text, require, require_first
from layerlore.zoo.data.pickles import read_pickle
from layerlore.zoo.data.sets import DataSets, from_bytes

IMAGE_SHAPE = (3, 32, 32)
IMAGE_BYTES = 3 * 32 * 32


@dataclass(frozen=True)
class Labels:
    """One kind of label, and where each version keeps it.

    Attributes:
        classes: the official names, label 0 first.
        column: its byte in a record of the binary version.
        key: its name in the dictionaries of the Python version.
        names_key: the name of its class names in the Python version's file of names.
        names_text: the file of its class names, one a line, in the binary version.
    """

    classes: tuple[str, ...]
    column: int
    key: str
    names_key: str
    names_text: str


@dataclass(frozen=True)
class Cifar:
    """Names and layout of the files of one of the two data sets."""

    name: str
    train: tuple[str, ...]
    test: str
    meta: str
    labels: dict[str, Labels]

    @property
    def binary_files(self) -> tuple[str, ...]:
        """The files of the binary version."""
        return tuple(f"{name}.bin" for name in (*self.train, self.test))

    @property
    def python_files(self) -> tuple[str, ...]:
        """The files of the Python version."""
        return (*self.train, self.test, self.meta)

    @property
    def label_bytes(self) -> int:
        """Bytes before the pixels in a record of the binary version."""
        return len(self.labels)

    @property
    def title(self) -> str:
        """The name that people know the data set by."""
        return self.name.upper().replace("CIFAR", "CIFAR-")


CIFAR10_FILES = Cifar(
    name="cifar10",
    train=tuple(f"data_batch_{index}" for index in range(1, 6)),
    test="test_batch",
    meta="batches.meta",
    labels={"fine": Labels(CIFAR10, 0, "labels", "label_names", "batches.meta.txt")},
)
CIFAR100_FILES = Cifar(
    name="cifar100",
    train=("train",),
    test="test",
    meta="meta",
    labels={
        "fine": Labels(CIFAR100, 1, "fine_labels", "fine_label_names", "fine_label_names.txt"),
        "coarse": Labels(CIFAR100_COARSE, 0, "coarse_labels", "coarse_label_names", "coarse_label_names.txt"),
    },
)


def read_cifar10(root: Path) -> DataSets:
    """CIFAR-10 from ``data_batch_1`` to ``_5`` and ``test_batch`` in ``root``, each with ``.bin`` or all without.

    See `read_cifar`.
    """
    return read_cifar(root, CIFAR10_FILES, "fine")


def read_cifar100(root: Path, labels: str = "fine") -> DataSets:
    """CIFAR-100 from ``train`` and ``test`` in ``root``, both with ``.bin`` or both without.

    Labels are the 100 ``"fine"`` or the 20 ``"coarse"`` ones. See `read_cifar`.
    """
    return read_cifar(root, CIFAR100_FILES, labels)


def read_cifar(root: Path, cifar: Cifar, kind: str) -> DataSets:
    """Either data set, in the version that is there; the binary one where both are.

    A part of the data set is accepted: fewer training files, as long as none
    between is missing, and any number of images in a file. Class names are
    those of the file of names where there is one beside the data.

    Raises:
        InputError: a file is missing, is cut short or of another format, or a
            label is out of range.
    """
    labels = cifar.labels[kind]
    binary = any_of(root, cifar.binary_files) or not any_of(root, cifar.python_files)
    suffix = ".bin" if binary else ""
    paths = [*require_first(root, [name + suffix for name in cifar.train]), require(root, cifar.test + suffix)]
    names_path = locate(root, labels.names_text if binary else cifar.meta)
    classes = labels.classes if names_path is None else _class_names(names_path, labels, binary)
    read = _read_binary if binary else _read_python
    parts = [read(path, cifar, labels) for path in paths]
    for path, (_, numbers) in zip(paths, parts, strict=True):
        check_labels(numbers, classes, path)
    images, numbers = (np.concatenate(arrays) for arrays in zip(*parts[:-1], strict=True))
    return DataSets(
        train=from_bytes(images, numbers.astype(np.uint8)),
        test=from_bytes(parts[-1][0], parts[-1][1].astype(np.uint8)),
        classes=classes,
        name=cifar.name,
        files=verdicts(cifar.name, paths if names_path is None else [*paths, names_path]),
    )


Part = tuple[UInt8[np.ndarray, "n_images 3 32 32"], Integer[np.ndarray, " n_images"]]
"""Images and labels of one file."""


def _read_binary(path: Path, cifar: Cifar, labels: Labels) -> Part:
    records = read_records(path, cifar.label_bytes, cifar.title)
    return records[:, cifar.label_bytes :].reshape(-1, *IMAGE_SHAPE), records[:, labels.column]


def read_records(path: Path, label_bytes: int, title: str) -> UInt8[np.ndarray, "n_records record_bytes"]:
    """The records of one file of the binary version.

    Raises:
        InputError: no whole number of records, or none at all.
    """
    content = read_file(path)
    record_bytes = label_bytes + IMAGE_BYTES
    n_records, n_over = divmod(len(content), record_bytes)
    if n_over or not n_records:
        raise InputError(
            f"{path}: {len(content)} bytes, {n_records} records and {n_over} bytes over; expected whole records of "
            f"{record_bytes} bytes, the binary version of {title}"
        )
    return np.frombuffer(content, np.uint8).reshape(n_records, record_bytes)


def _read_python(path: Path, cifar: Cifar, labels: Labels) -> Part:
    batch = read_pickle(path)
    pixels: Any = batch.get("data")
    numbers: Any = batch.get(labels.key)
    if not isinstance(pixels, np.ndarray) or pixels.ndim != 2 or pixels.shape[1] != IMAGE_BYTES or not len(pixels):
        shape = f"an array of shape {pixels.shape}" if isinstance(pixels, np.ndarray) else _what(pixels)
        raise InputError(
            f"{path}: 'data' is {shape}; expected bytes [n_images, {IMAGE_BYTES}], the Python version of {cifar.title}"
        )
    if not _are_whole(numbers) or len(numbers) != len(pixels):
        found = f"{len(numbers)} whole numbers" if _are_whole(numbers) else _what(numbers)
        raise InputError(f"{path}: {labels.key!r} is {found}; expected {len(pixels)} labels, one for each image")
    return pixels.reshape(-1, *IMAGE_SHAPE), np.array(numbers, dtype=np.int64)


def _class_names(path: Path, labels: Labels, binary: bool) -> tuple[str, ...]:
    if binary:
        names: Any = [line.strip() for line in read_text(path).splitlines() if line.strip()]
    else:
        names = read_pickle(path).get(labels.names_key)
    are_names = isinstance(names, list) and all(isinstance(name, (str, bytes)) for name in names)
    if not are_names or not len(set(names)) == len(names) == len(labels.classes):
        raise InputError(
            f"{path}: {_what(names)} for names of classes; expected a list of {len(labels.classes)} different ones"
        )
    return tuple(name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name) for name in names)


def _are_whole(numbers: Any) -> bool:
    # A label too long for 64 bits would be an OverflowError further on.
    return isinstance(numbers, list) and all(type(number) is int and abs(number) < 2**31 for number in numbers)


def _what(value: object) -> str:
    if value is None:
        return "not there"
    return f"{len(value)} entries" if isinstance(value, Sequence) else f"a {type(value).__name__}"
