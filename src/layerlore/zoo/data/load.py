"""One call for all data sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from layerlore.errors import InputError, check_choice, closest
from layerlore.zoo.data import census, mnist, sst2, svhn
from layerlore.zoo.data.cifar import CIFAR10_FILES, CIFAR100_FILES, read_cifar10, read_cifar100
from layerlore.zoo.data.digits import read_digits
from layerlore.zoo.data.download import fetch
from layerlore.zoo.data.files import home, locate
from layerlore.zoo.data.sets import DataSets, Sentences


@dataclass(frozen=True)
class Source:
    """How one data set is read.

    Attributes:
        title: the name that people know it by.
        kind: ``"images"``, ``"table"`` or ``"sentences"``.
        read: reads it from a folder, with its options.
        versions: the files of each version of it, the one that can be fetched first.
        options: of each option of ``read``, what it may be, its default first.
    """

    title: str
    kind: str
    read: Callable[..., Any]
    versions: tuple[tuple[str, ...], ...] = ()
    options: Mapping[str, tuple[object, ...]] = field(default_factory=dict)


SOURCES: dict[str, Source] = {
    "digits": Source("digits of 8x8 pixels that come with scikit-learn", "images", read_digits),
    "mnist": Source("MNIST", "images", lambda root: mnist.read_mnist(root, "mnist"), (mnist.FILES,)),
    "fashion_mnist": Source(
        "Fashion-MNIST", "images", lambda root: mnist.read_mnist(root, "fashion_mnist"), (mnist.FILES,)
    ),
    "cifar10": Source("CIFAR-10", "images", read_cifar10, (CIFAR10_FILES.python_files, CIFAR10_FILES.binary_files)),
    "cifar100": Source(
        "CIFAR-100",
        "images",
        read_cifar100,
        (CIFAR100_FILES.python_files, CIFAR100_FILES.binary_files),
        {"labels": ("fine", "coarse")},
    ),
    "svhn": Source(
        "SVHN, cropped digits",
        "images",
        svhn.read_svhn,
        ((svhn.TRAIN_FILE, svhn.TEST_FILE),),
        {"extra": (False, True)},
    ),
    "census": Source(
        "UCI Adult",
        "table",
        census.read_census,
        ((census.TRAIN_FILE, census.TEST_FILE),),
        {"missing": census.MISSING, "unseen": census.UNSEEN},
    ),
    "sst2": Source("SST-2", "sentences", sst2.read_sst2, ((sst2.TRAIN_FILE, sst2.VALIDATION_FILE),)),
}
"""Every data set of the zoo, by name."""

DATA = tuple(name for name, source in SOURCES.items() if source.kind != "sentences")
"""What `load_data` reads."""

SENTENCES = tuple(name for name, source in SOURCES.items() if source.kind == "sentences")
"""What `load_sentences` reads."""


def load_data(name: str, root: str | Path | None = None, *, download: bool = False, **options: object) -> DataSets:
    """Read a data set of images or a table.

    Args:
        name: ``"digits"`` (scikit-learn's, no files), ``"mnist"``, ``"fashion_mnist"`` (four idx files),
            ``"cifar10"``, ``"cifar100"`` (binary or Python version), ``"svhn"`` (MATLAB files) or ``"census"``
            (UCI Adult).
        root: the folder that holds the files themselves, each plain or ``.gz``; or the folder above it, where that
            one is called ``name``.
        download: fetch the official files where they are missing, into ``root/name`` (``root`` itself where that is
            its name already).
        **options: ``labels`` ("fine", "coarse") of cifar100, ``extra`` of svhn, ``missing`` ("keep", "drop") and
            ``unseen`` ("error", "drop", "zeros") of census: see their readers.

    Returns:
        Training and test samples with their labels and class names: images ``[n_samples, channels, height, width]``
        in [0, 1]; of ``"census"`` a `TableSets`.

    Raises:
        InputError: a name or an option is unknown; ``root`` is missing, or given for ``"digits"``; a file is missing,
            is not what it should be, or cannot be fetched.
        MissingExtraError: scikit-learn (digits), SciPy (svhn) or pooch (``download``) is not installed.
    """
    if name in SENTENCES:
        raise InputError(f"data={name!r} is made of sentences: read it with load_sentences({name!r}, root)")
    check_choice(name, DATA, "data")
    return _read(name, root, download, options)


def load_sentences(name: str, root: str | Path | None = None, *, download: bool = False) -> Sentences:
    """Read a data set of sentences.

    Args:
        name: ``"sst2"``.
        root: as in `load_data`.
        download: as in `load_data`.

    Raises:
        InputError: ``name`` is unknown; ``root`` is missing; a file is missing, is not what it should be, or cannot
            be fetched.
        MissingExtraError: pooch (``download``) is not installed.
    """
    check_choice(name, SENTENCES, "data")
    return _read(name, root, download, {})


def _read(name: str, root: str | Path | None, download: bool, options: Mapping[str, object]) -> Any:
    source = SOURCES[name]
    _check_options(name, options)
    if not source.versions:
        if root is not None:
            raise InputError(f"root={str(root)!r}: the data set {name!r} comes with scikit-learn; leave root out")
        return source.read(**options)
    if root is None:
        raise InputError(
            f"the data set {name!r} is read from files: set root to the folder that holds "
            f"{_listed(source.versions[0])} (each plain or .gz)"
            + ("" if download else ", or set download=True as well to fetch them into it")
        )
    folder = home(Path(root), name)
    if download:
        folder = _fetched(name, Path(root), folder, options)
    return source.read(folder, **options)


def _fetched(name: str, root: Path, folder: Path, options: Mapping[str, object]) -> Path:
    """The folder that has the files of some version, after fetching what was missing."""
    first, *others = SOURCES[name].versions
    if any(all(locate(folder, file) for file in version) for version in others):
        return folder
    wanted = (*first, svhn.EXTRA_FILE) if options.get("extra") else first
    # Data sets of one root must not mix: MNIST and Fashion-MNIST have files of the same names.
    if folder == root and root.name != name and not all(locate(folder, file) for file in wanted):
        folder = root / name
    fetch(name, folder, wanted)
    return folder


def _check_options(name: str, options: Mapping[str, object]) -> None:
    known = SOURCES[name].options
    for option, value in options.items():
        if option not in known:
            raise InputError(f"{option}={value!r} is no option of the data set {name!r}; {closest(option, known)}")
        # True is 1 to `in`, and 1 is no choice.
        if type(value) is not type(known[option][0]) or value not in known[option]:
            shown = " or ".join(map(repr, known[option]))
            raise InputError(f"{option}={value!r} of the data set {name!r} must be {shown}")


def _listed(names: tuple[str, ...]) -> str:
    return f"{names[0]}, ..., {names[-1]}" if len(names) > 4 else ", ".join(names)
