"""What a check of a series found, each with its evidence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from layerlore.errors import RunError, check_choice
from layerlore.storage import write_json

if TYPE_CHECKING:
    import pandas as pd

HEALTH = "health.json"
"""Its file in a run folder."""

SEVERITIES = ("error", "warning", "note")
CHECKS = {
    "unreadable": "a checkpoint that cannot be read",
    "missing": "a tensor that some checkpoints do not have",
    "shape": "a tensor whose shape or dtype changes",
    "equal": "two checkpoints with the same bytes",
    "swapped": "two neighbours in the wrong order",
    "gap": "steps that are missing",
    "nonfinite": "NaN or infinite elements",
    "dead": "a weight that is all zero, or all one value",
    "frozen": "a weight that never changes",
    "exploding": "a weight that grows far beyond its history and its peers",
    "empty": "a tensor without elements",
}
"""What is looked for, by its name in `Finding.check`."""


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes:
        check: its name in `CHECKS`.
        severity: ``error`` (numbers from this series are wrong), ``warning`` (look at it), ``note`` (good to know).
        layer: the tensor's name; None where it is about whole checkpoints.
        step: where it begins; None where it is about the series.
        evidence: in words, with the numbers.
        values: the numbers, in types that JSON knows.
    """

    check: str
    severity: Literal["error", "warning", "note"]
    layer: str | None
    step: int | None
    evidence: str
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Health:
    """All findings about a series, the gravest first, and what was looked at.

    Attributes:
        findings: what was found.
        checked: what was looked at: ``steps``, ``n_tensors``, ``checks`` (those that were possible).
    """

    findings: list[Finding]
    checked: dict[str, Any]

    @property
    def ok(self) -> bool:
        """Whether there is neither an error nor a warning."""
        return all(finding.severity == "note" for finding in self.findings)

    def count(self, severity: str) -> int:
        """How many findings have this severity.

        Raises:
            InputError: there is no such severity.
        """
        check_choice(severity, SEVERITIES, "severity")
        return sum(finding.severity == severity for finding in self.findings)

    def to_dataframe(self) -> pd.DataFrame:
        """One row for each finding: check, severity, layer, step, evidence."""
        import pandas as pd

        columns = ["check", "severity", "layer", "step", "evidence"]
        rows = [[getattr(finding, name) for name in columns] for finding in self.findings]
        return pd.DataFrame(rows, columns=columns).astype({"step": "Int64"})

    def to_json(self) -> dict[str, Any]:
        """In types that JSON knows."""
        return {"findings": [asdict(finding) for finding in self.findings], "checked": self.checked}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Health:
        """What `to_json` gave.

        Raises:
            RunError: it is something else.
        """
        try:
            findings = [_finding(entry) for entry in found["findings"]]
            return cls(findings, dict(found["checked"]))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise RunError(f"the findings are damaged ({error!r}): remove {HEALTH} and check again") from error

    def save(self, run: Path | str) -> None:
        """Write `HEALTH` into a run folder, whole or not at all.

        Raises:
            RunError: it cannot be written.
        """
        write_json(Path(run) / HEALTH, self.to_json())

    @classmethod
    def load(cls, run: Path | str) -> Health | None:
        """The findings that `save` wrote into a run folder; None where there are none.

        Raises:
            RunError: the file is damaged.
        """
        path = Path(run) / HEALTH
        try:
            return cls.from_json(json.loads(path.read_text("utf-8")))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise RunError(f"{path} cannot be read ({error}): remove it and check the series again") from error

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from layerlore.dynamics.cards import health_card

        return health_card(self)

    def __repr__(self) -> str:
        counts = ", ".join(f"{self.count(severity)} {severity}s" for severity in SEVERITIES)
        return f"Health({counts})"


def make_health(findings: list[Finding], checked: dict[str, Any]) -> Health:
    """Findings sorted by severity, then in the order of `CHECKS` and of their steps."""
    order = list(CHECKS)
    findings = sorted(
        findings,
        key=lambda one: (SEVERITIES.index(one.severity), order.index(one.check), -1 if one.step is None else one.step),
    )
    return Health(findings, checked)


def _finding(entry: Mapping[str, Any]) -> Finding:
    check_choice(entry["severity"], SEVERITIES, "severity")
    layer, step = entry["layer"], entry["step"]
    return Finding(
        check=str(entry["check"]),
        severity=entry["severity"],
        layer=None if layer is None else str(layer),
        step=None if step is None else int(step),
        evidence=str(entry["evidence"]),
        values=dict(entry["values"]),
    )
