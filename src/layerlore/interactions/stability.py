"""How steady interactions are where the input is noisy (METHODS A8, A9)."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import nn

from layerlore.engines import Progress, progress_bars
from layerlore.errors import ConvergenceWarning
from layerlore.interactions import noise_to_signal
from layerlore.interactions.bootstrap import CONFIDENCE, RESAMPLES, resampling_weights
from layerlore.interactions.datasets import read_datasets, rows, write_datasets
from layerlore.interactions.draws import Noise
from layerlore.interactions.explain import NOISE, explain
from layerlore.interactions.given import check_split
from layerlore.interactions.knowledge import Knowledge
from layerlore.interactions.pooled import mean_and_median
from layerlore.interactions.prepare import Prepared, prepare
from layerlore.interactions.provenance import identity_of
from layerlore.interactions.salience import OPS
from layerlore.interactions.scores import Score
from layerlore.interactions.stability_given import (
    check_floats,
    check_noise,
    check_same,
    chosen_layers,
    noise_of,
    options_of,
    probes_of,
)
from layerlore.interactions.steadiness import Found, floor_words, measure
from layerlore.interactions.targets import Targets
from layerlore.players import Baseline, Players
from layerlore.players.samples import Inputs
from layerlore.probes import Probes

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

SIGMA = 0.02
"""For inputs scaled to 0 to 1, as in the paper."""
DRAWS = 16


@dataclass(frozen=True, eq=False)
class Stability:
    """How steady the salient interactions of each layer are under noise on the input. Made by `stability`.

    Attributes:
        by_order: dims ``layer, op, order``: ``mean`` and ``median`` of ``|mean over draws| / deviation over draws`` (no
            unit; large is steady) over samples, targets and interactions that are salient at the clean input;
            ``aligned_mean``, ``aligned_median``: the same for splits pulled toward the clean effects, NaN without a
            pull; each with ``_low`` and ``_high``, a bootstrap interval over samples, NaN where all are of one sample.
            ``n_effects``: interactions that count; ``n_left_out``, ``aligned_n_left_out``: those left out, whose
            deviation is under the noise floor.
        noise_ratio: dims ``sample, order, quantile``: quantiles over draws and coalitions of an order of
            ``|x_S - x'_S| / |x_S|``, ``x_S`` the values of the players in ``S`` alone; NaN where players do not
            own values.
        noise_boxes: dims ``order, quantile``: the same over all samples.
        settings: options, versions, and what the noise floor is.
    """

    by_order: xr.Dataset
    noise_ratio: xr.DataArray
    noise_boxes: xr.DataArray
    settings: dict[str, Any]

    @property
    def layers(self) -> list[str]:
        """Names of the layers by depth, ``output`` last."""
        return self.by_order.layer.values.tolist()

    def to_dataframe(self) -> pd.DataFrame:
        """One row per layer, op and order."""
        return self.by_order.to_dataframe().reset_index()

    def to_json(self) -> dict[str, Any]:
        """Plain lists and numbers; NaN becomes None."""
        return {
            "settings": self.settings,
            "by_order": rows(self.by_order),
            "noise_boxes": rows(self.noise_boxes.to_dataset()),
        }

    def save(self, path: Path | str) -> None:
        """Write one JSON file that `Stability.load` reads.

        Raises:
            RunError: it could not be written.
        """
        parts = {str(part.name): part.to_dataset() for part in (self.noise_ratio, self.noise_boxes)}
        write_datasets(path, "Stability", {"by_order": self.by_order, **parts}, self.settings)

    @classmethod
    def load(cls, path: Path | str) -> Stability:
        """Read what `save` wrote.

        Raises:
            RunError: no such file, or another one.
        """
        parts, settings = read_datasets(path, "Stability")
        ratio, boxes = (parts[name][name] for name in ("noise_ratio", "noise_boxes"))
        return cls(parts["by_order"], ratio, boxes, settings)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from layerlore.interactions.cards import stability_card

        return stability_card(self)

    def __repr__(self) -> str:
        draws, sigma = self.settings["draws"], self.settings["sigma"]
        return f"Stability({draws} draws of sigma {sigma:g}; layers {', '.join(self.layers)})"


def stability(
    model: nn.Module,
    probes: Probes,
    inputs: Inputs,
    targets: Targets,
    *,
    players: Players,
    baseline: Baseline | None = None,
    sigma: float = SIGMA,
    draws: int = DRAWS,
    seed: int = 0,
    layers: str | Sequence[str] | None = None,
    knowledge: Knowledge | None = None,
    score: Score | None = None,
    kappa: float | None = None,
    tolerance: float | None = None,
    pull: float | None = None,
    reference: str | None = None,
    solver: str | None = None,
    max_iterations: int | None = None,
    split_device: str | None = None,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    batch_size: int | None = None,
    budget: int | None = None,
    progress: Progress | bool | None = None,
) -> Stability:
    """How steady each layer's salient interactions are where Gaussian noise is added to the whole input.

    Noise comes before masking; baselines, players and targets stay those of the clean input. Draws depend on seed,
    position of the sample and its shape alone, so that all layers and all networks that take inputs of one shape see
    the same noisy inputs. What is salient is decided at the clean input.

    Near-optimal splits are many, and a part of what varies over the draws is the choice between them: the aligned
    values, of splits pulled toward the clean effects, stand beside those of independent splits (METHODS A4).

    Args:
        model: the network that the probes were trained on.
        probes: from `fit_probes`.
        inputs: samples, as `explain` takes them; of floating point. For sentences, ``Words(...).embed(model)``.
        targets: as in `explain`.
        players: likewise.
        baseline: likewise.
        sigma: standard deviation of the noise, in units of the inputs (0.02 for inputs scaled to 0 to 1).
        draws: number of draws, at least 2.
        seed: of the noise and of the bootstrap.
        layers: some of the layers; None takes all. The network's own ``output`` is always there.
        knowledge: the explanation of the clean inputs; None explains them first. Options below that are None are
            taken from it.
        score: as in `explain`, like all options up to ``split_device``; None takes its default.
        kappa: tolerance on the scores.
        tolerance: certified gap at which a split counts as solved.
        pull: toward the reference in the clean explanation, and toward the clean effects in the aligned draws.
        reference: what the clean splits are pulled toward.
        solver: ``"certified"`` or ``"paper"``.
        max_iterations: of the solver, for each game.
        split_device: where splits are computed.
        confidence: of the bootstrap intervals over samples.
        resamples: of the bootstrap.
        batch_size: masked inputs per forward pass; None takes up to 128 that fit.
        budget: bytes for a batch on the network's device; None takes half of what is free.
        progress: show progress bars; None in a notebook and where stderr is a terminal. A function is called
            as in `explain`.

    Returns:
        `Stability`. An effect whose deviation is under the noise floor is left out and counted. The floor is that of
        the explanation where it was measured (``knowledge.noise_floor()``); elsewhere what rounding of the scores
        does to a plain transform, ``eps * max |v(T)| * 2**(order / 2)`` with the ``eps`` of the network's dtype.

    Raises:
        InputError: inputs that are ids of tokens; zero, negative or infinite ``sigma``; fewer than two draws; an
            explanation of other inputs or options; all that `explain` refuses.
        ProbeError: probes of another network.
        BudgetError: not one masked input fits.

    Source: METHODS A8, A9; Cheng et al. 2024, section 4.3. Means and medians pool samples, targets and interactions
    *(ours)*. Cost: ``draws`` explanations' forward passes, and one more for the clean inputs without ``knowledge``.
    """
    check_noise(sigma, draws, seed, confidence, resamples)
    check_floats(inputs)
    settings, reference, score = options_of(
        knowledge,
        {"reference": reference, "score": score},
        {
            "kappa": kappa,
            "solver": solver,
            "tolerance": tolerance,
            "max_iterations": max_iterations,
            "pull": pull,
            "device": split_device,
        },
    )
    check_split(settings)
    explained = probes_of(probes, layers, knowledge)
    # Given an explanation, the task is that of the explanation, so that the two can be compared.
    noise_of_ceiling = (NOISE, 0) if knowledge is None else noise_of(knowledge)
    ready = prepare(
        model, explained, inputs, targets, players, baseline, score, settings, reference, *noise_of_ceiling,
        batch_size, budget,
    )  # fmt: skip
    with progress_bars(progress) as report:
        if knowledge is None:
            knowledge = _explain(model, explained, inputs, targets, players, ready, score, reference, budget, report)
        else:
            check_same(knowledge, identity_of(explained, ready.task, players, ready.baseline, score))
        chosen = chosen_layers(knowledge, layers)
        found = measure(knowledge, ready, Noise(sigma, draws, seed), chosen, report)
    described = {
        "network": knowledge.manifest["settings"]["network"],
        "layers": chosen,
        "sigma": sigma,
        "draws": draws,
        "seed": seed,
        "reference": reference,
        "split": dict(settings.__dict__),
        "noise_floor": floor_words(knowledge, model),
        "confidence": confidence,
        "resamples": resamples,
        "n_samples": knowledge.n_samples,
        "n_players": knowledge.n_players,
        "games": found.games,
        "games_missed": found.missed,
        "identity": {
            name: knowledge.manifest["identity"][name]
            for name in ("network", "probes", "inputs", "players", "baseline")
        },
        "versions": knowledge.manifest["versions"],
    }
    if found.missed and settings.solver == "certified":
        warnings.warn(
            f"{found.missed} of {found.games} games of noisy inputs missed the tolerance {settings.tolerance:g}: their "
            "effects may not be the sparsest",
            ConvergenceWarning,
            stacklevel=2,
        )
    return _result(found, chosen, described)


def _result(found: Found, layers: list[str], settings: dict[str, Any]) -> Stability:
    import xarray as xr

    n_samples, n_players = settings["n_samples"], settings["n_players"]
    weights = resampling_weights(n_samples, settings["resamples"], settings["seed"])
    counts = np.rint(weights * n_samples).astype(np.int64)
    shape = (len(layers), len(OPS), n_players)
    parts: dict[str, np.ndarray] = {}
    layer, op, less_one = found.effects[1:]
    cell: np.ndarray = np.asarray(np.ravel_multi_index((layer, op, less_one), shape))
    for prefix, values in zip(("", "aligned_"), found.values, strict=True):
        for place in range(math.prod(shape)):
            here = (cell == place) & np.isfinite(values)
            pooled = mean_and_median(values[here], found.effects[0, here], counts, settings["confidence"])
            for name, value in pooled.items():
                parts.setdefault(prefix + name, np.full(shape, np.nan)).flat[place] = value
    size = math.prod(shape)
    every, plain, aligned = (
        np.bincount(cell[kept], minlength=size).reshape(shape)
        for kept in (np.ones(len(cell), dtype=bool), *np.isfinite(found.values))
    )
    no_pull = settings["split"]["pull"] == 0 or settings["split"]["solver"] != "certified"
    parts |= {
        "n_effects": plain,
        "n_left_out": every - plain,
        "aligned_n_left_out": np.zeros_like(every) if no_pull else every - aligned,
    }
    order = list(range(1, n_players + 1))
    coords = {"layer": layers, "op": list(OPS), "order": order}
    by_order = xr.Dataset({name: (tuple(coords), values) for name, values in parts.items()}, coords)
    each, boxes = _boxes(found.ratios, n_players)
    axes = {"order": order, "quantile": list(noise_to_signal.QUANTILES)}
    return Stability(
        by_order=by_order,
        noise_ratio=xr.DataArray(each, {"sample": np.arange(n_samples), **axes}, ("sample", *axes), name="noise_ratio"),
        noise_boxes=xr.DataArray(boxes, axes, tuple(axes), name="noise_boxes"),
        settings=json.loads(json.dumps(settings)),
    )


def _boxes(ratios: list[list[np.ndarray]], n_players: int) -> tuple[np.ndarray, np.ndarray]:
    """Quantiles of the noise ratio, ``[sample, order, quantile]`` and ``[order, quantile]``."""
    nothing = [np.empty(0)] * n_players
    every = [found or nothing for found in ratios]
    each = np.stack([[noise_to_signal.quantiles(values) for values in found] for found in every])
    pooled = [np.concatenate([noise_to_signal.thinned(found[order]) for found in every]) for order in range(n_players)]
    return each, np.stack([noise_to_signal.quantiles(values) for values in pooled])


def _explain(
    model: nn.Module,
    probes: Probes,
    inputs: Inputs,
    targets: Targets,
    players: Players,
    ready: Prepared,
    score: Score,
    reference: str,
    budget: int | None,
    report: Progress,
) -> Knowledge:
    settings = ready.task.settings
    found = explain(
        model,
        probes,
        inputs,
        targets,
        players=players,
        baseline=ready.baseline,
        score=score,
        kappa=settings.kappa,
        tolerance=settings.tolerance,
        pull=settings.pull,
        reference=reference,
        solver=settings.solver,
        max_iterations=settings.max_iterations,
        split_device=settings.device,
        # Its second copy of the network would cost forward passes that the draws do not need.
        noise_samples=0,
        batch_size=ready.batch_size,
        budget=budget,
        progress=report,
    )
    assert isinstance(found, Knowledge)  # noqa: S101
    return found
