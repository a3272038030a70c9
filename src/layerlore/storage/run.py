"""A run: a folder that holds arrays, sample by sample, and knows what produced them.

    manifest.json    what this is, the identity of what produced it, settings, notes
    arrays/          a Zarr group; one chunk for each entry of an array's first axis

An entry counts once its *stage* is marked finished for it, which is the last
thing written: whatever a killed process was writing is written again. Without a
path the same arrays live in memory.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from layerlore.errors import RunError
from layerlore.storage.atomic import write_json

if TYPE_CHECKING:
    import xarray as xr
    import zarr

FORMAT = 1
MANIFEST = "manifest.json"
ARRAYS = "arrays"


def read_manifest(path: Path | str) -> dict[str, Any]:
    """The manifest of a run folder.

    Raises:
        RunError: no folder, no manifest, not JSON, or not LayerLore's.
    """
    path = Path(path)
    if not path.is_dir():
        raise RunError(f"{path} is no folder: give that of a run, as run= or --out named it")
    file = path / MANIFEST
    if not file.is_file():
        raise RunError(f"{path} holds no {MANIFEST}: it is not a LayerLore run. Choose the run's own folder")
    try:
        manifest = json.loads(file.read_text("utf-8"))
    except (ValueError, OSError) as error:
        raise RunError(f"{file} cannot be read ({error}): the run is damaged; restore it or make it again") from error
    if not isinstance(manifest, dict) or not isinstance(manifest.get("format"), int) or "kind" not in manifest:
        raise RunError(f"{file} is not a LayerLore manifest: it names no format and kind")
    if manifest["format"] > FORMAT:
        raise RunError(
            f"{file} has format {manifest['format']}, this version of LayerLore reads up to {FORMAT}: update layerlore"
        )
    return manifest


def manifest_of(path: Path, kind: str) -> dict[str, Any]:
    """The manifest of a run of one kind.

    Raises:
        RunError: as `read_manifest`, or the run is of another kind.
    """
    manifest = read_manifest(path)
    if manifest["kind"] != kind:
        raise RunError(f"{path} holds a {manifest['kind']!r} run, not a {kind!r} run")
    return manifest


class Run:
    """Arrays and a manifest, in a folder or in memory. Made by `Run.open` or `Run.load`."""

    def __init__(self, path: Path | None, manifest: dict[str, Any], group: zarr.Group) -> None:
        self.path, self.manifest, self._group = path, manifest, group

    @classmethod
    def open(cls, path: Path | str | None, kind: str, identity: Mapping[str, object]) -> Run:
        """Create a run, or resume the one at ``path`` if it has the same identity.

        Args:
            path: folder, or None for memory.
            kind: what the run holds, such as ``"knowledge"``.
            identity: JSON values that decide every number in the run.

        Raises:
            RunError: the folder holds something else, a run of another identity (which entries differ is said), or
                cannot be written.
        """
        identity = json.loads(json.dumps(identity, allow_nan=False))
        fresh = {"format": FORMAT, "kind": kind, "created": datetime.now(UTC).isoformat(), "identity": identity}
        if path is None:
            from zarr import create_group
            from zarr.storage import MemoryStore

            return cls(None, fresh, create_group(MemoryStore()))
        path = Path(path)
        if path.exists() and not path.is_dir():
            raise RunError(f"{path} is a file: a run needs a folder of its own")
        if path.is_dir() and any(path.iterdir()):
            manifest = manifest_of(path, kind)
            _compare(identity, manifest.get("identity"), path)
            # A process killed before it made the arrays left only the manifest.
            return cls(path, manifest, _arrays_of(path, "a"))
        write_json(path / MANIFEST, fresh)
        return cls(path, fresh, _arrays_of(path, "a"))

    @classmethod
    def load(cls, path: Path | str, kind: str) -> Run:
        """Open an existing run folder.

        Raises:
            RunError: missing, foreign, damaged, or of another kind.
        """
        path = Path(path)
        return cls(path, manifest_of(path, kind), _arrays_of(path, "r+"))

    def update(self, **fields: object) -> None:
        """Replace entries of the manifest, on disk at once."""
        self.manifest.update(json.loads(json.dumps(fields, allow_nan=False)))
        if self.path is not None:
            write_json(self.path / MANIFEST, self.manifest)

    def note(self, message: str) -> None:
        """Keep a warning in the manifest, once."""
        notes = self.manifest.get("notes", [])
        if message not in notes:
            self.update(notes=[*notes, message])

    def create(self, name: str, shape: Sequence[int], dims: Sequence[str], dtype: str = "float64") -> None:
        """Create an array, unless it exists; floats start as NaN. One chunk per entry of the first axis."""
        from zarr.codecs import ZstdCodec

        if name in self:
            return
        try:
            self._group.create_array(
                name,
                shape=tuple(shape),
                chunks=(1, *(max(1, size) for size in shape[1:])),
                dtype=dtype,
                dimension_names=list(dims),
                compressors=[ZstdCodec(level=1, checksum=True)],
                fill_value=float("nan") if dtype.startswith("float") else 0,
            )
        except OSError as error:
            raise RunError(f"could not create the array {name!r} in {self.path} ({error.strerror or error})") from error

    def write(self, name: str, index: int, values: np.ndarray | np.generic) -> None:
        """Write one entry of an array."""
        try:
            self._array(name)[index] = values
        except OSError as error:
            raise RunError(
                f"could not write {name!r}, entry {index}, in {self.path} ({error.strerror or error}): free space and "
                "call explain again, it goes on from the last finished sample"
            ) from error

    def read(self, name: str, index: int | slice = slice(None)) -> np.ndarray:
        """Entries of an array.

        Raises:
            RunError: the array is missing or its bytes are damaged.
        """
        try:
            return np.asarray(self._array(name)[index])
        except RunError:
            raise
        except (OSError, RuntimeError, ValueError, KeyError) as error:
            raise RunError(f"the array {name!r} of {self.path} is damaged ({error})") from error

    def finish(self, stage: str, index: int) -> None:
        """Mark an entry of a stage as finished; the last thing to write for it."""
        self.write(f"finished_{stage}", index, np.uint8(1))

    def finished(self, stage: str, length: int) -> np.ndarray:
        """Which entries of a stage are finished, ``bool[length]``."""
        self.create(f"finished_{stage}", (length,), (f"entry_{stage}",), "uint8")
        return self.read(f"finished_{stage}") > 0

    def copy_arrays(self, folder: Path) -> None:
        """Write all arrays under ``folder``, entry by entry."""
        import zarr

        target = Run(folder, self.manifest, zarr.create_group(folder / ARRAYS))
        for name, array in self._group.arrays():
            target.create(name, array.shape, _dims(array), str(array.dtype))
            for index in range(array.shape[0]):
                target.write(name, index, self.read(name, index))

    def dataset(self) -> xr.Dataset:
        """All arrays as lazily read xarray data, without coordinates."""
        import xarray as xr

        try:
            data = xr.open_zarr(
                self._group.store, group=self._group.path, consolidated=False, chunks=None, mask_and_scale=False
            )
        except (OSError, ValueError, KeyError) as error:
            raise RunError(f"the arrays of {self.path} cannot be read ({error}): the run is damaged") from error
        return data.drop_vars([str(name) for name in data.variables if str(name).startswith("finished_")])

    def __contains__(self, name: str) -> bool:
        """Whether there is such an array."""
        return name in self._group

    def _array(self, name: str) -> Any:
        if name not in self:
            raise RunError(f"the run {self.path} holds no array {name!r}: it is not finished, or damaged")
        return self._group[name]


def _arrays_of(path: Path, mode: Literal["a", "r+"]) -> zarr.Group:
    import zarr

    try:
        return zarr.open_group(path / ARRAYS, mode=mode)
    except (OSError, ValueError, KeyError) as error:
        raise RunError(
            f"the arrays of {path} cannot be opened ({error}): the disk is full, or the run is damaged"
        ) from error


def _dims(array: Any) -> list[str]:
    return [str(name) for name in array.metadata.dimension_names]


def differences(asked: Mapping[str, object], found: object) -> str:
    """Which entries of two identities differ, in words; empty where none does.

    >>> differences({"seed": 1, "kappa": 0.04}, {"seed": 2, "kappa": 0.04})
    'seed: asked 1, found 2'
    """
    found = found if isinstance(found, Mapping) else {}
    keys = sorted(key for key in asked.keys() | found.keys() if asked.get(key) != found.get(key))
    return "; ".join(f"{key}: asked {asked.get(key)!r}, found {found.get(key)!r}" for key in keys[:4])


def _compare(asked: Mapping[str, object], found: object, path: Path) -> None:
    different = differences(asked, found)
    if different:
        raise RunError(
            f"{path} belongs to another explanation ({different}): choose another run folder, or remove this one to "
            "start over"
        )
