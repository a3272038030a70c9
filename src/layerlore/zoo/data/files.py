"""Finding and reading data files, gzip-ed or plain, with errors that name the file."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Integer

from layerlore.errors import InputError


def home(root: Path, name: str) -> Path:
    """The folder of a data set: ``root/name`` where there is such a folder, else ``root`` itself."""
    return root / name if (root / name).is_dir() else root


def locate(root: Path, name: str) -> Path | None:
    """The file ``name`` in the folder ``root``, or else ``name.gz``, or else None."""
    return next((path for path in (root / name, root / f"{name}.gz") if path.is_file()), None)


def require(root: Path, name: str) -> Path:
    """Like `locate`, but a missing file is an error.

    Raises:
        InputError: neither file is there; the message lists what is.
    """
    path = locate(root, name)
    if path is None:
        raise InputError(f"{root / name}: no such file, nor {name}.gz; {_contents(root)}")
    return path


def require_first(root: Path, names: Sequence[str]) -> list[Path]:
    """Files 1 to k of ``names``, k the last that is there; at least the first.

    Raises:
        InputError: a file before the last that is there is missing, or all are.
    """
    n_present = max((index for index, name in enumerate(names, 1) if locate(root, name)), default=1)
    return [require(root, name) for name in names[:n_present]]


def any_of(root: Path, names: Iterable[str]) -> bool:
    """Whether one of the files is there, plain or packed."""
    return any(locate(root, name) for name in names)


def read_file(path: Path) -> bytes:
    """All bytes of a file; one whose name ends in ``.gz`` is unpacked.

    Raises:
        InputError: the file cannot be read, is cut short or is no gzip file.
    """
    try:
        return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (EOFError, zlib.error, OSError) as error:
        wanted = "a complete gzip file" if path.suffix == ".gz" else "a readable file"
        raise InputError(f"{path}: {error}; expected {wanted}: fetch it again") from error


def read_text(path: Path) -> str:
    """A file of UTF-8 text.

    Raises:
        InputError: as `read_file`, or its bytes are no such text.
    """
    content = read_file(path)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: byte {error.start} (0x{content[error.start]:02x}) is no UTF-8; expected a text file"
        ) from error


def check_labels(labels: Integer[np.ndarray, " n_samples"], classes: Sequence[str], path: Path) -> None:
    """Raise `InputError` unless every label is a position in ``classes``."""
    wrong = np.flatnonzero((labels < 0) | (labels >= len(classes)))
    if wrong.size:
        raise InputError(
            f"{path}: sample {wrong[0]} has label {labels[wrong[0]]}; expected 0 to {len(classes) - 1} "
            f"({wrong.size} of {labels.size} labels are out of range)"
        )


def _contents(root: Path) -> str:
    if not root.is_dir():
        return f"{root} is no folder: point root at the folder that holds the file"
    names = sorted(path.name for path in root.iterdir())
    shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
    return f"{root} holds {shown or 'nothing'}: point root at the folder that holds the file"
