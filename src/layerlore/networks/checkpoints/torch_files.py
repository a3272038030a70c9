"""Files of ``torch.save``: read with ``weights_only=True`` and nothing else, mapped where the format allows."""

from __future__ import annotations

import re
import tempfile
import warnings
from io import RawIOBase
from pathlib import Path
from typing import IO, Any
from weakref import finalize

import torch
from torch import Tensor

from layerlore.engines import readable
from layerlore.errors import InputError, QualityWarning, first_line
from layerlore.networks.checkpoints.checkpoint import Checkpoint, TensorInfo
from layerlore.networks.checkpoints.mapped import copy_from_map
from layerlore.networks.checkpoints.names import plain_names
from layerlore.networks.checkpoints.picking import pick_state_dict
from layerlore.networks.checkpoints.raw import bytes_of, read_exactly, unreadable

_FORBIDDEN = re.compile(r"(?:Unsupported (?:global|class)[: ]+(?:GLOBAL )?|GLOBAL )([A-Za-z_][\w.]*)")
_DETAIL = re.compile(r"WeightsUnpickler error: *(.+)")
_ZIP = b"PK\x03\x04"


class TorchFile(Checkpoint):
    """One file of ``torch.save``.

    A zip file is mapped: only the tensors asked for are read. Older formats cannot be: the file is read whole, its
    tensors are laid out in a temporary file, and a note says so.
    """

    def __init__(self, path: Path, key: str | None = None) -> None:
        mapped = _is_zip(path)
        with warnings.catch_warnings():
            # Torch deprecates in favour of itself what old files hold.
            warnings.simplefilter("ignore")
            saved = load_safely(path, path, mapped=mapped)
        picked, notes = pick_state_dict(saved, path, key)
        del saved
        weights = {name: picked[saved] for name, saved in plain_names(picked, path).items()}
        super().__init__(path, {name: _info(weight) for name, weight in weights.items()}, notes)
        self.same = _same_memory(weights)
        self._kept = weights
        self._file: IO[bytes] | None = None
        if not mapped:
            self._spool()

    def _spool(self) -> None:
        size = readable(self.path.stat().st_size)
        self._places: dict[str, int] = {}
        plain = [name for name, info in self.tensors.items() if info.plain]
        try:
            self._file = tempfile.TemporaryFile(prefix="layerlore-", buffering=0)  # noqa: SIM115 (open as long as this)
            finalize(self, self._file.close)
            for name in plain:
                self._places[name] = self._file.tell()
                weight = self._kept.pop(name)
                if weight.numel():
                    _write_all(self._file, bytes_of(weight.contiguous()))
        except OSError as error:
            raise InputError(
                f"{self.path} cannot be mapped, and its {size} do not fit in {tempfile.gettempdir()} "
                f"({error.strerror or error}): free space or set TMPDIR"
            ) from error
        note = (
            f"{self.path.name} has an older format that cannot be mapped: it was read whole ({size}) into a temporary "
            "file; saved again, by this version of torch or as safetensors, it needs neither"
        )
        self.notes = (*self.notes, note)
        warnings.warn(note, QualityWarning, stacklevel=4)

    def _fill(self, name: str, out: Tensor) -> None:
        if self._file is None:
            copy_from_map(self._kept[name], out)
        else:
            read_exactly(self._file.fileno(), self._places[name], bytes_of(out), self.path)

    def _special(self, name: str) -> Tensor:
        return self._kept[name].clone()


def load_safely(source: Path | IO[bytes] | RawIOBase, path: Path, *, mapped: bool = False) -> Any:
    """What `torch.load` gives with ``weights_only=True``, with errors that name the file.

    Args:
        source: file to read.
        path: its name, for errors.
        mapped: leave the tensors in the file.

    Raises:
        InputError: it needs code to be run, is damaged, or cannot be read.
    """
    try:
        return torch.load(
            str(source) if isinstance(source, Path) else source,  # type: ignore[arg-type]
            map_location="cpu",
            weights_only=True,
            mmap=mapped,
        )
    except OSError as error:
        raise unreadable(path, error) from error
    except MemoryError:
        raise
    # A damaged pickle can raise anything.
    except Exception as error:
        raise _explained(path, error) from error


def _explained(path: Path, error: Exception) -> InputError:
    text = str(error)
    if "TorchScript" in text:
        return InputError(
            f"{path} is a TorchScript program, which is code: save the state dict of the model instead, best as "
            "safetensors"
        )
    forbidden = _FORBIDDEN.search(text)
    if forbidden:
        return InputError(
            f"{path} needs code to be run to be read: it pickles {forbidden[1]}, which is no tensor, and a pickle can "
            "do anything when it is loaded. It was not loaded. Where you trust it, save its state dict again as "
            "safetensors: safetensors.torch.save_file(model.state_dict(), 'weights.safetensors')"
        )
    detail = _DETAIL.search(text)
    said = detail[1] if detail else first_line(error)
    return InputError(
        f"{path} cannot be read ({type(error).__name__}: {said[:200]}): it is no file of torch.save, was "
        "cut off or is damaged; copy it again or leave it out"
    )


def _is_zip(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_ZIP)) == _ZIP
    except OSError as error:
        raise unreadable(path, error) from error


def _info(weight: Tensor) -> TensorInfo:
    plain = weight.layout == torch.strided and not weight.is_quantized and weight.device.type == "cpu"
    return TensorInfo(tuple(weight.shape), weight.dtype, plain and not weight.is_neg() and not weight.is_conj())


def _same_memory(weights: dict[str, Tensor]) -> dict[str, str]:
    first: dict[object, str] = {}
    same = {}
    for name, weight in weights.items():
        if weight.layout != torch.strided or not weight.numel():
            continue
        place = (weight.data_ptr(), weight.dtype, weight.shape, weight.stride())
        if place in first:
            same[name] = first[place]
        else:
            first[place] = name
    return same


def _write_all(file: IO[bytes], content: memoryview) -> None:
    while content:
        content = content[file.write(content) :]
