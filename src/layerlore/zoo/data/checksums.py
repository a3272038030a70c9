"""Checksums of the published files, and what they say about the files at hand.

Every checksum is of the file unpacked, so that a file packed again by somebody else still counts as the official one.

Source: torchvision (CIFAR's Python versions, SVHN; the packed MNIST and Fashion-MNIST in `download`), MXNet (CIFAR's
binary versions, SHA-1), PaddleNLP (SST-2), the many copies of UCI Adult; MNIST and Adult checked on the files.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, cast

from layerlore.errors import InputError

OFFICIAL: dict[str, dict[str, str]] = {
    "mnist": {
        "train-images-idx3-ubyte": "md5:6bbc9ace898e44ae57da46a324031adb",
        "train-labels-idx1-ubyte": "md5:a25bea736e30d166cdddb491f175f624",
        "t10k-images-idx3-ubyte": "md5:2646ac647ad5339dbf082846283269ea",
        "t10k-labels-idx1-ubyte": "md5:27ae3e4e09519cfbb04c329615203637",
    },
    "fashion_mnist": {
        "train-images-idx3-ubyte": "md5:f4a8712d7a061bf5bd6d2ca38dc4d50a",
        "train-labels-idx1-ubyte": "md5:9018921c3c673c538a1fc5bad174d6f9",
        "t10k-images-idx3-ubyte": "md5:8181f5470baa50b63fa0f6fddb340f0a",
        "t10k-labels-idx1-ubyte": "md5:15d484375f8d13e6eb1aabb0c3f46965",
    },
    "cifar10": {
        "data_batch_1": "md5:c99cafc152244af753f735de768cd75f",
        "data_batch_2": "md5:d4bba439e000b95fd0a9bffe97cbabec",
        "data_batch_3": "md5:54ebc095f3ab1f0389bbae665268c751",
        "data_batch_4": "md5:634d18415352ddfa80567beed471001a",
        "data_batch_5": "md5:482c414d41f54cd18b22e5b47cb7c3cb",
        "test_batch": "md5:40351d587109b95175f43aff81a1287e",
        "batches.meta": "md5:5ff9c542aee3614f3951f8cda6e48888",
        "data_batch_1.bin": "sha1:aadd24acce27caa71bf4b10992e9e7b2d74c2540",
        "data_batch_2.bin": "sha1:c0ba65cce70568cd57b4e03e9ac8d2a5367c1795",
        "data_batch_3.bin": "sha1:1dd00a74ab1d17a6e7d73e185b69dbf31242f295",
        "data_batch_4.bin": "sha1:aab85764eb3584312d3c7f65fd2fd016e36a258e",
        "data_batch_5.bin": "sha1:26e2849e66a845b7f1e4614ae70f4889ae604628",
        "test_batch.bin": "sha1:67eb016db431130d61cd03c7ad570b013799c88c",
    },
    "cifar100": {
        "train": "md5:16019d7e3df5f24257cddd939b257f8d",
        "test": "md5:f0ef6b0ae62326f3e7ffdfab6717acfc",
        "meta": "md5:7973b15100ade9c7d40fb424638fde48",
        "train.bin": "sha1:e207cd2e05b73b1393c74c7f5e7bea451d63e08e",
        "test.bin": "sha1:8fb6623e830365ff53cf14adec797474f5478006",
    },
    "svhn": {
        "train_32x32.mat": "md5:e26dedcc434d2e4c54c9b2d4a06d8373",
        "test_32x32.mat": "md5:eb5a983be6a315427106f1b164d9cef3",
        "extra_32x32.mat": "md5:a93ce644f1a588dc4d68dda5feec44a7",
    },
    "sst2": {
        "train.tsv": "md5:da409a0a939379ed32a470bc0f7fe99a",
        "dev.tsv": "md5:268856b487b2a31a28c0a93daaff7288",
    },
    "census": {
        "adult.data": "md5:5d7c39d7b8804f071cdd1f2a7c460872",
        "adult.test": "md5:35238206dfdf7f1fe215bbb874adecdc",
    },
}
"""Data set -> name of the unpacked file -> ``algorithm:digest`` of its bytes."""

CHUNK = 1 << 20


def verdicts(name: str, paths: Iterable[Path]) -> dict[str, str]:
    """``"official"``, ``"other"`` or ``"unknown"`` for each file of the data set ``name``, by the file's name.

    Raises:
        InputError: a file is the official one of *another* data set whose files have the same names.
    """
    return {path.name: _verdict(name, path) for path in paths}


def is_official(name: str, path: Path) -> bool:
    """Whether the file is the published one of the data set ``name``, byte for byte."""
    known = OFFICIAL[name].get(plain_name(path))
    return known is not None and known == digest(path, known.partition(":")[0])


def digest(path: Path, algorithm: str) -> str:
    """``algorithm:digest`` of a file's bytes, unpacked where its name ends in ``.gz``.

    Raises:
        InputError: the file cannot be read or unpacked.
    """
    # These find accidents, not attacks: MD5 and SHA-1 are what the sources publish.
    found = hashlib.new(algorithm, usedforsecurity=False)
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            while chunk := cast("BinaryIO", file).read(CHUNK):
                found.update(chunk)
    except (EOFError, zlib.error, OSError) as error:
        raise InputError(f"{path}: {error}; it cannot be read to the end: fetch it again") from error
    return f"{algorithm}:{found.hexdigest()}"


def plain_name(path: Path) -> str:
    """The name of a file without its ``.gz``."""
    return path.name.removesuffix(".gz")


def _verdict(name: str, path: Path) -> str:
    plain = plain_name(path)
    known = OFFICIAL.get(name, {}).get(plain)
    if known is None:
        return "unknown"
    found = digest(path, known.partition(":")[0])
    for owner, files in OFFICIAL.items():
        if owner != name and files.get(plain) == found:
            raise InputError(
                f"{path} is the file of the data set {owner!r}, not of {name!r} (its checksum is {found}): "
                "point root at the right folder"
            )
    return "official" if found == known else "other"
