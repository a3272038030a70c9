"""What stands in a study folder, read for its page: everything checked, nothing trusted."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from layerlore.errors import RunError
from layerlore.report.summary import Estimate
from layerlore.storage import manifest_of

KIND = "study"
FILE = "study.json"
FORMAT = 1
HOLDS, FAILS, OPEN = "holds", "does not hold", "not decidable at this size"


@dataclass(frozen=True)
class TestedClaim:
    """One row of the claims table; texts are hostile.

    Attributes:
        text: what is claimed.
        source: who claims it.
        network: that it was tested on.
        estimate: our number with its interval.
        unit: of the number.
        paper: what the source reports.
        test: in words.
        p_value: of the test; NaN where there was none.
        adjusted_p: after Holm.
        n: samples or layers.
        verdict: one of three.
        why: in a sentence.
    """

    text: str
    source: str
    network: str
    estimate: Estimate
    unit: str
    paper: str
    test: str
    p_value: float
    adjusted_p: float
    n: int
    verdict: str
    why: str

    @property
    def mark(self) -> str:
        """The verdict as a class name of the page."""
        return {HOLDS: "holds", FAILS: "fails"}.get(self.verdict, "open")


@dataclass(frozen=True)
class StudyFile:
    """A study folder as its page needs it.

    Attributes:
        folder: where it lies.
        manifest: of the folder, with ``versions`` and ``created``.
        study: ``"layerwise"`` or ``"weightscale"``.
        command: that made it.
        settings: that decide its numbers.
        data: what is known of the data.
        networks: entries as they stand there; texts are hostile.
        claims: tested.
        rule: how verdicts come about.
        notes: warnings.
        files: further files by what they hold.
    """

    folder: Path
    manifest: Mapping[str, Any]
    study: str
    command: str
    settings: Mapping[str, Any]
    data: Mapping[str, Any]
    networks: tuple[Mapping[str, Any], ...]
    claims: tuple[TestedClaim, ...]
    rule: str
    notes: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)

    def count(self, verdict: str) -> int:
        """Claims with a verdict."""
        return sum(claim.verdict == verdict for claim in self.claims)

    def place(self, relative: object) -> Path:
        """A file or folder of the study.

        Raises:
            RunError: it would lie outside of the study folder.
        """
        path = self.folder / str(relative)
        if not path.resolve().is_relative_to(self.folder.resolve()):
            raise RunError(f"{self.folder / FILE} names {relative!r}, which lies outside of the study: make it again")
        return path


def read_study(folder: Path) -> StudyFile:
    """The study in a folder.

    Raises:
        RunError: missing, foreign, damaged or unfinished.
    """
    manifest = manifest_of(folder, KIND)
    file = folder / FILE
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{file} cannot be read ({error}): restore it, or make the study again") from error
    try:
        if found["format"] != FORMAT:
            raise RunError(f"{file} has format {found['format']!r}, this version reads {FORMAT}: update layerlore")
        # The head and foot of every page show these.
        known = {"versions": found["versions"] | {}, "created": str(manifest["created"])}
        known["versions"]["layerlore"] = str(known["versions"]["layerlore"])
        return StudyFile(
            folder=folder,
            manifest=known,
            study=str(found["study"]),
            command=str(found["command"]),
            settings=dict(found["settings"]),
            data=dict(found["data"]),
            networks=tuple({"name": str(entry["name"])} | dict(entry) for entry in found["networks"]),
            claims=tuple(_claim(claim) for claim in found["claims"]),
            rule=str(found["rule"]),
            notes=tuple(map(str, found["notes"])),
            files={str(what): str(place) for what, place in dict(found["files"]).items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RunError(f"{file} is damaged ({error!r}): restore it, or make the study again") from error


def link(target: Path, page: Path) -> str:
    """The relative address of a file for a page; no letter of a name can make it anything else.

    >>> link(Path("study/a b/javascript:x"), Path("study/report.html"))
    './a%20b/javascript%3Ax'
    """
    return "./" + quote(Path(os.path.relpath(target, page.parent)).as_posix(), safe="/")


def _claim(found: Mapping[str, Any]) -> TestedClaim:
    words = {
        name: str(found[name]) for name in ("text", "source", "network", "unit", "paper", "test", "verdict", "why")
    }
    return TestedClaim(
        **words,
        estimate=Estimate(*(_number(found[name]) for name in ("number", "low", "high"))),
        p_value=_number(found["p_value"]),
        adjusted_p=_number(found["adjusted_p"]),
        n=int(found["n"]),
    )


def _number(value: object) -> float:
    return math.nan if value is None else float(value)  # type: ignore[arg-type]
