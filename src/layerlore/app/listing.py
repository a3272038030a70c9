"""What each run under a folder is, and how far: read from its manifest and the ends of its files."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from layerlore.app.folders import ARRAYS, Found, check_own, find_runs
from layerlore.dynamics.history import KIND as HISTORY
from layerlore.dynamics.history import RECORDS
from layerlore.errors import LayerLoreError, RunError, first_line
from layerlore.interactions.knowledge import KIND as KNOWLEDGE
from layerlore.interactions.stages import STAGES
from layerlore.report.depth_beside import places
from layerlore.report.study_file import FILE as STUDY_FILE
from layerlore.report.study_file import KIND as STUDY
from layerlore.report.study_file import read_study
from layerlore.storage import MANIFEST, read_manifest

LARGEST_MANIFEST = 1 << 26
LONGEST_LINE = 1 << 23
QUIET = 60.0
"""Seconds without a new file after which an unfinished run is no longer said to be written."""
FEW = 3
"""Networks of a study that are named."""
KINDS = {HISTORY: "through training", KNOWLEDGE: "through depth", STUDY: "study"}
"""The kinds of runs in words, by the name that a manifest gives them."""
STEP = re.compile(rb'\s*\{"step": (-?\d{1,18}),')


@dataclass(frozen=True)
class Facts:
    """What a run folder tells of itself; texts are hostile.

    Attributes:
        kind: of `KINDS`; empty where it is not known.
        network: that it is of.
        created: when, such as ``2026-11-20 20:05``, UTC; empty where it is not known.
        n_layers: None where it has none or they are not known.
        amount: how much it holds, in words.
        finished: whether its writer has finished.
        changed: time of the newest file, in seconds since 1970; 0 where it is not known.
        trouble: why it cannot be opened; empty where it can.
    """

    kind: str = ""
    network: str = ""
    created: str = ""
    n_layers: int | None = None
    amount: str = ""
    finished: bool = True
    changed: float = 0.0
    trouble: str = ""


@dataclass(frozen=True)
class Entry:
    """One line of the list of runs.

    Attributes:
        place: see `Found`.
        facts: what it is.
        state: in words.
        mark: the state in one word: ``finished``, ``writing``, ``stopped`` or ``damaged``.
    """

    place: str
    facts: Facts
    state: str
    mark: str


class Listing:
    """The runs under a folder, each looked into again only where its files have changed.

    Args:
        root: the folder, resolved.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._known: dict[str, tuple[object, Facts]] = {}

    def entries(self) -> tuple[list[Entry], bool]:
        """All of them by their paths, and whether all folders were looked into.

        Raises:
            RunError: the folder itself is gone.
        """
        try:
            found, complete = find_runs(self.root)
        except FileNotFoundError:
            raise RunError(f"{self.root} is gone: it was moved or removed while it was served") from None
        known = {one.place: self._looked_into(one) for one in found}
        self._known = known
        now = time.time()
        return [_entry(place, facts, now) for place, (_, facts) in known.items()], complete

    def _looked_into(self, found: Found) -> tuple[object, Facts]:
        if found.trouble:
            return None, Facts(trouble=found.trouble)
        files = signature(found.path)
        known = self._known.get(found.place)
        if known is not None and known[0] == files:
            return known
        return files, facts_of(found.path, self.root)


def facts_of(path: Path, root: Path) -> Facts:
    """What a run folder tells of itself; whatever is in it, this does not raise."""
    try:
        return _facts(path)
    except LayerLoreError as error:
        return Facts(trouble=relative(str(error), root))
    except FileNotFoundError:
        return Facts(trouble="it was removed just now")
    except Exception as error:  # a stranger's file may hold anything, and must not hide the other runs
        return Facts(trouble=f"it is damaged ({type(error).__name__}: {relative(first_line(error), root)})")


def relative(words: str, root: Path) -> str:
    """A message with paths as the reader knows them, from the served folder."""
    return words.replace(f"{root}{os.sep}", "")


def signature(path: Path) -> tuple[tuple[int, int, int] | None, ...]:
    """What changes whenever a run or its report does: inode, size and time of what is written last, or beside it."""
    names = [MANIFEST, RECORDS, "trends.json", "health.json", STUDY_FILE]
    names += [f"{ARRAYS}/finished_{stage}/c" for stage in STAGES]
    return tuple(_stat(file) for file in (*(path / name for name in names), *places(path)))


