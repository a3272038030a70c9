"""Train the linear probes of all layers together, the network frozen (METHODS A2)."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from layerlore.engines import Progress, default_budget, silent
from layerlore.errors import ConvergenceWarning, InputError, QualityWarning, RunError, check_choice
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
from layerlore.probes.lbfgs import Minimiser
from layerlore.probes.objective import Loss, agreement, losses, predictions, value_and_gradient
from layerlore.probes.price import HISTORY, check_price, price
from layerlore.probes.probes import Bias, Probe, Probes, Quality, Weight, network_digest
from layerlore.probes.survey import Survey, survey

PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
MAX_PASSES = 300
TOLERANCE = 1e-4
"""Largest gradient entry of the mean loss at which a probe counts as trained, as in scikit-learn's lbfgs."""
CHANCE_DEVIATIONS = 1.645
"""One-sided 5 % of a normal distribution: a probe must beat chance by this many standard errors."""


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
    progress: Progress | None = None,
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
        read_out: how outputs become vectors: ``"flatten"``, ``"mean"``, ``"cls"`` or ``"gap"``, for all layers or by
            name of layer.
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
        progress: called with what is being done, the samples passed and their number.

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
    report = progress or silent
    visits = [revisitable(train_data, batch_size, "train_data")]
    if validation is not None:
        visits.append(revisitable(validation, batch_size, "validation"))
    held = visits[1] if validation is not None else None
    found = survey(model, visits[0], held, loss, outputs, seed, _Counter(report, "look", None))
    with evaluating(model):  # a loader may draw from the global random state
        first = next(iter(visits[0]()))[0]
    shapes = trace(model, first, names)
    read_outs = _read_outs(read_out, list(shapes))
    sizes = {layer: read_out_size(read_outs[layer], shape) for layer, shape in shapes.items()}
    identity = {
        "network": network_digest(model),
        "data": found.digest,
        "layers": {layer: read_outs[layer] for layer in shapes},
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
    if budget is None:
        # Features are kept on the CPU, probes are trained on the network's device.
        budget = min(default_budget(place) for place in (torch.device("cpu"), device_of(model)))
    dtype = torch.promote_types(dtype_of(model), torch.float32)
    cost = price(
        shapes=shapes,
        read_outs=read_outs,
        n_outputs=found.n_outputs,
        n_penalties=len(penalties),
        n_samples=len(found.labels),
        feature_bytes=dtype.itemsize,
    )
    check_price(cost, shapes, read_outs, budget)
    features = Features(model, visits, read_outs, found, keep=cost.total + cost.features <= budget)
    trainers = {
        layer: _Trainer(sizes[layer], found, penalties, loss, tolerance, device_of(model), dtype) for layer in shapes
    }
    _train(features, trainers, max_passes, report)
    probes = tuple(_probe(layer, read_outs[layer], shapes[layer], trainers[layer]) for layer in shapes)
    result = _result(probes, found, loss, identity)
    _warn(result, max_passes)
    if path is not None:
        result.save(path)
    return result


@dataclass
class _Counter:
    """Tells how many samples of a pass are done."""

    report: Progress
    what: str
    total: int | None
    done: int = 0

    def __call__(self, count: int) -> None:
        self.done += count
        self.report(self.what, self.done, self.total)


def _train(features: Features, trainers: Mapping[str, _Trainer], max_passes: int, report: Progress) -> None:
    n_samples = len(next(iter(trainers.values())).found.labels)
    everything = list(trainers)
    counter = _Counter(report, "standardise", n_samples)
    features.each(everything, lambda layer, rows, x: trainers[layer].observe(rows, x), counter)
    # How many passes it takes is not known before: this many at most.
    counter = _Counter(report, "train probes", max_passes * n_samples)
    for _ in range(max_passes):
        active = [layer for layer, trainer in trainers.items() if not trainer.minimiser.done.all()]
        if not active:
            break
        for layer in active:
            trainers[layer].start()
        features.each(active, lambda layer, rows, x: trainers[layer].add(rows, x), counter)
        for layer in active:
            trainers[layer].step()
    counter = _Counter(report, "judge", n_samples)
    features.each(everything, lambda layer, rows, x: trainers[layer].judge(rows, x), counter)


@dataclass
class _Trainer:
    """The probes of one layer, one for each penalty, while they are trained."""

    n_features: int
    found: Survey
    penalties: Sequence[float]
    loss: Loss
    tolerance: float
    device: torch.device
    dtype: torch.dtype
    minimiser: Minimiser = field(init=False)

    def __post_init__(self) -> None:
        n_penalties, n_outputs = len(self.penalties), self.found.n_outputs
        self.shape = (n_penalties, n_outputs, self.n_features + 1)
        numbers = {"dtype": torch.float64, "device": self.device}
        self.penalty = torch.tensor(self.penalties, **numbers)
        start = torch.zeros(n_penalties, n_outputs * (self.n_features + 1), **numbers)
        self.minimiser = Minimiser(start, self.tolerance, HISTORY, torch.finfo(self.dtype).eps)
        self.labels = self.found.labels.to(self.device)
        self.train = (~self.found.validation).to(self.device)
        self.n_train = int(self.train.sum())
        self.shift: Tensor | None = None
        self.first = torch.zeros(self.n_features, **numbers)
        self.second = torch.zeros(self.n_features, **numbers)
        self.mean = torch.zeros_like(self.first)
        self.inverse: Tensor | None = None
        # Rows: training and validation; what is summed is the loss and the agreement of each probe.
        self.judged = torch.zeros(2, 2, n_penalties, **numbers)

    def observe(self, rows: slice, features: Tensor) -> None:
        """Take a batch into mean and deviation, shifted by the first row seen against cancellation."""
        features = features.to(self.device)[self.train[rows]]
        if not len(features):
            return
        if self.shift is None:
            self.shift = features[0].to(torch.float64)
        centred = features - self.shift
        self.first += centred.sum(0, dtype=torch.float64)
        self.second += (centred * centred).sum(0, dtype=torch.float64)

    def start(self) -> None:
        """Open a pass."""
        if self.inverse is None:
            self.inverse = self._measure()
        self.active = ~self.minimiser.done
        self.value = torch.zeros(int(self.active.sum()), dtype=torch.float64, device=self.device)
        self.parameters = self.minimiser.trial[self.active].view(-1, *self.shape[1:])
        self.gradient = torch.zeros_like(self.parameters)

    def _measure(self) -> Tensor:
        """Set the mean, and give the inverse of the deviation: 0 for constant features."""
        assert self.shift is not None  # noqa: S101
        mean = self.first / self.n_train
        deviation = (self.second / self.n_train - mean * mean).clamp_min(0).sqrt()
        # Below the features' own rounding a feature does not vary; below the smallest number there is no inverse.
        smallest = (1e-7 * (self.shift.abs() + mean.abs())).clamp_min(torch.finfo(self.dtype).tiny)
        inverse = torch.where(deviation > smallest, 1 / deviation, 0.0)
        # Rounded as they are used, so that what is folded into the weights is exactly what was trained.
        self.mean = (self.shift + mean).to(self.dtype).to(torch.float64)
        return inverse.to(self.dtype).to(torch.float64)

    def add(self, rows: slice, features: Tensor) -> None:
        """Add a batch to the value and gradient at the trial points."""
        chosen = self.train[rows]
        # A batch may hold nothing but validation samples.
        if not chosen.any():
            return
        standardised = self.standardised(features)[chosen]
        value, gradient = value_and_gradient(self.parameters, standardised, self.labels[rows][chosen], self.loss)
        self.value += value
        self.gradient += gradient

    def step(self) -> None:
        """Close a pass: penalise, and let the minimiser move."""
        weight = self.parameters[..., :-1]
        penalty = self.penalty[self.active]
        value = self.value / self.n_train + penalty / 2 * (weight * weight).sum((1, 2))
        gradient = self.gradient / self.n_train
        gradient[..., :-1] += penalty.view(-1, 1, 1) * weight
        values = torch.zeros(len(self.penalties), dtype=torch.float64, device=self.device)
        gradients = torch.zeros_like(self.minimiser.trial)
        values[self.active], gradients[self.active] = value, gradient.flatten(1)
        self.minimiser.tell(values, gradients)

    def judge(self, rows: slice, features: Tensor) -> None:
        """Add a batch to the losses and accuracies of the trained probes."""
        parameters = self.minimiser.point.view(self.shape)
        predicted = predictions(parameters, self.standardised(features))
        labels, train = self.labels[rows], self.train[rows].to(torch.float64)
        for number, measure in enumerate((losses, agreement)):
            measured = measure(predicted, labels, self.loss)
            self.judged[0, number] += measured @ train
            self.judged[1, number] += measured @ (1 - train)

    def standardised(self, features: Tensor) -> Tensor:
        """Features with mean 0 and deviation 1, constant ones 0, in the features' own dtype."""
        assert self.inverse is not None  # noqa: S101
        features = features.to(self.device)
        return (features - self.mean.to(features.dtype)) * self.inverse.to(features.dtype)

    def folded(self, penalty: int) -> tuple[Weight, Bias]:
        """Weight and bias for raw features."""
        assert self.inverse is not None  # noqa: S101
        parameters = self.minimiser.point[penalty].view(self.shape[1:])
        # In the dtype of the features; the bias makes up for the rounding of the means' part.
        weight = (parameters[:, :-1] * self.inverse).to(self.dtype)
        return weight.cpu(), (parameters[:, -1] - weight.to(torch.float64) @ self.mean).cpu()


def _probe(layer: str, read_out: str, shape: tuple[int, ...], trainer: _Trainer) -> Probe:
    n_train = trainer.n_train
    counts = torch.tensor([n_train, len(trainer.labels) - n_train], dtype=torch.float64)
    mean = trainer.judged.cpu() / counts.view(2, 1, 1)
    # Of penalties that do equally well, the strongest.
    least = mean[1, 0].min()
    best = max(range(len(trainer.penalties)), key=lambda i: (bool(mean[1, 0, i] == least), trainer.penalties[i]))
    weight, bias = trainer.folded(best)
    measured = mean[:, :, best]
    if trainer.loss == "squared":
        measured = torch.stack([measured[:, 0], _determination(measured[:, 1], trainer.found)], dim=1)
    quality = Quality(*(float(measured[row, column]) for row in range(2) for column in range(2)))
    converged = bool(trainer.minimiser.met[best])
    return Probe(layer, read_out, shape, weight, bias, float(trainer.penalties[best]), converged, quality)


def _determination(squared_error: Tensor, found: Survey) -> Tensor:
    parts = [found.labels[rows] for rows in (~found.validation, found.validation)]
    spread = [((labels - labels.mean(0)) ** 2).sum(-1).mean() for labels in parts]
    return 1 - squared_error / torch.stack(spread)


def _result(probes: tuple[Probe, ...], found: Survey, loss: Loss, identity: dict[str, Any]) -> Probes:
    own_loss, own_agreement = losses(found.logits, found.labels, loss), agreement(found.logits, found.labels, loss)
    parts = (~found.validation, found.validation)
    means = [(own_loss[rows].mean(), own_agreement[rows].mean()) for rows in parts]
    if loss == "squared":
        shares = _determination(torch.stack([agreed for _, agreed in means]), found)
        means = [(value, share) for (value, _), share in zip(means, shares, strict=True)]
    network = Quality(*(float(number) for pair in means for number in pair))
    validation = found.labels[found.validation]
    chance = int(validation.bincount().max()) / len(validation) if loss != "squared" else 0.0
    return Probes(probes, found.n_outputs, loss, network, chance, len(validation), found.input_mean, identity)


def poor(probes: Probes) -> list[str]:
    """Layers whose probe does not beat chance on the validation data (one-sided, 5 %)."""
    error = CHANCE_DEVIATIONS * math.sqrt(max(probes.chance * (1 - probes.chance), 0) / probes.n_validation)
    bar = probes.chance + error
    # Where the accuracy is not defined (targets that do not vary), nothing shows that the probe beats chance.
    return [
        probe.layer
        for probe in probes
        if math.isnan(probe.quality.validation_accuracy) or probe.quality.validation_accuracy <= bar
    ]


def _warn(probes: Probes, max_passes: int) -> None:
    squared = probes.loss == "squared"
    what = "coefficient of determination" if squared else "accuracy"
    dull = "the mean" if squared else "the commonest class"
    for layer in poor(probes):
        warnings.warn(
            f"the probe of layer {layer!r} is no better than chance: validation {what} "
            f"{probes[layer].quality.validation_accuracy:.3f}, always answering {dull} gives "
            f"{probes.chance:.3f}. What it scores says little about this layer",
            QualityWarning,
            stacklevel=3,
        )
    unfinished = [probe.layer for probe in probes if not probe.converged]
    if unfinished:
        warnings.warn(
            f"the probes of {', '.join(map(repr, unfinished))} did not reach the tolerance in {max_passes} passes, or "
            "before rounding stopped them: raise max_passes or tolerance, or use stronger penalties",
            ConvergenceWarning,
            stacklevel=3,
        )


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
