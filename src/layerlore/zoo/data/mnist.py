"""MNIST and Fashion-MNIST: the idx format, gzip-ed or plain.

An idx file starts with two zero bytes, a byte for the type (8: unsigned byte)
and a byte for the number of axes; then comes the length of each axis as a
big-endian 32-bit number, then the values.

Source: LeCun, Cortes, Burges, "The MNIST database of handwritten digits";
Xiao, Rasul, Vollgraf 2017, "Fashion-MNIST" (arXiv 1708.07747).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from torch.utils.data import TensorDataset

from layerlore.errors import InputError
from layerlore.zoo.data.checksums import verdicts
from layerlore.zoo.data.files import check_labels, read_file, require
from layerlore.zoo.data.sets import DataSets, from_bytes

FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
CLASSES = {
    "mnist": tuple("0123456789"),
    "fashion_mnist": (
        "T-shirt/top",
        "trouser",
        "pullover",
        "dress",
        "coat",
        "sandal",
        "shirt",
        "sneaker",
        "bag",
        "ankle boot",
    ),
}
SIDE = 28
UNSIGNED_BYTE = 8


def read_mnist(root: Path, name: str) -> DataSets:
    """``"mnist"`` or ``"fashion_mnist"`` from the four idx files in ``root``.

    Images are ``[1, 28, 28]``; the numbers of images are those of the files.

    Raises:
        InputError: a file is missing, cut short, of another format or of another
            size, a label is out of range, or the files are those of the other of the two.
    """
    train_images, train_labels, test_images, test_labels = FILES
    classes = CLASSES[name]
    return DataSets(
        train=_read_pair(root, train_images, train_labels, classes),
        test=_read_pair(root, test_images, test_labels, classes),
        classes=classes,
        name=name,
        files=verdicts(name, [require(root, file) for file in FILES]),
    )


def read_idx(path: Path, n_axes: int) -> UInt8[np.ndarray, "..."]:
    """The array of an idx file of unsigned bytes.

    Raises:
        InputError: the magic number or the number of bytes is not what it should be.
    """
    content = read_file(path)
    magic = bytes((0, 0, UNSIGNED_BYTE, n_axes))
    if content[:4] != magic:
        found = f"0x{content[:4].hex()}" if content else "an empty file"
        raise InputError(
            f"{path}: the magic number is {found}; expected 0x{magic.hex()}, an idx file of "
            f"unsigned bytes with {n_axes} axes"
        )
    n_header = 4 + 4 * n_axes
    if len(content) < n_header:
        raise InputError(f"{path}: {len(content)} bytes; expected a header of {n_header}: fetch the file again")
    shape = tuple(np.frombuffer(content, ">u4", n_axes, offset=4).tolist())
    expected = n_header + int(np.prod(shape, dtype=object))
    if len(content) != expected:
        raise InputError(
            f"{path}: {len(content)} bytes; expected {expected} for the shape {shape} that its header states: "
            "fetch the file again"
        )
    return np.frombuffer(content, np.uint8, offset=n_header).reshape(shape)


def _read_pair(root: Path, images_name: str, labels_name: str, classes: tuple[str, ...]) -> TensorDataset:
    images_path, labels_path = require(root, images_name), require(root, labels_name)
    images, labels = read_idx(images_path, 3), read_idx(labels_path, 1)
    if images.shape[1:] != (SIDE, SIDE) or not len(images):
        raise InputError(f"{images_path}: images of shape {images.shape}; expected [n_samples, {SIDE}, {SIDE}]")
    if len(images) != len(labels):
        raise InputError(f"{labels_path}: {len(labels)} labels; expected {len(images)}, as many as images beside it")
    check_labels(labels, classes, labels_path)
    return from_bytes(images[:, None], labels)
