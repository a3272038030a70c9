"""What an explanation is made of, and the arrays that it fills."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor, nn

from layerlore.interactions.alignment import Guides, SplitSettings
from layerlore.networks import to_model
from layerlore.players import Plan, Sample, Samples, joined, named_parts
from layerlore.storage import Run


@dataclass(frozen=True)
class Task:
    """All that decides the numbers of an explanation.

    Attributes:
        inputs: samples on the CPU.
        baselines: likewise, one for each sample.
        plans: players of each sample.
        levels: background levels.
        targets: classes ``[n_samples, n_targets]``.
        other: for each sample and target a sample of another class, or -1.
        layers: names by depth, ``output`` last.
        guides: who is pulled toward whom.
        settings: of the splits.
        noise: share of ``|v(N) - v(empty)|`` for the ceiling.
        seed: of that noise.
    """

    inputs: Samples
    baselines: Samples
    plans: tuple[Plan, ...]
    levels: tuple[float, ...]
    targets: Int64[Tensor, "n_samples n_targets"]
    other: Int64[np.ndarray, "n_samples n_targets"]
    layers: tuple[str, ...]
    guides: Guides
    settings: SplitSettings
    noise: float
    seed: int

    @property
    def n_samples(self) -> int:
        """Samples to explain."""
        return len(self.inputs)

    @property
    def n_players(self) -> int:
        """Players of every sample."""
        return self.plans[0].n_players

    @property
    def forward_passes(self) -> int:
        """Masked inputs that the network sees for one sample."""
        return len(self.levels) << self.n_players

    def pair(self, model: nn.Module, sample: int) -> tuple[Sample, Sample]:
        """A sample and its baseline, on the network's device and in its dtype."""
        baselines = self.baselines.parts
        both = {name: torch.stack([part[sample], baselines[name][sample]]) for name, part in self.inputs.parts.items()}
        parts = named_parts(to_model(model, joined(both)))
        own, baseline = (joined({name: part[row] for name, part in parts.items()}) for row in (0, 1))
        return own, baseline


def create_arrays(run: Run, task: Task) -> None:
    """Create all arrays of a run, and store the samples and who owns what in them."""
    games = (task.n_samples, task.targets.shape[1], len(task.layers))
    dims = ("sample", "target", "layer")
    run.create("scores", (*games, 1 << task.n_players), (*dims, "coalition"))
    run.create("effects", (*games, 2, 1 << task.n_players), (*dims, "op", "coalition"))
    for name in ("objective", "gap", "aligned_gap"):
        run.create(name, games, dims)
    run.create("converged", games, dims, "uint8")
    for name in ("ceiling", "floor"):
        run.create(name, (*games, 5, 2, task.n_players), (*dims, "sum", "op", "order_from_1"))
    names = input_arrays(task.inputs)
    for part, name in names.items():
        values = task.inputs.parts[part]
        run.create(name, values.shape, ("sample", *_axes(name, values.dim() - 1)), _stored_dtype(values))
    owners = [plan.owner for plan in task.plans if plan.owner is not None]
    drawn = len(owners) == task.n_samples and len({owner.shape for owner in owners}) == 1
    if drawn:
        run.create("owner", (task.n_samples, *owners[0].shape), ("sample", *_axes("owner", owners[0].dim())), "int16")
    for sample in map(int, np.flatnonzero(~run.finished("inputs", task.n_samples))):
        for part, name in names.items():
            run.write(name, sample, task.inputs.parts[part][sample].numpy())
        if drawn:
            run.write("owner", sample, owners[sample].cpu().numpy())
        run.finish("inputs", sample)


def input_arrays(inputs: Samples) -> dict[str, str]:
    """Names of the arrays that hold the tensors of the inputs: ``inputs`` the main one, ``inputs_NAME`` the others."""
    return {name: "inputs" if name == inputs.main else f"inputs_{name}" for name in inputs.parts}


def _stored_dtype(values: Tensor) -> str:
    if values.is_floating_point():
        return "float32"
    return "uint8" if values.dtype == torch.bool else str(values.dtype).removeprefix("torch.")


def _axes(name: str, count: int) -> tuple[str, ...]:
    # A run's axis is called after what lies along it, one value of it.
    return tuple(f"{name.replace('inputs', 'input', 1)}_{number}" for number in range(count))
