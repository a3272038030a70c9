"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from layerlore.errors import RunError


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file under a temporary name and rename it into place.

    Raises:
        RunError: the disk is full or the folder cannot be written; the old file, if any, is untouched.
    """
    path = Path(path)
    name = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException as error:
        if name:
            Path(name).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise RunError(
                f"could not write {path} ({error.strerror or error}): free space or choose another folder; "
                "what was there before is unchanged"
            ) from error
        raise


def write_text(path: Path, content: str) -> None:
    """`write_bytes` of UTF-8 text."""
    write_bytes(path, content.encode("utf-8"))


def write_json(path: Path, content: Mapping[str, object]) -> None:
    """`write_bytes` of strict JSON: NaN and infinity are refused, so that any reader can parse it."""
    try:
        content_bytes = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False).encode("utf-8")
    except UnicodeEncodeError:
        # A name can hold half of a surrogate pair, which has no UTF-8.
        content_bytes = json.dumps(content, indent=1, allow_nan=False).encode("ascii")
    write_bytes(path, content_bytes + b"\n")


@contextmanager
def publish_folder(path: Path) -> Iterator[Path]:
    """A temporary folder beside ``path`` that becomes ``path`` when the block ends, and vanishes if it fails.

    Raises:
        RunError: ``path`` exists already, or writing failed.
    """
    path = Path(path)
    if path.exists():
        raise RunError(f"{path} exists already: choose another name or remove it first")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent))
    except OSError as error:
        raise RunError(f"could not create a folder beside {path} ({error.strerror or error})") from error
    try:
        yield part
        part.chmod(0o755)
        part.rename(path)
    except BaseException as error:
        shutil.rmtree(part, ignore_errors=True)
        if isinstance(error, OSError) and not isinstance(error, RunError):
            raise RunError(f"could not write {path} ({error.strerror or error}): nothing was left there") from error
        raise
