"""How much each effect varies over noise draws (METHODS A8)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64
from torch import nn

from layerlore.engines import Progress
from layerlore.interactions import noise_to_signal
from layerlore.interactions.alignment import SplitSettings, effects_of
from layerlore.interactions.calibration import LayerEffects
from layerlore.interactions.draws import Noise, drawn_samples
from layerlore.interactions.knowledge import Knowledge
from layerlore.interactions.moebius import orders
from layerlore.interactions.prepare import Prepared
from layerlore.interactions.salience import is_salient
from layerlore.networks import dtype_of

NUMBERS_AT_ONCE = 1 << 22
"""Scores that are split as one batch; at least all draws of one layer."""


@dataclass(frozen=True)
class Steadiness:
    """``|mean| / deviation`` over the draws of each effect, ``[target, layer, op, coalition]``.

    Attributes:
        plain: of splits without pull; NaN where the deviation is under the noise floor.
        aligned: of splits pulled toward the clean effects; NaN throughout without a pull.
        missed: games that missed the solver's tolerance.
        games: games that were split.
    """

    plain: LayerEffects
    aligned: LayerEffects
    missed: int
    games: int


def steadiness(
    scores: Float64[np.ndarray, "n_draws n_targets n_layers n_coalitions"],
    clean: LayerEffects,
    floor: LayerEffects,
    settings: SplitSettings,
) -> Steadiness:
    """Split all draws of all layers, and compare each effect's mean with its deviation (ddof 1).

    All draws and layers are one batch of the solver, as far as `NUMBERS_AT_ONCE` allows: once without pull, once
    pulled toward the clean effects.
    """
    plain, aligned = np.full_like(clean, np.nan), np.full_like(clean, np.nan)
    missed = games = 0
    n_layers = scores.shape[2]
    at_once = max(1, NUMBERS_AT_ONCE // (scores.size // n_layers))
    pulled = settings.pull > 0 and settings.solver == "certified"
    for start in range(0, n_layers, at_once):
        rows = np.s_[:, start : start + at_once]
        part = scores[:, *rows]
        for into, options, toward in ((plain, replace(settings, pull=0.0), None), (aligned, settings, clean[rows])):
            if into is aligned and not pulled:
                continue
            split = options.split(part, None if toward is None else toward[None])
            into[rows] = _mean_over_deviation(effects_of(split), floor[rows])
            converged = np.asarray(split.converged)
            missed, games = missed + int((~converged).sum()), games + converged.size
    return Steadiness(plain, aligned, missed, games)


def _mean_over_deviation(
    effects: Float64[np.ndarray, "n_draws n_targets n_layers 2 n_coalitions"], floor: LayerEffects
) -> LayerEffects:
    deviation = effects.std(axis=0, ddof=1)
    above: Bool[np.ndarray, "..."] = deviation > floor
    return np.divide(np.abs(effects.mean(axis=0)), deviation, out=np.full_like(floor, np.nan), where=above)


@dataclass(frozen=True)
class Found:
    """All salient effects of the clean inputs, and how steady they are.

    Attributes:
        effects: positions of sample, layer and op, and the order less 1, one column for each effect.
        values: plain and aligned steadiness of the same effects.
        ratios: noise to signal by sample and order; an empty list where players do not own values.
        missed: games that missed the solver's tolerance.
        games: games that were split.
    """

    effects: Int64[np.ndarray, "4 n_effects"]
    values: Float64[np.ndarray, "2 n_effects"]
    ratios: list[list[np.ndarray]]
    missed: int
    games: int


def measure(knowledge: Knowledge, ready: Prepared, noise: Noise, chosen: list[str], report: Progress) -> Found:
    """Score and split all draws, one sample at a time.

    Args:
        knowledge: of the clean inputs.
        ready: the network and samples of that explanation.
        noise: what is added.
        chosen: names of the layers to look at.
        report: told the progress.
    """
    at = [knowledge.layers.index(layer) for layer in chosen]
    order = orders(knowledge.n_players)
    places, values, ratios = [], [], []
    missed = games = 0
    # Layers that were explained and are not asked for need not be read again.
    wanted = {layer: ready.scorer.probes[layer] for layer in chosen[:-1]}
    scorer, task = replace(ready.scorer, probes=wanted), replace(ready.task, layers=tuple(chosen))
    for drawn in drawn_samples(scorer, task, noise, ready.batch_size, report):
        clean = knowledge.effects(drawn.sample)[:, at]
        floor = noise_floors(knowledge, ready.scorer.model, drawn.sample)[:, at]
        steady = steadiness(drawn.scores, clean, floor, knowledge.split_settings)
        salient = is_salient(clean, knowledge.thresholds()[:, at])
        _, layer, op, coalition = np.nonzero(salient)
        places.append(np.stack([np.full_like(layer, drawn.sample), layer, op, order[coalition] - 1]))
        values.append(np.stack([steady.plain[salient], steady.aligned[salient]]))
        ratios.append([] if drawn.ratios is None else noise_to_signal.by_order(drawn.ratios))
        missed, games = missed + steady.missed, games + steady.games
        report("splits of noisy inputs", drawn.sample + 1, knowledge.n_samples)
    effects = np.concatenate(places, axis=1), np.concatenate(values, axis=1)
    return Found(*effects, ratios, missed, games)


def noise_floors(knowledge: Knowledge, model: nn.Module, sample: int) -> LayerEffects:
    """Noise floor of every effect of a sample, in units of the scores."""
    order = orders(knowledge.n_players)
    largest = np.abs(knowledge.scores(sample)).max(axis=-1)
    rounding = torch.finfo(dtype_of(model)).eps * largest[..., None, None] * 2 ** (order / 2)
    floor = np.broadcast_to(rounding, (*largest.shape, 2, len(order))).copy()
    measured = knowledge.noise_floor()
    if measured is not None:
        in_scores = measured.values[..., np.maximum(order, 1) - 1] * knowledge.normalisers()[..., None, None]
        floor = np.where(np.isfinite(in_scores), in_scores, floor)
    return floor


def floor_words(knowledge: Knowledge, model: nn.Module) -> str:
    """What the noise floor is, for people."""
    if knowledge.noise_floor() is not None:
        return "measured: effects of float32 against float64 scores"
    return f"rounding of {str(dtype_of(model)).removeprefix('torch.')} scores: eps max|v| 2**(order/2)"
