"""The metadata of `torch.distributed.checkpoint`, a pickle, read without running anything that it names.

Every class in it is replaced by one of the inert stand-ins below; any other name is refused. So no code of the file is
run, and none of torch's that a file could have chosen.
"""

from __future__ import annotations

import io
import pickle
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from layerlore.errors import InputError, first_line
from layerlore.networks.checkpoints.raw import unreadable

METADATA = ".metadata"
_MODULE = "torch.distributed.checkpoint."


class Fields:
    """Stands in for any dataclass of the metadata: its fields, and nothing it could do."""

    def __init__(self, *_: object) -> None:
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.__dict__.update(state if isinstance(state, dict) else {"state": state})


class TensorFields(Fields):
    """Stands in for ``TensorStorageMetadata``."""


class BytesFields(Fields):
    """Stands in for ``BytesStorageMetadata``."""


class Index(Fields):
    """Stands in for ``MetadataIndex``, a key: name of an entry, and offset of its chunk."""

    fqn: str = ""
    offset: tuple[int, ...] | None = None

    def __hash__(self) -> int:
        return hash((self.fqn, self.offset))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Index) and (self.fqn, self.offset) == (other.fqn, other.offset)


def _no_call(*_: object) -> None:
    return None


_ALLOWED: dict[tuple[str, str], Any] = {
    (_MODULE + "metadata", "Metadata"): Fields,
    (_MODULE + "metadata", "TensorStorageMetadata"): TensorFields,
    (_MODULE + "metadata", "BytesStorageMetadata"): BytesFields,
    (_MODULE + "metadata", "ChunkStorageMetadata"): Fields,
    (_MODULE + "metadata", "TensorProperties"): Fields,
    (_MODULE + "metadata", "StorageMeta"): Fields,
    (_MODULE + "metadata", "MetadataIndex"): Index,
    (_MODULE + "metadata", "_MEM_FORMAT_ENCODING"): _no_call,
    (_MODULE + "filesystem", "_StorageInfo"): Fields,
    ("torch", "Size"): tuple,
    ("torch.serialization", "_get_layout"): _no_call,
    ("collections", "OrderedDict"): dict,
    ("pathlib", "PosixPath"): _no_call,
    ("pathlib", "WindowsPath"): _no_call,
    ("pathlib", "PurePosixPath"): _no_call,
    ("pathlib._local", "PosixPath"): _no_call,
}


class _Reader(pickle.Unpickler):
    # Nothing but stand-ins and dtypes.
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _ALLOWED:
            return _ALLOWED[module, name]
        dtype = getattr(torch, name, None) if module == "torch" else None
        if isinstance(dtype, torch.dtype):
            return dtype
        raise pickle.UnpicklingError(f"it names {module}.{name}")


@dataclass(frozen=True)
class Chunk:
    """A part of a tensor: where in the tensor, and where on disk."""

    offsets: tuple[int, ...]
    sizes: tuple[int, ...]
    file: str
    start: int
    length: int


@dataclass(frozen=True)
class Entry:
    """One tensor: its place in the saved dictionary, shape, dtype and parts."""

    keys: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: torch.dtype
    chunks: list[Chunk] = field(repr=False)


def read_metadata(folder: Path) -> dict[str, Entry]:
    """All tensors of a folder of `torch.distributed.checkpoint`, by their flat names.

    Raises:
        InputError: the metadata names anything else than metadata, or is damaged or missing.
    """
    path = folder / METADATA
    try:
        content = path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from error
    try:
        found = _Reader(io.BytesIO(content)).load()
        return {name: _entry(name, about, found) for name, about in _tensors(found).items()}
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{path} is refused ({first_line(error)}): it is a pickle, and only the classes of "
            "torch.distributed.checkpoint's own metadata are read from it"
        ) from error
    # A damaged pickle can raise anything.
    except Exception as error:
        raise InputError(
            f"{path} is damaged, or of a version that is not known ({type(error).__name__}: {first_line(error)[:200]})"
        ) from error


def _tensors(found: Any) -> dict[str, TensorFields]:
    return {str(name): about for name, about in found.state_dict_metadata.items() if isinstance(about, TensorFields)}


def _entry(name: str, about: Any, found: Any) -> Entry:
    dtype = about.properties.state[0] if isinstance(about.properties.state, tuple) else about.properties.dtype
    if not isinstance(dtype, torch.dtype):
        raise ValueError(f"{name!r} has no dtype")
    chunks = []
    for chunk in about.chunks:
        index = Index()
        index.fqn, index.offset = name, _whole(chunk.offsets)
        place = found.storage_data[index]
        if getattr(place, "transform_descriptors", None):
            raise pickle.UnpicklingError(f"{name!r} is stored with {place.transform_descriptors!r}, which is not known")
        file = str(place.relative_path)
        if Path(file).is_absolute() or ".." in Path(file).parts:
            raise pickle.UnpicklingError(f"it names the file {file!r}, which is not in its own folder")
        chunks.append(Chunk(index.offset, _whole(chunk.sizes), file, int(place.offset), int(place.length)))
    planned = found.planner_data if isinstance(found.planner_data, dict) else {}
    keys = tuple(str(key) for key in planned.get(name, (name,)))
    return Entry(keys, _whole(about.size), dtype, chunks)


def _whole(sizes: Any) -> tuple[int, ...]:
    return tuple(int(size) for size in sizes)
