"""Which runs lie under a folder, and where the run of an address lies; links are never followed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from layerlore.errors import RunError
from layerlore.report.depth_beside import AGREEMENT, STABILITY
from layerlore.storage import MANIFEST

MOST_DEPTH = 6
"""Folders within folders that are looked into."""
MOST_FOLDERS = 5000
"""Folders that are looked into at all."""
ARRAYS = "arrays"
OURS = (MANIFEST, ARRAYS, "records.jsonl", "trends.json", "health.json", "study.json", STABILITY, AGREEMENT)
"""What is read of a run folder."""
LINK = "it is a link, and links are not followed: serve the folder that it leads to"


@dataclass(frozen=True)
class Found:
    """A folder that is a run, or that could not be looked into.

    Attributes:
        place: its path from the served folder, parts joined by ``/``; empty for that folder itself.
        path: where it lies.
        trouble: why it cannot be opened, in words; empty where it may be.
    """

    place: str
    path: Path
    trouble: str = ""


def find_runs(root: Path) -> tuple[list[Found], bool]:
    """Runs under a folder by their paths, and folders that cannot be opened.

    A run is a folder with a manifest. Names that begin with a dot, and the arrays of a run, are left out.

    Args:
        root: the served folder, resolved.

    Returns:
        What was found, and whether all folders were looked into.
    """
    found: list[Found] = []
    waiting = [("", root)]
    for looked in range(MOST_FOLDERS):
        if not waiting:
            return sorted(found, key=lambda one: one.place), True
        place, path = waiting.pop()
        try:
            entries = sorted(os.scandir(path), key=lambda entry: entry.name)
        except FileNotFoundError:
            if not looked:
                raise
            continue
        except OSError as error:
            found.append(Found(place, path, f"it cannot be opened ({error.strerror or error})"))
            continue
        is_run = any(entry.name == MANIFEST for entry in entries)
        if is_run:
            found.append(Found(place, path, _unwritable(place)))
        for entry in entries:
            inside = f"{place}/{entry.name}" if place else entry.name
            if entry.name.startswith(".") or (is_run and entry.name == ARRAYS):
                continue
            if _leads_to_a_folder(entry):
                found.append(Found(inside, Path(entry.path), LINK))
            elif entry.is_dir(follow_symlinks=False) and inside.count("/") < MOST_DEPTH:
                waiting.append((inside, Path(entry.path)))
    return sorted(found, key=lambda one: one.place), False


def locate(root: Path, place: str) -> Path:
    """The run folder of an address.

    Args:
        root: the served folder, resolved.
        place: as `Found.place`.

    Raises:
        RunError: the address leads out of the folder, through a link, or to no run.
    """
    path = root
    for part in _parts(place):
        path /= part
        if path.is_symlink() or not path.is_dir():
            raise RunError(f"there is no run {place!r} here: it was moved or removed, or never was")
    if not os.path.lexists(path / MANIFEST):
        raise RunError(f"{place!r} holds no {MANIFEST}: it is not a LayerLore run")
    return path


def check_own(run: Path) -> None:
    """Raise unless what is read of a run folder lies in it.

    Raises:
        RunError: a file is a link, or no file.
    """
    for name in OURS:
        try:
            mode = os.lstat(run / name).st_mode
        except FileNotFoundError:
            continue
        except OSError as error:
            raise RunError(f"{name} cannot be read ({error.strerror or error})") from error
        if stat.S_ISLNK(mode):
            raise RunError(f"its {name} is a link, and links are not followed: put the file itself there")
        if not (stat.S_ISDIR(mode) if name == ARRAYS else stat.S_ISREG(mode)):
            raise RunError(f"its {name} is of the wrong type: the run is damaged")


def address(kind: str, place: str) -> str:
    """The address of a run's page.

    >>> address("run", "a b/<i>?")
    '/run/a%20b/%3Ci%3E%3F'
    """
    return f"/{kind}/{quote(os.fsencode(place), safe='/')}"


def _parts(place: str) -> Iterator[str]:
    for part in place.split("/") if place else ():
        if not part or part.startswith(".") or "\0" in part or "\\" in part:
            raise RunError(f"{place!r} is no address of a run")
        yield part


def _unwritable(place: str) -> str:
    try:
        place.encode("utf-8")
    except UnicodeEncodeError:
        return "its name is no Unicode text, and has no address: rename it"
    return "a name with a backslash has no address: rename it" if "\\" in place else ""


def _leads_to_a_folder(entry: os.DirEntry[str]) -> bool:
    """Whether this is a link to anything but a file: to a folder, to itself, to nothing."""
    try:
        return entry.is_symlink() and not entry.is_file()
    except OSError:
        return True
