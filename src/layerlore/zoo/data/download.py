"""Fetching the official files, each checked against its published checksum before it gets its name.

Of CIFAR the Python version is fetched: for every file in it a checksum is published.
"""

from __future__ import annotations

import logging
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from layerlore.errors import InputError, first_line, missing_extra
from layerlore.zoo.data.checksums import OFFICIAL, is_official
from layerlore.zoo.data.files import locate

SECONDS = 60
"""Wait this long for a server to say anything."""


@dataclass(frozen=True)
class Remote:
    """One file on a server.

    Attributes:
        url: its address.
        checksum: ``algorithm:digest`` of its bytes as they come.
        members: of an archive, the path in it of each file that is wanted, by the file's name; empty where the
            file itself is wanted.
    """

    url: str
    checksum: str
    members: dict[str, str]

    @property
    def name(self) -> str:
        """The last part of the address."""
        return self.url.rpartition("/")[2]

    @property
    def gives(self) -> tuple[str, ...]:
        """Names of the files that come of it, without ``.gz``."""
        return tuple(self.members) or (self.name.removesuffix(".gz"),)


def _idx(server: str, checksums: dict[str, str]) -> tuple[Remote, ...]:
    return tuple(Remote(f"{server}/{name}-ubyte.gz", f"md5:{md5}", {}) for name, md5 in checksums.items())


def _cifar(archive: str, checksum: str, folder: str, names: tuple[str, ...]) -> tuple[Remote, ...]:
    url = f"https://www.cs.toronto.edu/~kriz/{archive}"
    return (Remote(url, checksum, {name: f"{folder}/{name}" for name in names}),)


REMOTE: dict[str, tuple[Remote, ...]] = {
    "mnist": _idx(
        "https://ossci-datasets.s3.amazonaws.com/mnist",
        {
            "train-images-idx3": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "train-labels-idx1": "d53e105ee54ea40749a09fcbcd1e9432",
            "t10k-images-idx3": "9fb629c4189551a2d022fa330f9573f3",
            "t10k-labels-idx1": "ec29112dd5afa0611ce80d1b7f02629c",
        },
    ),
    "fashion_mnist": _idx(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        {
            "train-images-idx3": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "train-labels-idx1": "25c81989df183df01b3e8a0aad5dffbe",
            "t10k-images-idx3": "bef4ecab320f06d8554ea6380940ec79",
            "t10k-labels-idx1": "bb300cfdad3c16e7a12a480ee83cd310",
        },
    ),
    "cifar10": _cifar(
        "cifar-10-python.tar.gz",
        "md5:c58f30108f718f92721af3b95e74349a",
        "cifar-10-batches-py",
        (*(f"data_batch_{index}" for index in range(1, 6)), "test_batch", "batches.meta"),
    ),
    "cifar100": _cifar(
        "cifar-100-python.tar.gz",
        "md5:eb9058c3a382ffc7106e4002c42a8d85",
        "cifar-100-python",
        ("train", "test", "meta"),
    ),
    "svhn": tuple(
        Remote(f"http://ufldl.stanford.edu/housenumbers/{name}", OFFICIAL["svhn"][name], {})
        for name in ("train_32x32.mat", "test_32x32.mat", "extra_32x32.mat")
    ),
    "sst2": (
        Remote(
            "https://dl.fbaipublicfiles.com/glue/data/SST-2.zip",
            "md5:9f81648d4199384278b86e315dac217c",
            {name: f"SST-2/{name}" for name in ("train.tsv", "dev.tsv")},
        ),
    ),
    "census": tuple(
        Remote(f"https://archive.ics.uci.edu/ml/machine-learning-databases/adult/{name}", checksum, {})
        for name, checksum in OFFICIAL["census"].items()
    ),
}
"""Where the files of each data set are."""


def fetch(name: str, folder: Path, wanted: tuple[str, ...]) -> None:
    """Fetch those of the files ``wanted`` (names without ``.gz``) that are not in ``folder``, which is made.

    A file gets its name in one step, after its checksum was found right; an archive is unpacked beside and removed.
    Files that are there stay as they are.

    Raises:
        InputError: a file that is there is not the official one, so that the fetched ones would not belong to it;
            the files cannot be fetched, or are not what they should be.
        MissingExtraError: pooch is not installed.
    """
    there = {file: path for file in wanted if (path := locate(folder, file))}
    missing = [file for file in wanted if file not in there]
    if not missing:
        return
    foreign = [str(path) for path in there.values() if not is_official(name, path)]
    if foreign:
        raise InputError(
            f"download=True: {', '.join(foreign)} is not the official file of {name!r}, so the {len(missing)} missing "
            f"ones ({', '.join(missing)}) would not belong to it: name an empty folder as root, or leave download out "
            "to read what is there"
        )
    try:
        import pooch
    except ImportError as error:
        raise missing_extra("pooch", "data", "downloading") from error
    is_new = not folder.is_dir()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # In the folder itself, so that the last step is a renaming on one file system.
        with tempfile.TemporaryDirectory(prefix=".fetching-", dir=folder) as beside, _quiet(pooch.get_logger()):
            for remote in REMOTE[name]:
                if set(remote.gives) & set(missing):
                    _fetch_one(name, remote, Path(beside), folder, wanted)
    except OSError as error:
        raise InputError(f"{folder}: {error}; a folder that can be written to is needed to fetch files") from error
    finally:
        # An empty folder with the data set's name would hide files in the one above it.
        if is_new:
            with suppress(OSError):
                folder.rmdir()


def _fetch_one(name: str, remote: Remote, beside: Path, folder: Path, wanted: tuple[str, ...]) -> None:
    import pooch

    try:
        path = Path(
            pooch.retrieve(
                remote.url,
                remote.checksum,
                fname=remote.name,
                path=beside,
                downloader=pooch.HTTPDownloader(timeout=SECONDS),  # pyright: ignore[reportArgumentType]
            )
        )
    # No connection, a slow server, a full disk (OSError, as those of requests are); another checksum (ValueError).
    except (OSError, ValueError) as error:
        raise InputError(
            f"{remote.url} cannot be fetched ({type(error).__name__}: {first_line(error)}): where there is no network, "
            f"fetch it elsewhere and put {_by_hand(remote)} into {folder}"
        ) from error
    if remote.members:
        _unpack(name, remote, path, folder, wanted)
    else:
        path.replace(folder / remote.name)


def _unpack(name: str, remote: Remote, archive: Path, folder: Path, wanted: tuple[str, ...]) -> None:
    with _members(archive) as open_member:
        for file, member in remote.members.items():
            if file not in wanted or locate(folder, file):
                continue
            part = archive.with_name(file)
            try:
                # Only members asked for by name are read, so no path in the archive is ever followed.
                with open_member(member) as source, part.open("wb") as target:
                    shutil.copyfileobj(source, target)
            except KeyError as error:
                raise InputError(f"{remote.url}: there is no {member} in it") from error
            if not is_official(name, part):
                raise InputError(f"{remote.url}: {member} in it has another checksum than the published one")
            part.replace(folder / file)


@contextmanager
def _members(archive: Path) -> Iterator[Any]:
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as opened:
            yield opened.open
        return
    with tarfile.open(archive) as opened:
        yield opened.extractfile


def _by_hand(remote: Remote) -> str:
    if not remote.members:
        return remote.name
    return f"{', '.join(remote.members)} of it"


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
