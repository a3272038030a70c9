"""Series of checkpoints: of a small real training, written in every format that is read."""

from __future__ import annotations

import functools
import json
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

State = dict[str, Tensor]
EPOCHS = 8


def small_network() -> nn.Module:
    """Convolutions (one depthwise, one pointwise), a norm, two linear layers."""
    return nn.Sequential(
        *[nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 6, 3, groups=6), nn.Conv2d(6, 12, 1)],
        *[nn.ReLU(), nn.Flatten(), nn.Linear(12 * 16, 20), nn.ReLU(), nn.Linear(20, 10)],
    )


def trained(on_epoch: Callable[[nn.Module, int], None]) -> None:
    """Train on scikit-learn's digits; ``on_epoch`` is called before training, as epoch 0, and after each epoch."""
    from sklearn.datasets import load_digits

    found = load_digits()
    images = torch.tensor(found.images / 16, dtype=torch.float32)[:600, None]
    labels = torch.tensor(found.target)[:600]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = small_network()
        optimiser = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
        on_epoch(model, 0)
        for epoch in range(1, EPOCHS + 1):
            for batch in torch.randperm(len(images)).split(50):
                optimiser.zero_grad()
                nn.functional.cross_entropy(model(images[batch]), labels[batch]).backward()
                optimiser.step()
            on_epoch(model, epoch)


@functools.lru_cache(maxsize=1)
def training() -> tuple[State, ...]:
    """The state dict before training and after each of eight epochs; leave them as they are."""
    states: list[State] = []
    trained(lambda model, _: states.append({name: value.clone() for name, value in model.state_dict().items()}))
    return tuple(states)


def copied(states: Sequence[State]) -> list[State]:
    """Copies to damage."""
    return [{name: value.clone() for name, value in state.items()} for state in states]


def write(
    folder: Path, states: Sequence[State], fmt: str = "safetensors", steps: Sequence[int] | None = None
) -> list[Path]:
    """One checkpoint for each state.

    Args:
        folder: to write into.
        states: by rising step.
        fmt: a name in `FORMATS`.
        steps: their numbers, 0, 1, … if left out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    numbers = range(len(states)) if steps is None else steps
    return [FORMATS[fmt](folder, step, state) for step, state in zip(numbers, states, strict=True)]


def _safetensors(folder: Path, step: int, state: State) -> Path:
    path = folder / f"step_{step}.safetensors"
    save_file(state, path)
    return path


def _sharded(folder: Path, step: int, state: State) -> Path:
    own = folder / f"checkpoint-{step}"
    own.mkdir()
    names = list(state)
    halves = (names[: len(names) // 2], names[len(names) // 2 :])
    where = {}
    for number, half in enumerate(halves, start=1):
        file = f"model-{number:05d}-of-00002.safetensors"
        save_file({name: state[name] for name in half}, own / file)
        where |= dict.fromkeys(half, file)
    (own / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": where}))
    return own


def _model_folder(folder: Path, step: int, state: State) -> Path:
    own = folder / f"checkpoint-{step}"
    own.mkdir()
    torch.save(state, own / "pytorch_model.bin")
    torch.save({"state": {0: {"exp_avg": torch.ones(3)}}}, own / "optimizer.pt")
    return own


def _pt(folder: Path, step: int, state: State) -> Path:
    path = folder / f"step_{step}.pt"
    torch.save(state, path)
    return path


def _legacy(folder: Path, step: int, state: State) -> Path:
    path = folder / f"step_{step}.pth"
    torch.save(state, path, _use_new_zipfile_serialization=False)
    return path


def _lightning(folder: Path, step: int, state: State) -> Path:
    path = folder / f"epoch={step}-step={100 * step}.ckpt"
    optimiser = {"state": {0: {"momentum_buffer": torch.ones(3)}}, "param_groups": [{"lr": 0.1}]}
    saved = {"epoch": step, "global_step": 100 * step, "state_dict": state, "optimizer_states": [optimiser]}
    torch.save(saved | {"pytorch-lightning_version": "2.6.6", "loops": {}, "hyper_parameters": {"lr": 0.1}}, path)
    return path


def _distributed(folder: Path, step: int, state: State) -> Path:
    import torch.distributed.checkpoint as dcp

    path = folder / f"step_{step}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dcp.save({"model": state, "optim": {"state": {"0": {"m": torch.ones(3)}}}, "step": step}, checkpoint_id=path)
    return path


FORMATS: dict[str, Callable[[Path, int, State], Path]] = {
    "safetensors": _safetensors,
    "sharded": _sharded,
    "model folder": _model_folder,
    "pt": _pt,
    "legacy": _legacy,
    "lightning": _lightning,
    "distributed": _distributed,
}
