"""From a path to a checkpoint, whatever its format; and the checkpoints in a folder."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from pathlib import Path

from layerlore.errors import InputError, QualityWarning
from layerlore.networks.checkpoints.checkpoint import Checkpoint
from layerlore.networks.checkpoints.dcp_metadata import METADATA
from layerlore.networks.checkpoints.distributed import DistributedCheckpoint
from layerlore.networks.checkpoints.names import natural_key
from layerlore.networks.checkpoints.safetensors_files import SafetensorsFile
from layerlore.networks.checkpoints.several import SHARD, Shards, counted_files, indexed_files
from layerlore.networks.checkpoints.torch_files import TorchFile

SAFETENSORS = ".safetensors"
TORCH = (".pt", ".pth", ".bin", ".ckpt")
INDEX = ".index.json"
_MODEL = ("model.safetensors", "pytorch_model.bin", "diffusion_pytorch_model.safetensors", "adapter_model.safetensors")
_NO_WEIGHTS = ("optimizer", "scheduler", "scaler", "rng_state", "random_states", "training_args", "sampler")
"""Beginnings of names of what training loops save beside the weights."""
_COPY = re.compile(r"^(model[_-])?(last|latest|best|final)([_-]model)?(-v\d+)?(\.|$)")


def open_checkpoint(path: Path | str, key: str | None = None) -> Checkpoint:
    """Open saved weights; only names, shapes and dtypes are read now.

    Args:
        path: a ``.safetensors`` file, a file of ``torch.save`` (``.pt``, ``.pth``, ``.bin``, ``.ckpt``, also of
            Lightning), an index of shards (``.index.json``), a model folder of Hugging Face, or a folder of
            `torch.distributed.checkpoint`.
        key: under which the state dict is, where a file holds more; None looks for it.

    Raises:
        InputError: missing, of no known format, damaged, cut off, in need of code to be run, or without tensors.
    """
    path = Path(path)
    if path.is_dir():
        checkpoint = _open_folder(path, key)
    elif path.name.endswith(INDEX):
        checkpoint = _open_files(path, indexed_files(path), key)
    elif path.is_file():
        checkpoint = _open_file(path, key)
    else:
        raise InputError(f"{path} does not exist: give checkpoint files, or folders that hold them")
    if not checkpoint.tensors:
        raise InputError(f"{path} holds no tensors")
    return checkpoint


def find_checkpoints(paths: Iterable[Path | str]) -> list[Path]:
    """The checkpoints that paths mean: a folder that is none itself stands for those directly inside.

    Args:
        paths: files and folders; a shard stands for its folder.

    Returns:
        Paths that `open_checkpoint` takes, those of a folder in natural order. Copies of a folder whose names tell no
        step (``last.ckpt``, ``best.pt``) are left out with a warning where two others are there.

    Raises:
        InputError: a path that does not exist, or a folder without checkpoints.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if not path.exists():
            raise InputError(f"{path} does not exist: give checkpoint files, or folders that hold them")
        if path.is_dir():
            found += _inside(path)
        elif not _is_part(path):
            found.append(path)
        elif path.parent not in found:
            found.append(path.parent)
    return found


def _inside(folder: Path) -> list[Path]:
    children = sorted(_children(folder), key=lambda child: natural_key(child.name))
    folders = [child for child in children if child.is_dir() and _is_checkpoint(child)]
    # The folder of a Hugging Face run holds its last model and, in folders, its checkpoints.
    if _is_checkpoint(folder) and len(folders) < 2:
        return [folder]
    found = folders if _is_checkpoint(folder) else folders + _weight_files(folder)
    if not found:
        raise InputError(
            f"{folder} holds no checkpoints: none of {', '.join((SAFETENSORS, *TORCH))}, no model folder and no folder "
            "of torch.distributed.checkpoint directly inside"
        )
    return _with_steps(sorted(found, key=lambda child: natural_key(child.name)))


def _with_steps(found: list[Path]) -> list[Path]:
    """Without copies such as Lightning's ``last.ckpt``, where the others make a series."""
    numbered = [path for path in found if not _COPY.match(path.name.lower())]
    if len(numbered) == len(found) or len(numbered) < 2:
        return found
    copies = [path for path in found if path not in numbered]
    warnings.warn(
        f"{', '.join(map(str, copies))} left out: the name tells no step; pass the files one by one, with steps=, to "
        "have it in the series",
        QualityWarning,
        stacklevel=3,
    )
    return numbered


def _is_part(file: Path) -> bool:
    match = SHARD.match(file.name)
    return match is not None and int(match["count"]) > 1 and not file.name.endswith(INDEX)


def _is_checkpoint(folder: Path) -> bool:
    if (folder / METADATA).is_file() or any((folder / name).is_file() for name in _MODEL):
        return True
    files = _weight_files(folder)
    shards = [file for file in files if SHARD.match(file.name)]
    return bool(_indexes(folder) or shards) or (len(files) == 1 and not any(map(_is_numbered, files)))


def _is_numbered(file: Path) -> bool:
    # A folder with one step_100.pt in it is a short series, not the checkpoint of a step.
    return any(letter.isdigit() for letter in file.stem)


def _open_folder(folder: Path, key: str | None) -> Checkpoint:
    if (folder / METADATA).is_file():
        return DistributedCheckpoint(folder, key)
    for name in _MODEL:
        if (folder / name).is_file():
            return _open_file(folder / name, key)
    indexes = _indexes(folder)
    if indexes:
        return _open_files(folder, indexed_files(indexes[0]), key)
    files = _weight_files(folder)
    shards = [file for file in files if SHARD.match(file.name)]
    if shards:
        return _open_files(folder, counted_files(shards), key)
    if len(files) == 1:
        return _open_file(files[0], key)
    raise InputError(
        f"{folder} is no checkpoint: it holds {len(files)} files of weights and none that says which is the model's"
    )


def _open_files(path: Path, files: list[Path], key: str | None) -> Checkpoint:
    return Shards(path, [_open_file(file, key, shard=True) for file in files])


def _open_file(path: Path, key: str | None, *, shard: bool = False) -> Checkpoint:
    if _is_part(path) and not shard:
        raise InputError(f"{path} is one of several shards: give its folder, or the {INDEX} file beside it")
    if path.suffix == SAFETENSORS:
        return SafetensorsFile(path)
    if path.suffix in TORCH:
        return TorchFile(path, key)
    raise InputError(
        f"{path} has a name that says no known format: {', '.join((SAFETENSORS, INDEX, *TORCH))} are read, and folders"
    )


def _children(folder: Path) -> list[Path]:
    try:
        return [child for child in folder.iterdir() if not child.name.startswith(".")]
    except OSError as error:
        raise InputError(f"{folder} cannot be read ({error.strerror or error})") from error


def _weight_files(folder: Path) -> list[Path]:
    return [
        child
        for child in _children(folder)
        if child.suffix in (SAFETENSORS, *TORCH) and child.is_file() and not child.name.startswith(_NO_WEIGHTS)
    ]


def _indexes(folder: Path) -> list[Path]:
    found = [child for child in _children(folder) if child.name.endswith(INDEX)]
    # A folder may hold the same model in both formats.
    return sorted(found, key=lambda child: (SAFETENSORS not in child.name, child.name))
