"""What a run says about itself: its identity, and what describes it to people."""

from __future__ import annotations

import platform

import numpy as np
import torch
from torch import Tensor, nn

from layerlore.interactions.scores import Score
from layerlore.interactions.targets import predicted_classes
from layerlore.interactions.task import Task, input_arrays
from layerlore.networks import device_of
from layerlore.players import Baseline, Players, baseline_settings, qualified_name
from layerlore.probes import Probes, chance_notes
from layerlore.storage import digest_array, digest_tensors
from layerlore.version import __version__


def identity_of(probes: Probes, task: Task, players: Players, baseline: Baseline, score: Score) -> dict[str, object]:
    """JSON values that decide every number of an explanation; a run is resumed only where they are equal."""
    plans = [(str(number), plan.owner) for number, plan in enumerate(task.plans) if plan.owner is not None]
    return {
        "network": probes.identity["network"],
        "probes": probes.digest(),
        "layers": list(task.layers),
        "inputs": task.inputs.digest(),
        "baselines": task.baselines.digest(),
        "targets": digest_array(task.targets),
        "players": players.settings(),
        "plans": digest_tensors(plans),
        "background": list(task.levels),
        "baseline": baseline_settings(baseline),
        "score": score if isinstance(score, str) else qualified_name(score),
        "guides": list(task.guides),
        "split": task.settings.__dict__,
        "noise": task.noise,
        "seed": task.seed,
    }


def description_of(
    model: nn.Module,
    probes: Probes,
    task: Task,
    logits: Tensor,
    labels: list[int] | None,
    reference: str,
    name: str | None,
) -> dict[str, object]:
    """What a manifest says beside the identity: coordinates, what decides no number, probe quality, versions."""
    import zarr

    several = task.targets.shape[1] > 1
    targets = [f"target {number}" for number in range(task.targets.shape[1])] if several else ["target"]
    return {
        "coords": {
            "layer": list(task.layers),
            "target": targets,
            "target_class": task.targets.tolist(),
            "predicted": predicted_classes(logits).tolist(),
            "label": labels,
            "n_players": task.n_players,
            "players": [list(plan.names) for plan in task.plans],
            "other": task.other.tolist(),
            **text_of(task),
        },
        "settings": {
            "network": name or type(model).__qualname__,
            "reference": reference,
            "device": str(device_of(model)),
        },
        "quality": probes.quality(),
        "chance": probes.chance,
        "versions": {
            "layerlore": __version__,
            "torch": torch.__version__,
            "numpy": np.__version__,
            "zarr": zarr.__version__,
            "python": platform.python_version(),
        },
    }


def text_of(task: Task) -> dict[str, object]:
    """Further coordinates of samples that are more than numbers: their tensors' names, and the text of their pieces."""
    found: dict[str, object] = {}
    if task.inputs.named:
        found["inputs"] = input_arrays(task.inputs)
    pieces = [list(plan.pieces) for plan in task.plans if plan.pieces is not None]
    if len(pieces) == task.n_samples:
        found["pieces"] = pieces
    return found


def probe_notes(probes: Probes) -> list[str]:
    """Warnings that the probes bring with them."""
    unfinished = [probe.layer for probe in probes if not probe.converged]
    return chance_notes(probes) + [f"the probe of layer {layer!r} did not converge" for layer in unfinished]
