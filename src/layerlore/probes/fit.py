"""Train the linear probes of all layers together, the network frozen (METHODS A2)."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float64
from torch import Tensor, nn
from torch.utils.data import Dataset

from layerlore.engines import Progress, default_budget, silent
from layerlore.errors import ConvergenceWarning, InputError, ProbeError, QualityWarning, RunError, check_choice
from layerlore.networks import READ_OUTS, OutputKind, check_finite_weights, device_of, find_layers, read_out_size, trace
from layerlore.probes.data import revisitable
from layerlore.probes.features import Features
from layerlore.probes.lbfgs import Minimiser
from layerlore.probes.objective import Loss, agreement, losses, predictions, value_and_gradient
from layerlore.probes.price import HISTORY, check_price, price
from layerlore.probes.probes import Probe, Probes, Quality, network_digest
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
        read_out: how outputs become vectors: ``"flatten"``, ``"mean"``, ``"cls"`` or ``"gap"``, for all layers or by name.
        penalties: grid of L2 penalties.
        loss: ``"cross_entropy"``, or ``"squared"`` for networks that predict numbers.
        outputs: what the network returns; ``"probabilities"`` only if it cannot return logits.
        tolerance: largest gradient entry at which a probe counts as trained.
        max_passes: passes over the data at most.
        batch_size: for a `Dataset`.
        budget: bytes for training; by default half of the free memory. Features are kept in memory where they fit
            beside the probes, and computed anew in each pass where not.
        path: safetensors file. Probes found there are returned if network, data and settings match; otherwise they
            are trained and written there.
        progress: called with what is being done, the samples passed and their number.

    Returns:
        `Probes`, in the order in which the layers compute.

    Raises:
        InputError: data that cannot be used (NaN, labels out of range, visited only once, ...) or an option.
        LayerError: layers that do not exist, are not called or return no tensor.
        BudgetError: the probes do not fit; the read-out that does is named.

    Source: METHODS A2; Cheng et al. 2024, section 3. Cost: a forward pass for the survey and the statistics each, then
    one per round of L-BFGS (typically 50 to 150) unless the features fit in memory.
    """
    _check_options(penalties, loss, tolerance, max_passes)
    names = find_layers(model, layers)
    check_finite_weights(model)
    report = progress or silent
    visits = [revisitable(train_data, batch_size, "train_data")]
    if validation is not None:
        visits.append(revisitable(validation, batch_size, "validation"))
    held = visits[1] if validation is not None else None
    found = survey(model, visits[0], held, loss, outputs, seed, _Counter(report, "look", None))
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
    kept = _reusable(path, identity)
    if kept is not None:
        return kept
    budget = default_budget(torch.device("cpu")) if budget is None else budget
    cost = price(shapes, read_outs, found.n_outputs, len(penalties), len(found.labels), 4)
    check_price(cost, shapes, read_outs, budget)
    features = Features(model, visits, read_outs, len(found.labels), keep=cost.total + cost.features <= budget)
    trainers = {
        layer: _Trainer(sizes[layer], found, penalties, loss, tolerance, device_of(model)) for layer in shapes
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
    features.each(list(trainers), lambda layer, rows, x: trainers[layer].observe(rows, x), _Counter(report, "standardise", n_samples))
    for number in range(max_passes):
        active = [layer for layer, trainer in trainers.items() if not trainer.minimiser.done.all()]
        if not active:
            break
        for layer in active:
            trainers[layer].start()
        counter = _Counter(report, f"pass {number + 1}, {len(active)} layers", n_samples)
        features.each(active, lambda layer, rows, x: trainers[layer].add(rows, x), counter)
        for layer in active:
            trainers[layer].step()
    features.each(list(trainers), lambda layer, rows, x: trainers[layer].judge(rows, x), _Counter(report, "judge", n_samples))


@dataclass
class _Trainer:
    """The probes of one layer, one for each penalty, while they are trained."""

    n_features: int
    found: Survey
    penalties: Sequence[float]
    loss: Loss
    tolerance: float
    device: torch.device
    minimiser: Minimiser = field(init=False)

    def __post_init__(self) -> None:
        n_penalties, n_outputs = len(self.penalties), self.found.n_outputs
        self.shape = (n_penalties, n_outputs, self.n_features + 1)
        numbers = {"dtype": torch.float64, "device": self.device}
        self.penalty = torch.tensor(self.penalties, **numbers)
        self.minimiser = Minimiser(torch.zeros(n_penalties, n_outputs * (self.n_features + 1), **numbers), self.tolerance, HISTORY)
        self.labels = self.found.labels.to(self.device)
        self.train = (~self.found.validation).to(self.device)
        self.n_train = int(self.train.sum())
        self.shift: Tensor | None = None
        self.first = torch.zeros(self.n_features, **numbers)
        self.second = torch.zeros(self.n_features, **numbers)
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
            assert self.shift is not None
            mean = self.first / self.n_train
            deviation = (self.second / self.n_train - mean * mean).clamp_min(0).sqrt()
            # Below the rounding of the shifted sums, a feature does not vary.
            varies = deviation > 1e-7 * (self.shift.abs() + mean.abs())
            self.mean = self.shift + mean
            self.inverse = torch.where(varies, 1 / deviation, 0.0)
        self.active = ~self.minimiser.done
        self.value = torch.zeros(int(self.active.sum()), dtype=torch.float64, device=self.device)
        self.parameters = self.minimiser.trial[self.active].view(-1, *self.shape[1:])
        self.gradient = torch.zeros_like(self.parameters)

    def add(self, rows: slice, features: Tensor) -> None:
        """Add a batch to the value and gradient at the trial points."""
        chosen = self.train[rows]
        value, gradient = value_and_gradient(
            self.parameters, self.standardised(features)[chosen], self.labels[rows][chosen], self.loss
        )
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
        for number, measured in enumerate((losses(predicted, labels, self.loss), agreement(predicted, labels, self.loss))):
            self.judged[0, number] += measured @ train
            self.judged[1, number] += measured @ (1 - train)

    def standardised(self, features: Tensor) -> Tensor:
        """Features with mean 0 and deviation 1, constant ones 0, in the features' own dtype."""
        assert self.inverse is not None
        features = features.to(self.device)
        return (features - self.mean.to(features.dtype)) * self.inverse.to(features.dtype)

    def folded(self, penalty: int) -> tuple[Float64[Tensor, "n_outputs n_features"], Float64[Tensor, "n_outputs"]]:
        """Weight and bias for raw features."""
        assert self.inverse is not None
        parameters = self.minimiser.point[penalty].view(self.shape[1:])
        weight = parameters[:, :-1] * self.inverse
        return weight.cpu(), (parameters[:, -1] - weight @ self.mean).cpu()


def _probe(layer: str, read_out: str, shape: tuple[int, ...], trainer: _Trainer) -> Probe:
    n_train = trainer.n_train
    counts = torch.tensor([n_train, len(trainer.labels) - n_train], dtype=torch.float64)
    mean = (trainer.judged.cpu() / counts.view(2, 1, 1))
    # Of penalties that do equally well, the strongest.
    least = mean[1, 0].min()
    best = max(range(len(trainer.penalties)), key=lambda i: (bool(mean[1, 0, i] == least), trainer.penalties[i]))
    weight, bias = trainer.folded(best)
    measured = mean[:, :, best]
    if trainer.loss == "squared":
        measured = torch.stack([measured[:, 0], _determination(measured[:, 1], trainer.found)], dim=1)
    quality = Quality(*(float(measured[row, column]) for row in range(2) for column in range(2)))
    converged = bool(trainer.minimiser.done[best])
    return Probe(layer, read_out, shape, weight, bias, float(trainer.penalties[best]), converged, quality)


def _determination(squared_error: Tensor, found: Survey) -> Tensor:
    spread = [
        ((found.labels[rows] - found.labels[rows].mean(0)) ** 2).sum(-1).mean() for rows in (~found.validation, found.validation)
    ]
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
    chance = float(validation.bincount().max() / len(validation)) if loss != "squared" else 0.0
    return Probes(probes, found.n_outputs, loss, network, chance, len(validation), found.input_mean, identity)


def poor(probes: Probes) -> list[str]:
    """Layers whose probe does not beat chance on the validation data (one-sided, 5 %)."""
    error = CHANCE_DEVIATIONS * math.sqrt(max(probes.chance * (1 - probes.chance), 0) / probes.n_validation)
    return [probe.layer for probe in probes if probe.quality.validation_accuracy <= probes.chance + error]


def _warn(probes: Probes, max_passes: int) -> None:
    for layer in poor(probes):
        warnings.warn(
            f"the probe of layer {layer!r} is no better than chance: validation accuracy "
            f"{probes[layer].quality.validation_accuracy:.3f}, always answering the commonest class gives "
            f"{probes.chance:.3f}. What it scores says little about this layer",
            QualityWarning,
            stacklevel=3,
        )
    unfinished = [probe.layer for probe in probes if not probe.converged]
    if unfinished:
        warnings.warn(
            f"the probes of {', '.join(map(repr, unfinished))} did not reach the tolerance in {max_passes} passes: raise "
            "max_passes, or use stronger penalties",
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


def _reusable(path: Path | str | None, identity: dict[str, Any]) -> Probes | None:
    if path is None or not Path(path).exists():
        return None
    if Path(path).is_dir():
        raise RunError(f"{path} is a folder: path= names a safetensors file")
    try:
        kept = Probes.load(path)
    except ProbeError:
        return None
    return kept if kept.identity == identity else None


def _check_options(penalties: Sequence[float], loss: str, tolerance: float, max_passes: int) -> None:
    check_choice(loss, ("cross_entropy", "squared"), "loss")
    if not penalties or any(not (math.isfinite(penalty) and penalty > 0) for penalty in penalties):
        raise InputError(
            f"penalties={list(penalties)} must be positive numbers: without a penalty the log-odds of separable features "
            "grow without bound"
        )
    if not tolerance > 0:
        raise InputError(f"tolerance={tolerance} must be positive")
    if max_passes < 1:
        raise InputError(f"max_passes={max_passes} must be at least 1")
