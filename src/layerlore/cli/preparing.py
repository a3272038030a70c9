"""Everything that `layerlore explain` needs, made and checked before anything long begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from layerlore.cli.config import BlurSection, ExplainConfig, FunctionSection
from layerlore.cli.objects import build_model, build_players, named_callable
from layerlore.cli.reading import Recipe
from layerlore.cli.samples import read_data, take_samples
from layerlore.errors import ConfigError, LayerLoreError, RunError, check_choice
from layerlore.interactions.alignment import reference_guides
from layerlore.interactions.given import plans_of
from layerlore.interactions.scores import SCORES, Score
from layerlore.interactions.scoring import unmasked_logits
from layerlore.interactions.targets import Targets, resolve_targets
from layerlore.networks import trace
from layerlore.players import Baseline, Blur, resolve_baseline
from layerlore.storage import read_manifest


@dataclass(frozen=True)
class Work:
    """An explanation that can begin.

    Attributes:
        model: in eval mode, on its device.
        train: what the probes are trained on.
        inputs: samples to explain ``[n_samples, *sample]``.
        labels: their classes.
        shapes: layers in the order of execution, with the shape of a sample's output.
        n_outputs: logits of the network.
        run: folder to write.
        probing: arguments of `fit_probes`.
        explaining: arguments of `explain`.
    """

    model: nn.Module
    train: Dataset[Any]
    inputs: Tensor
    labels: Tensor
    shapes: Mapping[str, tuple[int, ...]]
    n_outputs: int
    run: Path
    probing: Mapping[str, Any]
    explaining: Mapping[str, Any]

    @property
    def probes_path(self) -> Path:
        """File of the probes, beside the run: the run's identity needs them before there is a run."""
        return self.run.with_name(f"{self.run.name}.probes.safetensors")


def prepare(recipe: Recipe) -> Work:
    """Make the model, the data and the players, and check that they go together.

    Cheap checks come first: names, files and options, then the data, then two samples through the network.

    Raises:
        ConfigError: something is missing, unknown or does not fit.
        RunError: the run folder holds something else.
    """
    config = recipe.config
    run = Path(config.run).expanduser()
    _check_run(run)
    players, score = build_players(config.players), _score(config)
    weights = None if config.model.weights is None else recipe.file(config.model.weights)
    model = build_model(config.model.path, config.model.arguments, weights, config.seed, _device(config.device))
    try:
        train, split = read_data(recipe)
        inputs, labels = take_samples(recipe, split)
        shapes, logits = _tried(model, inputs, config)
        targets = _targets(config, labels)
        resolve_targets(targets, logits, max(logits.shape[1], 2))
        _check_names(config, list(shapes))
        plans_of(players, inputs)
        baseline = _baseline(config)
        resolve_baseline(baseline, inputs, torch.zeros_like(inputs[0]))
    except LayerLoreError as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"{recipe.source}: {error}") from error
    options = {
        name: getattr(config, name)
        for name in ("kappa", "tolerance", "pull", "reference", "batch_size", "budget", "name")
    }
    probing = {"seed": config.seed, "read_out": config.read_out, "penalties": config.penalties, "budget": config.budget}
    explaining = options | {
        "targets": targets,
        "labels": labels,
        "players": players,
        "baseline": baseline,
        "score": score,
        "seed": config.seed,
    }
    return Work(model, train, inputs, labels, shapes, logits.shape[1], run, _given(probing), _given(explaining))


def _given(options: dict[str, Any]) -> dict[str, Any]:
    """What is None is left to the defaults of the library."""
    return {key: value for key, value in options.items() if value is not None}


def _check_run(run: Path) -> None:
    if run.exists() and not run.is_dir():
        raise RunError(f"{run} is a file: a run needs a folder of its own")
    if run.is_dir() and any(run.iterdir()):
        read_manifest(run)


def _device(name: str) -> str:
    try:
        return str(torch.device(name))
    except RuntimeError:
        raise ConfigError(f"device={name!r} is not known to PyTorch: write cpu, cuda or cuda:1") from None


def _score(config: ExplainConfig) -> Score:
    if isinstance(config.score, FunctionSection):
        return named_callable(config.score.path, "score.path")
    check_choice(config.score, SCORES, "score")
    return config.score  # type: ignore[return-value]


def _baseline(config: ExplainConfig) -> Baseline:
    return Blur(config.baseline.blur) if isinstance(config.baseline, BlurSection) else config.baseline


def _targets(config: ExplainConfig, labels: Tensor) -> Targets:
    if isinstance(config.targets, list):
        return torch.tensor(config.targets).expand(len(labels), -1)
    return labels if config.targets == "truth" else config.targets


def _tried(model: nn.Module, inputs: Tensor, config: ExplainConfig) -> tuple[dict[str, tuple[int, ...]], Tensor]:
    """Shapes of the layers' outputs, and the logits of all samples."""
    try:
        shapes = trace(model, inputs[:2], config.layers)
        logits = unmasked_logits(model, inputs, "logits", 16)
    except LayerLoreError:
        raise
    except Exception as error:
        raise ConfigError(
            f"the network cannot take these samples, shape {tuple(inputs.shape[1:])} and dtype {inputs.dtype} "
            f"({type(error).__name__}: {error}): check model and data"
        ) from error
    return shapes, logits


def _check_names(config: ExplainConfig, layers: list[str]) -> None:
    if isinstance(config.read_out, dict):
        for layer in config.read_out:
            check_choice(layer, layers, "read_out for layer")
    if config.reference is not None:
        reference_guides((*layers, "output"), config.reference)
