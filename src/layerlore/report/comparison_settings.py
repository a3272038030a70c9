"""In what the runs that are compared differ, besides their networks: what has to be read first."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from layerlore.dynamics.history import History
from layerlore.figures.axes import unit_of
from layerlore.interactions.knowledge import Knowledge
from layerlore.report.words import setting
from layerlore.storage import digest_json

LONGEST = 60
"""Letters of a value; a longer one is cut, and a digest tells it apart."""
THROUGH_DEPTH, THROUGH_TRAINING = "through depth", "through training"
OF_THE_NETWORK = ("network", "probes", "layers", "guides")
"""Entries of an explanation's identity that differ because the networks do."""
OF_THE_FILES = ("checkpoints", "files", "steps")
"""Entries of a series' identity that differ because the checkpoints do."""
ABSENT = "not there"


@dataclass(frozen=True)
class Difference:
    """A setting that is not the same in all runs.

    Attributes:
        half: `THROUGH_DEPTH` or `THROUGH_TRAINING`.
        name: of the setting, in words.
        values: of each run of that half, by its name; hostile text.
    """

    half: str
    name: str
    values: dict[str, str]


def differences(results: Mapping[str, Knowledge | History]) -> list[Difference]:
    """Settings in which the runs of either half differ, in the order in which the runs hold them.

    Args:
        results: by the name of their run.
    """
    depth = {name: _of_knowledge(found) for name, found in results.items() if isinstance(found, Knowledge)}
    training = {name: _of_history(found) for name, found in results.items() if isinstance(found, History)}
    return _rows(THROUGH_DEPTH, depth) + _rows(THROUGH_TRAINING, training)


def differing(rows: Mapping[str, Mapping[str, Any]], before: str = "") -> dict[str, dict[str, Any]]:
    """Settings that are not the same in all runs, each under its path, with its value in each run.

    Settings within settings are told apart where all runs have the same ones; else they stand as a whole.

    >>> differing({"a": {"split": {"kappa": 1, "pull": 0}}, "b": {"split": {"kappa": 2, "pull": 0}}})
    {'split: kappa': {'a': 1, 'b': 2}}
    """
    found: dict[str, dict[str, Any]] = {}
    for key in dict.fromkeys(key for row in rows.values() for key in row):
        values = {run: row.get(key, ABSENT) for run, row in rows.items()}
        name = before + str(key).replace("_", " ")
        if len({digest_json([value]) for value in values.values()}) == 1:
            continue
        within = [value for value in values.values() if isinstance(value, Mapping)]
        if len(within) == len(values) and len({tuple(value) for value in within}) == 1:
            found |= differing(values, f"{name}: ")
        else:
            found[name] = values
    return found


def in_short(value: Any) -> str:
    """A value in one line; what is cut keeps a digest, so that different values look different.

    >>> in_short(0.04), in_short("f621f2c4a52bd598cc920a84514be00fa58daedecd86ea9c01596d4345abaf47")
    ('0.04', 'digest f621f2c4a52b')
    """
    words = setting(value)
    if re.fullmatch("[0-9a-f]{64}", words):
        return f"digest {words[:12]}"
    return words if len(words) <= LONGEST else f"{words[: LONGEST // 2]}… (digest {digest_json([words])[:8]})"


def _rows(half: str, settings: Mapping[str, Mapping[str, Any]]) -> list[Difference]:
    return [
        Difference(half, name, {run: in_short(value) for run, value in values.items()})
        for name, values in differing(settings).items()
    ]


def _of_knowledge(knowledge: Knowledge) -> dict[str, Any]:
    identity = {key: value for key, value in knowledge.manifest["identity"].items() if key not in OF_THE_NETWORK}
    return {
        "samples explained": knowledge.n_samples,
        "players of a sample": knowledge.n_players,
        "targets of a sample": len(knowledge.manifest["coords"]["target"]),
        "compared with": knowledge.manifest["settings"]["reference"],
        **identity,
        "layerlore": knowledge.manifest["versions"]["layerlore"],
    }


def _of_history(history: History) -> dict[str, Any]:
    identity = {key: value for key, value in history.manifest["identity"].items() if key not in OF_THE_FILES}
    return {
        "unit of a step": unit_of(history),
        "steps recorded": len(history.steps),
        "last step": int(history.steps[-1]),
        "measure shown in its own report": history.default_measure,
        **identity,
        "layerlore": history.manifest["versions"]["layerlore"],
    }
