"""Reading the pickles of CIFAR's Python versions without running what a pickle asks for.

A pickle is a program: it names functions, and they are called. Here it may name nothing but the few things that an
array of bytes is written with, and even those are stood in for: no code of NumPy runs, and the stand-ins are made
anew for each file, so that nothing a file does to them is left behind.
"""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from layerlore.errors import InputError, first_line
from layerlore.zoo.data.files import read_file

NUMPY_CORES = ("numpy.core", "numpy._core")
"""What NumPy 1 and NumPy 2 call the package that arrays are rebuilt by."""


def read_pickle(path: Path) -> dict[str, Any]:
    """The dictionary of a pickle file: containers, numbers, texts (bytes as they are) and arrays of unsigned bytes.

    Raises:
        InputError: the file is cut short, is no pickle or none of a dictionary, or names anything that an array of
            bytes does not need.
    """
    content = read_file(path)
    try:
        loaded = _Restricted(path, content).load()
    except InputError:
        raise
    # A damaged pickle can fail in any way at all.
    except Exception as error:
        raise InputError(
            f"{path}: {type(error).__name__}: {first_line(error)} in {len(content)} bytes; expected a whole pickle "
            "file of CIFAR's Python version: fetch it again"
        ) from error
    if not isinstance(loaded, dict):
        raise InputError(f"{path}: the pickle holds a {type(loaded).__name__}; expected a dict")
    return {_text(key): value.array if hasattr(value, "array") else value for key, value in loaded.items()}


class _Restricted(pickle.Unpickler):
    """An unpickler that knows the names of an array of bytes."""

    def __init__(self, path: Path, content: bytes) -> None:
        # Python 2 wrote the official files: its strings are bytes.
        super().__init__(io.BytesIO(content), encoding="bytes")
        self._path = path
        self._stand_ins = _stand_ins(path)

    def find_class(self, module: str, name: str) -> Any:
        """The stand-in for a name; any other name is an error."""
        if (module, name) not in self._stand_ins:
            raise InputError(
                f"{self._path}: the pickle names {module}.{name}, which no file of CIFAR needs; it is refused, and "
                "nothing of it was run. Use a file from the data set's own page"
            )
        return self._stand_ins[module, name]


def _stand_ins(path: Path) -> dict[tuple[str, str], Any]:
    class Array:
        array = np.empty(0, np.uint8)

        def __setstate__(self, state: tuple[Any, ...]) -> None:
            _version, shape, _dtype, by_columns, raw = state
            self.array = np.frombuffer(_raw(raw), np.uint8).reshape(shape, order="F" if by_columns else "C")

    class Bytes:
        def __setstate__(self, state: object) -> None:
            """Byte order and alignment: a byte has neither."""

    class Kind:
        """Stands where the pickle names the class ``numpy.ndarray``; never made."""

    def reconstruct(_kind: object, _shape: object, _typecode: object) -> Array:
        return Array()

    def from_buffer(raw: object, kind: object, shape: object, order: object) -> Array:
        array = Array()
        array.__setstate__((1, shape, kind, order == "F", raw))
        return array

    def dtype(code: str | bytes, *_flags: object) -> Bytes:
        if _text(code) not in ("u1", "|u1"):
            raise InputError(f"{path}: the pickle holds an array of dtype {_text(code)!r}; expected unsigned bytes")
        return Bytes()

    def encode(text: str, codec: str | bytes) -> bytes:
        if _text(codec) != "latin1":
            raise InputError(f"{path}: the pickle asks for the codec {_text(codec)!r}; expected latin1")
        return text.encode("latin1")

    return {
        **{(f"{core}.multiarray", "_reconstruct"): reconstruct for core in NUMPY_CORES},
        # Protocol 5.
        **{(f"{core}.numeric", "_frombuffer"): from_buffer for core in NUMPY_CORES},
        ("numpy", "ndarray"): Kind,
        ("numpy", "dtype"): dtype,
        # How Python 3 writes bytes for Python 2.
        ("_codecs", "encode"): encode,
    }


def _raw(raw: Any) -> bytes | bytearray:
    return raw.encode("latin1") if isinstance(raw, str) else raw


def _text(value: object) -> str:
    return value.decode("latin1") if isinstance(value, bytes) else str(value)
