"""Names in a checkpoint: what wrappers put before them, and how they are sorted."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from layerlore.errors import InputError

_ANYWHERE = re.compile(r"(?:(?<=\.)|^)(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.")
_FRONT = "module."


def plain_names(raw: Iterable[str], path: Path) -> dict[str, str]:
    """Names without the prefixes of `torch.compile`, DistributedDataParallel, FSDP and activation checkpointing.

    Args:
        raw: names as they are saved.
        path: of the file, for the error.

    Returns:
        For each plain name the saved one, in the same order.

    Raises:
        InputError: two names become one.

    >>> plain_names(["module._orig_mod.fc.weight"], Path("a.pt"))
    {'fc.weight': 'module._orig_mod.fc.weight'}
    """
    raw = list(raw)
    stripped = [_ANYWHERE.sub("", name) for name in raw]
    while stripped and all(name.startswith(_FRONT) for name in stripped):
        stripped = [_ANYWHERE.sub("", name.removeprefix(_FRONT)) for name in stripped]
    found: dict[str, str] = {}
    for name, saved in zip(stripped, raw, strict=True):
        if name in found:
            raise InputError(
                f"{path} holds {found[name]!r} and {saved!r}, which are both {name!r} without the prefixes of "
                "wrappers: save one of them only"
            )
        found[name] = saved
    return found


_DIGITS = re.compile(r"(\d+)")


def natural_key(text: str) -> tuple[tuple[int, int, str], ...]:
    """For sorting: numbers in the text count as numbers.

    >>> sorted(["b.10", "b.9", "b.a"], key=natural_key)
    ['b.9', 'b.10', 'b.a']
    """
    parts = [part for part in _DIGITS.split(text) if part]
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts)
