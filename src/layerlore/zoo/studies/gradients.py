"""Integrated Gradients of a study's samples, kept in a file: what figures show beside interactions."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float64

from layerlore.errors import RunError
from layerlore.figures import integrated_gradients
from layerlore.interactions.alignment import SplitSettings
from layerlore.interactions.knowledge import Knowledge
from layerlore.interactions.prepare import prepare
from layerlore.probes import Probes
from layerlore.storage import write_json
from layerlore.zoo.studies.kept import check_kept
from layerlore.zoo.studies.subjects import Subject

FORMAT = 1
DECIDING = ("network", "inputs", "targets", "plans", "baselines")
"""Entries of a run's identity that decide the gradients."""

PerPlayer = Float64[np.ndarray, "n_samples n_players"]


def kept_gradients(subject: Subject, probes: Probes, knowledge: Knowledge, path: Path) -> bool:
    """Compute them into a file where there is none yet; False where captum is not installed.

    Raises:
        RunError: the file was made of another network or other samples, or could not be written.
    """
    identity = {key: knowledge.manifest["identity"][key] for key in DECIDING}
    if path.exists():
        check_kept(path, identity, _read(path).get("identity"))
        return True
    if find_spec("captum") is None:
        return False
    # Players, owners and baselines as `explain` makes them; nothing is split here.
    settings = SplitSettings()
    task = prepare(
        subject.model,
        probes,
        subject.noisy_inputs,
        subject.labels,
        subject.players,
        None,
        "log_odds",
        settings,
        "final",
        0.0,
        0,
        None,
        None,
    ).task
    owners = [plan.owner for plan in task.plans]
    assert all(owner is not None for owner in owners)  # noqa: S101 (players of the studies own numbers)
    found = integrated_gradients(
        subject.model,
        subject.noisy_inputs,
        subject.labels,
        task.baselines.parts[task.baselines.main],
        torch.stack([owner for owner in owners if owner is not None]),
    )
    write_json(path, {"format": FORMAT, "identity": identity, "gradients": found.tolist()})
    return True


def read_gradients(path: Path) -> PerPlayer:
    """What `kept_gradients` wrote.

    Raises:
        RunError: the file is missing or damaged.
    """
    return np.asarray(_read(path)["gradients"], dtype=np.float64)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
        if found["format"] != FORMAT:
            raise ValueError(f"format {found['format']}")
        np.asarray(found["gradients"], dtype=np.float64)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{path} cannot be read ({error}): remove it, and run the study again") from error
    return found
