"""The result of a study: what was run, and what became of each claim. A folder that knows what produced it.

    manifest.json    kind "study", settings, versions
    study.json       the result
    NAME/            run folders of the networks, and what else the study made

`study.json` is written before the manifest, so a folder with a manifest is of a finished study.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from layerlore.errors import RunError
from layerlore.storage import FORMAT, MANIFEST, manifest_of, write_json
from layerlore.version import __version__
from layerlore.zoo.studies.verdict import ALPHA, RULE, VERDICTS, Claim

if TYPE_CHECKING:
    import pandas as pd

KIND = "study"
FILE = "study.json"


@dataclass(frozen=True)
class Study:
    """A finished study.

    Attributes:
        study: ``"layerwise"`` or ``"weightscale"``.
        command: that made it, with DIR for the places of data.
        settings: that decide its numbers.
        data: what is known of the data sets, by name or as one.
        networks: one entry for each: ``name``, ``title``, ``accuracy``, ``run`` and the like; paths are
            relative to the folder.
        claims: tested, corrected for their number.
        notes: warnings that belong to these numbers.
        versions: of the packages.
        files: further files of the study by what they hold, such as ``agreement``, relative to the folder.
        path: the folder; None in memory.
    """

    study: str
    command: str
    settings: Mapping[str, Any]
    data: Mapping[str, Any]
    networks: tuple[Mapping[str, Any], ...]
    claims: tuple[Claim, ...]
    notes: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    path: Path | None = None

    def save(self, path: Path | str) -> Study:
        """Write `FILE`, then the manifest, into a folder that may hold the runs already.

        Returns:
            The study with its folder.

        Raises:
            RunError: the folder belongs to something else, or cannot be written.
        """
        path = Path(path)
        if (path / MANIFEST).exists():
            manifest_of(path, KIND)
        known = replace(self, versions=dict(self.versions) or versions(), path=path)
        write_json(path / FILE, known.to_json())
        identity = {"study": self.study, "settings": _plain(dict(self.settings))}
        manifest = {"format": FORMAT, "kind": KIND, "created": datetime.now(UTC).isoformat(), "identity": identity}
        write_json(path / MANIFEST, manifest | {"versions": dict(known.versions)})
        return known

    @classmethod
    def load(cls, path: Path | str) -> Study:
        """Read the folder of a finished study.

        Raises:
            RunError: missing, foreign, damaged or unfinished.
        """
        path = Path(path)
        manifest_of(path, KIND)
        file = path / FILE
        try:
            found = json.loads(file.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise RunError(f"{file} cannot be read ({error}): restore it, or make the study again") from error
        try:
            if found["format"] != FORMAT:
                raise RunError(f"{file} has format {found['format']!r}, this version reads {FORMAT}: update layerlore")
            return cls(
                study=str(found["study"]),
                command=str(found["command"]),
                settings=dict(found["settings"]),
                data=dict(found["data"]),
                networks=tuple(dict(network) for network in found["networks"]),
                claims=tuple(Claim.from_json(claim) for claim in found["claims"]),
                notes=tuple(map(str, found["notes"])),
                versions=dict(found["versions"]),
                files=dict(found["files"]),
                path=path,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(f"{file} is damaged ({error!r}): restore it, or make the study again") from error

    def to_json(self) -> dict[str, Any]:
        """All of it, in types that JSON knows; NaN becomes None."""
        return _plain(
            {
                "format": FORMAT,
                "study": self.study,
                "command": self.command,
                "settings": self.settings,
                "data": self.data,
                "networks": self.networks,
                "claims": [claim.to_json() for claim in self.claims],
                "rule": RULE,
                "alpha": round(ALPHA, 10),
                "notes": self.notes,
                "versions": self.versions,
                "files": self.files,
            }
        )

    def to_dataframe(self) -> pd.DataFrame:
        """One row for each claim."""
        import pandas as pd

        # Without claims the columns are still those of claims.
        return pd.DataFrame([vars(claim) for claim in self.claims], columns=list(Claim.__dataclass_fields__))

    def claims_table(self) -> list[dict[str, str]]:
        """One row for each claim in words: claim, network, ours, paper, verdict, test, n, p, why."""
        return [
            {
                "claim": claim.text,
                "network": claim.network,
                "ours": in_words(claim),
                "paper": claim.paper,
                "verdict": claim.verdict,
                "test": claim.test,
                "n": str(claim.n) if claim.n else "",
                "p": p_in_words(claim),
                "why": claim.why,
            }
            for claim in self.claims
        ]

    def count(self, verdict: str) -> int:
        """Claims with a verdict."""
        return sum(claim.verdict == verdict for claim in self.claims)

    def __repr__(self) -> str:
        counts = ", ".join(f"{self.count(verdict)} {verdict}" for verdict in VERDICTS)
        return f"Study({self.study}: {len(self.networks)} networks, {len(self.claims)} claims: {counts})"


def in_words(claim: Claim) -> str:
    """The number of a claim with its interval, without its unit; empty where there is none.

    >>> from layerlore.zoo.studies.verdict import Statement, undecided
    >>> in_words(undecided(Statement("a", "b", "c"), "nothing was measured"))
    ''
    """
    if not np.isfinite(claim.number):
        return ""
    ends = f" [{claim.low:.3g}, {claim.high:.3g}]" if np.isfinite(claim.low) and np.isfinite(claim.high) else ""
    return f"{claim.number:.3g}{ends}"


def p_in_words(claim: Claim) -> str:
    """The p-value and, after an arrow, the adjusted one; empty where nothing was tested."""
    if not np.isfinite(claim.p_value):
        return ""
    return f"{claim.p_value:.2g}" + (f" → {claim.adjusted_p:.2g}" if np.isfinite(claim.adjusted_p) else "")


def versions() -> dict[str, str]:
    """Versions of what decides the numbers."""
    return {
        "layerlore": __version__,
        "torch": str(torch.__version__),
        "numpy": str(np.__version__),
        "python": platform.python_version(),
    }


def _plain(value: Any) -> Any:
    """Types that JSON knows; what is not finite becomes None."""
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(entry) for entry in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Path):
        return value.as_posix()
    return None if isinstance(value, float) and not np.isfinite(value) else value
