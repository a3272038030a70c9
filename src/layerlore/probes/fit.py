"""Train the linear probes of all layers together, the network frozen (METHODS A2)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.data import Dataset

from layerlore.engines import Counter, Progress, default_budget, progress_bars
from layerlore.errors import InputError, RunError, check_choice
from layerlore.networks import (
    READ_OUTS,
    OutputKind,
    check_finite_weights,
    device_of,
    dtype_of,
    evaluating,
    find_layers,
    read_out_size,
    trace,
)
from layerlore.probes.data import revisitable
from layerlore.probes.features import Features
from layerlore.probes.objective import Loss
from layerlore.probes.price import check_price, price
from layerlore.probes.probes import Probes, network_digest
from layerlore.probes.quality import probe_of, result_of, warn_of
from layerlore.probes.standard import Spread, Standard
from layerlore.probes.survey import Survey, Visit, survey
from layerlore.probes.trainer import Trainer

PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
MAX_PASSES = 300
TOLERANCE = 1e-4
"""Largest gradient entry of the mean loss at which a probe counts as trained, as in scikit-learn's lbfgs."""


def fit_probes(
    model: nn.Module,
    layers: str | Sequence[str] | None,
    train_data: Iterable[Any] | Dataset[Any],
    validation: Iterable[Any] | Dataset[Any] | None = None,
    *,
    seed: int = 0,
    read_out: str | Mapping[str, str] = "flatten",
    penalties: Sequence[float] = PENALTIES,
    loss: Loss = "cross_entropy",
    outputs: OutputKind = "logits",
    tolerance: float = TOLERANCE,
    max_passes: int = MAX_PASSES,
    batch_size: int = 256,
    budget: int | None = None,
    path: Path | str | None = None,
    progress: Progress | bool | None = None,
) -> Probes:
    """Train a linear probe on every layer, all in the same passes over the data.

    Each probe minimises its mean cross-entropy plus ``penalty / 2`` times the squared weights of standardised features
    (the bias is free), by L-BFGS over the full data; the penalty is the one of the grid with the least validation
    cross-entropy. Features that do not vary get weight 0. The network is in eval mode and left as found.

    Args:
        model: classifier that returns logits ``[batch, n_outputs]``; with one output, a sigmoid is understood.
        layers: as for `find_layers`: a glob, names, or None for the sensible default.
        train_data: the data that the network was trained on: an iterable of (inputs, labels) batches, a `Dataset` or a
            `DataLoader`. Visited in order whatever its sampler, and always the same: switch augmentation off.
        validation: likewise; by default a seeded, stratified tenth of the training data is held out.
        seed: of the held-out tenth.
        read_out: how outputs become vectors: ``"flatten"``, ``"mean"``, ``"cls"``, ``"last"`` or ``"gap"``, for all
            layers or by name of layer.
        penalties: grid of L2 penalties.
        loss: ``"cross_entropy"``, or ``"squared"`` for networks that predict numbers.
        outputs: what the network returns; ``"probabilities"`` only if it cannot return logits.
        tolerance: largest gradient entry at which a probe counts as trained.
        max_passes: passes over the data at most.
        batch_size: for a `Dataset`.
        budget: bytes for training; by default half of the free memory. Features are kept in memory where they fit
            beside the probes, and computed anew in each pass where not.
        path: safetensors file. Probes found there are returned if network, data and settings match, and replaced by
            new ones if not; a file that holds something else is left alone.
        progress: show progress bars; None in a notebook and where stderr is a terminal. A function is called
            with what is being done, the samples passed and their number (None where unknown).

    Returns:
        `Probes`, in the order in which the layers compute.

    Raises:
        InputError: data that cannot be used (NaN, labels out of range, visited only once, ...) or an option.
        LayerError: layers that do not exist, are not called or return no tensor.
        BudgetError: the probes do not fit; the read-outs that do are named.
        ProbeError: the file at ``path`` holds no probes, or is damaged.
        RunError: the probes could not be written to ``path``.

    Source: METHODS A2; Cheng et al. 2024, section 3. Cost: a forward pass for the survey and the statistics each, then
    one per round of L-BFGS (typically 50 to 150) unless the features fit in memory.
    """
    _check_options(penalties, loss, tolerance, max_passes, batch_size)
    kept = None if path is None else _kept(Path(path))
    names = find_layers(model, layers)
    check_finite_weights(model)
    visits = [revisitable(train_data, batch_size, "train_data")]
    if validation is not None:
        visits.append(revisitable(validation, batch_size, "validation"))
    with progress_bars(progress) as report:
        found = survey(model, visits, loss, outputs, seed, Counter(report, "read data", None))
        with evaluating(model):  # a loader may draw from the global random state
            first = next(iter(visits[0]()))[0]
        shapes = trace(model, first, names)
        read_outs = _read_outs(read_out, list(shapes))
        identity = {
            "network": network_digest(model),
            "data": found.digest,
            "layers": read_outs,
            "penalties": [float(penalty) for penalty in penalties],
            "loss": loss,
            "outputs": outputs,
            "seed": seed if validation is None else None,
            "n_train": int((~found.validation).sum()),
            "tolerance": tolerance,
            "max_passes": max_passes,
        }
        if kept is not None and kept.identity == identity:
            return kept
        features = _priced(model, visits, shapes, read_outs, found, len(penalties), budget)
        standards = _standards(features, shapes, found, device_of(model), report)
        trainers = {
            layer: Trainer(standard, found, penalties, loss, tolerance) for layer, standard in standards.items()
        }
        _train(features, trainers, max_passes, report)
    probes = tuple(probe_of(layer, read_outs[layer], shapes[layer], trainers[layer]) for layer in shapes)
    result = result_of(probes, found, loss, identity)
    warn_of(result, max_passes)
    if path is not None:
        result.save(path)
    return result