def state_of(facts: Facts, now: float) -> tuple[str, str]:
    """The state of a run in words, and in one word."""
    if facts.trouble:
        return facts.trouble, "damaged"
    if facts.finished:
        return "finished", "finished"
    silence = now - facts.changed
    if silence < QUIET:
        return "being written", "writing"
    return f"not finished; nothing new for {duration(silence)}", "stopped"


def duration(seconds: float) -> str:
    """A stretch of time in words.

    >>> duration(61), duration(7500), duration(4e5)
    ('1 minute', '2 hours', '4 days')
    """
    size, word = next(
        ((size, word) for size, word in ((86400, "day"), (3600, "hour")) if seconds >= size), (60, "minute")
    )
    count = max(1, int(seconds // size))
    return f"{count} {word}{'s' if count > 1 else ''}"


def _entry(place: str, facts: Facts, now: float) -> Entry:
    state, mark = state_of(facts, now)
    return Entry(place, facts, state, mark)


def _facts(path: Path) -> Facts:
    check_own(path)
    size = (path / MANIFEST).stat().st_size
    if size > LARGEST_MANIFEST:
        raise RunError(f"its {MANIFEST} has {size:,} bytes, far more than any of LayerLore's: it is another program's")
    manifest = read_manifest(path)
    kind = manifest["kind"]
    if kind not in KINDS:
        raise RunError(f"it holds a {kind!r} run, which this version of LayerLore does not know: update layerlore")
    changed = max(found[2] for found in signature(path) if found is not None) / 1e9
    common = {"kind": KINDS[kind], "created": str(manifest["created"])[:16].replace("T", " "), "changed": changed}
    of_kind = {HISTORY: _history, KNOWLEDGE: _knowledge, STUDY: _study}
    return Facts(**common, **of_kind[kind](path, manifest))


def _history(path: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    names = [manifest["settings"].get(key) or manifest["identity"].get(key) for key in ("name", "network")]
    unit = str(manifest["settings"].get("unit") or "step")
    finished = manifest.get("finished") is not False
    last = last_step(path / RECORDS)
    if last is None and finished:
        raise RunError(f"it holds no finished record in {RECORDS}: the run is damaged, or was stopped before its first")
    return {
        "network": next((str(name) for name in names if name), path.name),
        "n_layers": len(manifest["weights"]) or None,
        "amount": "no record yet" if last is None else f"up to {unit} {last:,}",
        "finished": finished,
    }


def _knowledge(path: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    coords = manifest.get("coords")
    if coords is None:
        return {"amount": "nothing yet", "finished": False}
    n_samples = len(coords["predicted"])
    done = [count_finished(path, stage) for stage in STAGES]
    if not (path / ARRAYS).is_dir():
        raise RunError(f"its folder {ARRAYS} is missing: the run is damaged; restore it or make it again")
    finished = all(count == n_samples for count in done)
    return {
        "network": str(manifest["settings"]["network"]),
        "n_layers": len(coords["layer"]),
        "amount": f"{n_samples:,} samples" if finished else f"{done[-1]:,} of {n_samples:,} samples",
        "finished": finished,
    }


def _study(path: Path, _: dict[str, Any]) -> dict[str, Any]:
    study = read_study(path)
    names = [str(entry.get("title", entry["name"])) for entry in study.networks]
    return {
        "network": ", ".join(names) if len(names) <= FEW else f"{len(names)} networks",
        "amount": f"{len(study.claims)} claims",
    }


def count_finished(path: Path, stage: str) -> int:
    """Samples whose stage of an explanation is finished."""
    try:
        return sum(file.name.isdecimal() for file in (path / ARRAYS / f"finished_{stage}" / "c").iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return 0


def last_step(records: Path) -> int | None:
    """The step of the last finished line, read from the end of the file; None where there is none.

    Raises:
        RunError: it is no record.
    """
    try:
        with records.open("rb") as file:
            size = file.seek(0, 2)
            end, length = b"", 1 << 14
            while end.count(b"\n") < 2 and len(end) < min(size, LONGEST_LINE):
                file.seek(max(0, size - length))
                end, length = file.read(min(size, length)), 2 * length
    except FileNotFoundError:
        return None
    lines = end.split(b"\n")[:-1]
    if not lines:
        if len(end) < size:
            raise RunError(f"{RECORDS} ends in a line that is too long to be a record: it is damaged")
        return None
    found = STEP.match(lines[-1])
    if found is None or not lines[-1].rstrip().endswith(b"}"):
        raise RunError(f"the last line of {RECORDS} is damaged: restore the file or record again")
    return int(found[1])


def _stat(path: Path) -> tuple[int, int, int] | None:
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
