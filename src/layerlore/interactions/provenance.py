"""What a run says about itself: its identity, and what describes it to people."""

from __future__ import annotations

import platform

import numpy as np
import torch
from torch import Tensor, nn

from layerlore.interactions.scores import Score
from layerlore.interactions.targets import predicted_classes
from layerlore.interactions.task import Task
from layerlore.networks import device_of
from layerlore.players import Baseline, Players, baseline_settings, qualified_name
from layerlore.probes import Probes, poor
from layerlore.storage import digest_array, digest_tensors
from layerlore.version import __version__


def identity_of(probes: Probes, task: Task, players: Players, baseline: Baseline, score: Score) -> dict[str, object]:
    """JSON values that decide every number of an explanation; a run is resumed only where they are equal."""
    plans = [(str(number), plan.owner) for number, plan in enumerate(task.plans) if plan.owner is not None]
    return {
        "network": probes.identity["network"],
        "probes": probes.digest(),
        "layers": list(task.layers),
        "inputs": digest_array(task.inputs),
        "baselines": digest_array(task.baselines.contiguous()),
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
    players: Players,
    baseline: Baseline,
    reference: str,
    name: str | None,
) -> dict[str, object]:
    """What a manifest says beside the identity: coordinates, settings, probe quality, versions."""
    import zarr

    names = [plan.names for plan in task.plans]
    targets = (
        ["target"] if task.targets.shape[1] == 1 else [f"target {number}" for number in range(task.targets.shape[1])]
    )
    return {
        "coords": {
            "layer": list(task.layers),
            "target": targets,
            "target_class": task.targets.tolist(),
            "predicted": predicted_classes(logits).tolist(),
            "label": labels,
            "n_players": task.n_players,
            "players": [list(found) for found in names],
            "other": task.other.tolist(),
        },
        "settings": {
            "network": name or type(model).__qualname__,
            "players": players.settings(),
            "baseline": baseline_settings(baseline),
            "reference": reference,
            "split": task.settings.__dict__,
            "noise": task.noise,
            "seed": task.seed,
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


def probe_notes(probes: Probes) -> list[str]:
    """Warnings that the probes bring with them."""
    notes = [
        f"the probe of layer {layer!r} is no better than chance ({probes[layer].quality.validation_accuracy:.3f} "
        f"against {probes.chance:.3f}): what it scores says little about this layer"
        for layer in poor(probes)
    ]
    return notes + [f"the probe of layer {probe.layer!r} did not converge" for probe in probes if not probe.converged]