def _priced(
    model: nn.Module,
    visits: list[Visit],
    shapes: Mapping[str, tuple[int, ...]],
    read_outs: Mapping[str, str],
    found: Survey,
    n_penalties: int,
    budget: int | None,
) -> Features:
    """The features, kept in memory where they fit beside the probes.

    Raises:
        BudgetError: the probes alone do not fit.
    """
    if budget is None:
        # Features are kept on the CPU, probes are trained on the network's device.
        budget = min(default_budget(place) for place in (torch.device("cpu"), device_of(model)))
    # Sums of gradients in half precision would stop far from the minimum.
    dtype = torch.promote_types(dtype_of(model), torch.float32)
    cost = price(
        shapes=shapes,
        read_outs=read_outs,
        n_outputs=found.n_outputs,
        n_penalties=n_penalties,
        n_samples=len(found.labels),
        feature_bytes=dtype.itemsize,
    )
    check_price(cost, shapes, read_outs, budget)
    return Features(model, visits, read_outs, found, dtype, keep=cost.total + cost.features <= budget)


def _standards(
    features: Features,
    shapes: Mapping[str, tuple[int, ...]],
    found: Survey,
    device: torch.device,
    report: Progress,
) -> dict[str, Standard]:
    """What standardises each layer's features, from one pass over the training samples."""
    sizes = {layer: read_out_size(features.read_outs[layer], shape) for layer, shape in shapes.items()}
    spreads = {layer: Spread(size, features.dtype, device) for layer, size in sizes.items()}
    train = ~found.validation
    features.each(
        list(shapes),
        lambda layer, rows, x: spreads[layer].add(x[train[rows].to(x.device)]),
        Counter(report, "standardise features", len(train)),
    )
    return {layer: spread.standard() for layer, spread in spreads.items()}


def _train(features: Features, trainers: Mapping[str, Trainer], max_passes: int, report: Progress) -> None:
    n_samples = len(next(iter(trainers.values())).labels)
    # How many passes it takes is not known before: this many at most.
    counter = Counter(report, "train probes", max_passes * n_samples)
    for _ in range(max_passes):
        active = [layer for layer, trainer in trainers.items() if not trainer.minimiser.done.all()]
        if not active:
            break
        for layer in active:
            trainers[layer].start()
        features.each(active, lambda layer, rows, x: trainers[layer].add(rows, x), counter)
        for layer in active:
            trainers[layer].step()
    counter.finish()
    counter = Counter(report, "judge probes", n_samples)
    features.each(list(trainers), lambda layer, rows, x: trainers[layer].judge(rows, x), counter)


def _read_outs(asked: str | Mapping[str, str], layers: list[str]) -> dict[str, str]:
    if isinstance(asked, str):
        check_choice(asked, READ_OUTS, "read_out")
        return dict.fromkeys(layers, asked)
    for layer, name in asked.items():
        check_choice(layer, layers, "read_out for layer")
        check_choice(name, READ_OUTS, f"read_out[{layer!r}]")
    return {layer: asked.get(layer, "flatten") for layer in layers}


def _kept(path: Path) -> Probes | None:
    """Probes in a file, before any work is done for what could not be written there."""
    if path.is_dir():
        raise RunError(f"{path} is a folder: path= names a safetensors file")
    return Probes.load(path) if path.exists() else None


def _check_options(penalties: Sequence[float], loss: str, tolerance: float, max_passes: int, batch_size: int) -> None:
    check_choice(loss, ("cross_entropy", "squared"), "loss")
    if not penalties or any(not (math.isfinite(penalty) and penalty > 0) for penalty in penalties):
        raise InputError(
            f"penalties={list(penalties)} must be positive numbers: without a penalty the log-odds of separable "
            "features grow without bound"
        )
    if not tolerance > 0:
        raise InputError(f"tolerance={tolerance} must be positive")
    for name, value in (("max_passes", max_passes), ("batch_size", batch_size)):
        if value < 1:
            raise InputError(f"{name}={value} must be at least 1")
