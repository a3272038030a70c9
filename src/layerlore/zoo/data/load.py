"""One call for all data sets."""

from __future__ import annotations

from pathlib import Path

from layerlore.errors import InputError, check_choice
from layerlore.zoo.data.cifar import TEST_FILE, TRAIN_FILES, read_cifar10
from layerlore.zoo.data.digits import read_digits
from layerlore.zoo.data.mnist import FILES, read_mnist
from layerlore.zoo.data.sets import DataSets

FILES_OF = {
    "digits": (),
    "mnist": FILES,
    "fashion_mnist": FILES,
    "cifar10": (TRAIN_FILES[0], "...", TRAIN_FILES[-1], TEST_FILE),
}


def load_data(name: str, root: str | Path | None = None) -> DataSets:
    """Read a data set: images in [0, 1] as float32, labels as int64.

    Args:
        name: ``"digits"`` (scikit-learn's, no files), ``"mnist"``,
            ``"fashion_mnist"`` (four idx files) or ``"cifar10"`` (binary version).
        root: the folder that holds the files themselves, each plain or
            ``.gz``. Nothing is ever downloaded.

    Returns:
        Training and test images ``[n_samples, channels, height, width]`` with
        their labels and class names.

    Raises:
        InputError: ``name`` is unknown; ``root`` is missing, or given for
            ``"digits"``; a file is missing or is not what it should be.
        MissingExtraError: ``"digits"`` without scikit-learn.
    """
    check_choice(name, FILES_OF, "data")
    if name == "digits":
        if root is not None:
            raise InputError(f"root={str(root)!r}: the data set 'digits' comes with scikit-learn; leave root out")
        return read_digits()
    if root is None:
        raise InputError(
            f"the data set {name!r} is read from files: set root to the folder that holds "
            f"{', '.join(FILES_OF[name])} (each plain or .gz)"
        )
    return read_cifar10(Path(root)) if name == "cifar10" else read_mnist(Path(root), name)
