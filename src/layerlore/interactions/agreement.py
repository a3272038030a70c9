"""Whether networks hold the same interactions: agreement of salient sets, corrected for chance (METHODS A7, A9)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from layerlore.errors import InputError, check_choice, closest
from layerlore.interactions.alignment import SplitSettings
from layerlore.interactions.bootstrap import CONFIDENCE, RESAMPLES, resampling_weights
from layerlore.interactions.comparable import check_comparable
from layerlore.interactions.datasets import read_datasets, rows, write_datasets
from layerlore.interactions.knowledge import Knowledge
from layerlore.interactions.pairing import Side, by_order, compare, in_total, measured
from layerlore.interactions.salience import OPS

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

MEASURES = ("iou", "corrected", "weighted", "aligned_iou", "aligned_corrected")
POOLED = (*OPS, "all")
"""Ops of `Agreement.total`; ``"all"`` pools both."""


@dataclass(frozen=True, eq=False)
class Agreement:
    """How far networks hold the same salient interactions. Made by `agreement`.

    Attributes:
        by_order: dims ``pair, op, order``; OR has no order 1 and is NaN there.
        total: dims ``pair, op``, the sets of all orders taken together; its op ``"all"`` takes both ops together.
        names: of the networks.
        settings: options, layers and versions of the question.

    Variables of both, each a mean over the sets that are defined (one for each sample and target): ``iou``:
    intersection over union of the salient sets; ``chance``: what random sets of the same sizes have; ``corrected``:
    ``(iou - chance) / (1 - chance)`` of the two means, NaN where chance is 1; ``weighted``: sum of the smaller over sum
    of the larger strength, in units of each layer's normaliser; ``aligned_iou``, ``aligned_corrected``: the same for
    splits pulled toward the other's, NaN without a pull. All but ``chance`` have ``_low`` and ``_high`` beside them, a
    bootstrap interval over samples, NaN where a single sample is defined. ``n_defined``, ``n_empty``: sets of which the
    union holds something, and nothing. Coordinates ``model_a``, ``model_b``, ``layer_a``, ``layer_b`` belong to pairs.
    """

    by_order: xr.Dataset
    total: xr.Dataset
    names: tuple[str, ...]
    settings: dict[str, Any]

    def matrix(self, measure: str = "corrected", op: str | None = None, order: int | None = None) -> pd.DataFrame:
        """A measure for all pairs of models, symmetric; 1 on the diagonal (NaN for ``chance``).

        Args:
            measure: ``"iou"``, ``"chance"``, ``"corrected"``, ``"weighted"``, ``"aligned_iou"`` or
                ``"aligned_corrected"``.
            op: ``"and"`` or ``"or"``; None takes both together.
            order: of the interactions; None takes all together.

        Raises:
            InputError: no such measure, op or order; or an order without an op.
        """
        import pandas as pd

        check_choice(measure, (*MEASURES, "chance"), "measure")
        if op is not None:
            check_choice(op, OPS, "op")
        if order is not None and (op is None or order not in self.by_order.order):
            raise InputError(
                f"order={order} with op={op!r}: orders run from 1 to {int(self.by_order.order[-1])}, and belong to one "
                "op, 'and' or 'or'"
            )
        found = self.total.sel(op=op or "all") if order is None else self.by_order.sel(op=op, order=order)
        values = np.full((len(self.names), len(self.names)), np.nan)
        if measure != "chance":
            np.fill_diagonal(values, 1.0)
        for value, pair in zip(found[measure].values, _pairs(self.names), strict=True):
            values[pair] = values[pair[::-1]] = value
        return pd.DataFrame(values, index=list(self.names), columns=list(self.names))

    def to_dataframe(self) -> pd.DataFrame:
        """One row per pair, op and order."""
        return self.by_order.to_dataframe().reset_index()

    def to_json(self) -> dict[str, Any]:
        """Plain lists and numbers; NaN becomes None."""
        return {
            "names": list(self.names),
            "settings": self.settings,
            "total": rows(self.total),
            "by_order": rows(self.by_order),
        }

    def save(self, path: Path | str) -> None:
        """Write one JSON file that `Agreement.load` reads.

        Raises:
            RunError: it could not be written.
        """
        parts = {"by_order": self.by_order, "total": self.total}
        write_datasets(path, "Agreement", parts, self.settings | {"names": list(self.names)})

    @classmethod
    def load(cls, path: Path | str) -> Agreement:
        """Read what `save` wrote.

        Raises:
            RunError: no such file, or another one.
        """
        parts, settings = read_datasets(path, "Agreement")
        return cls(**parts, names=tuple(settings.pop("names")), settings=settings)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from layerlore.interactions.cards import agreement_card

        return agreement_card(self)

    def __repr__(self) -> str:
        return f"Agreement({len(self.names)} networks: {', '.join(self.names)})"


def agreement(
    *knowledges: Knowledge,
    layers: str | Sequence[str] | None = None,
    names: Sequence[str] | None = None,
    sign_aware: bool = False,
    pull: float | None = None,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Agreement:
    """How far networks that were explained on the same samples and players hold the same salient interactions.

    Networks may be of any architecture. Every pair is compared sample by sample, for each op and order. An interaction
    is salient above its own network's threshold for the layer (METHODS A5).

    Near-optimal splits are many, so two networks with almost the same scores can be given different ones. The aligned
    values compare each network's split, pulled toward the other's effects (scaled by the ratio of the layers' units),
    with the other's own, and average the two: the same whichever network comes first. They cost two solves for each
    pair, sample and target.

    Args:
        knowledges: two or more, from `explain` or `resplit`.
        layers: a layer's name for all, or one for each; None takes every network's ``output``.
        names: of the networks, one for each; None takes those that the explanations hold, numbered where they repeat.
        sign_aware: count an interaction as shared only where both effects have one sign. Such an interaction still
            counts once in the union. Chance is that of signs shuffled together with the sets.
        pull: of the aligned splits, 0 to 1; None takes what each explanation was made with, 0 leaves them out.
        confidence: of the bootstrap intervals over samples.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    Returns:
        `Agreement`.

    Raises:
        InputError: fewer than two explanations; other samples, players or targets (see `comparable`); no such layer;
            names that repeat; an option out of range.

    Source: METHODS A7, A9; Cheng et al. 2024, section 4.2. The strength-weighted value is the Jaccard index of
    multisets (Ruzicka's similarity), ``sum over S of min(a, b) / sum over S of max(a, b)``, with ``a`` and ``b`` the
    strengths ``|I(S)| / s`` of salient interactions and 0 for the others; with ``sign_aware`` the smaller is 0 where
    the signs differ.
    """
    _check_options(knowledges, pull, confidence, resamples, seed)
    named = _names(knowledges, names)
    check_comparable(knowledges, named)
    sides = [
        Side(*given) for given in zip(knowledges, _layers(knowledges, layers), _pulls(knowledges, pull), strict=True)
    ]
    weights = resampling_weights(knowledges[0].n_samples, resamples, seed)
    found: dict[str, list[dict[str, np.ndarray]]] = {"by_order": [], "total": []}
    for first, second in _pairs(named):
        raw, aligned = compare(sides[first], sides[second], sign_aware)
        for part, values in (("by_order", by_order), ("total", in_total)):
            found[part].append(measured(values(raw), [values(side) for side in aligned], weights, confidence))
    settings = {
        "layers": dict(zip(named, [side.layer for side in sides], strict=True)),
        "sign_aware": sign_aware,
        "pull": dict(zip(named, [side.settings.pull for side in sides], strict=True)),
        "confidence": confidence,
        "resamples": resamples,
        "seed": seed,
        "n_samples": knowledges[0].n_samples,
        "n_players": knowledges[0].n_players,
    }
    orders = list(range(1, knowledges[0].n_players + 1))
    labels = {"op": list(OPS), "order": orders}
    return Agreement(
        by_order=_without_or_of_one(_labelled(found["by_order"], named, sides, labels)),
        total=_labelled(found["total"], named, sides, {"op": list(POOLED)}),
        names=tuple(named),
        settings=settings,
    )


def _labelled(
    parts: list[dict[str, np.ndarray]], names: Sequence[str], sides: Sequence[Side], labels: dict[str, list[Any]]
) -> xr.Dataset:
    import xarray as xr

    dims = ("pair", *labels)
    sizes = tuple(map(len, labels.values()))
    variables = {name: (dims, np.stack([part[name].reshape(sizes) for part in parts])) for name in parts[0]}
    first, second = zip(*_pairs(names), strict=True)
    coords = {
        "pair": [f"{names[a]} | {names[b]}" for a, b in _pairs(names)],
        "model_a": ("pair", [names[side] for side in first]),
        "model_b": ("pair", [names[side] for side in second]),
        "layer_a": ("pair", [sides[side].layer for side in first]),
        "layer_b": ("pair", [sides[side].layer for side in second]),
    }
    return xr.Dataset(variables, coords | labels)


def _without_or_of_one(data: xr.Dataset) -> xr.Dataset:
    """OR of a single player does not exist: it is merged into AND, so that its empty sets mean nothing."""
    import xarray as xr

    exists = (data.op != "or") | (data.order > 1)
    return data.assign({"n_empty": xr.where(exists, data.n_empty, 0).transpose(*data.n_empty.dims)})


def _pairs(names: Sequence[str]) -> list[tuple[int, int]]:
    return list(itertools.combinations(range(len(names)), 2))


def _check_options(
    knowledges: Sequence[Knowledge], pull: float | None, confidence: float, resamples: int, seed: int
) -> None:
    if len(knowledges) < 2:
        raise InputError(
            f"agreement needs two or more explanations, {len(knowledges)} given: pass one for each network"
        )
    for number, knowledge in enumerate(knowledges):
        if not isinstance(knowledge, Knowledge):
            raise InputError(
                f"argument {number} of agreement is a {type(knowledge).__name__}: pass what explain returns, one "
                "Knowledge after the other"
            )
    if pull is not None and not 0 <= pull <= 1:
        raise InputError(f"pull={pull} must lie between 0 and 1")
    if not 0 < confidence < 1 or resamples < 1 or seed < 0:
        raise InputError(
            f"confidence={confidence} must lie between 0 and 1, resamples={resamples} be at least 1 and seed={seed} at "
            "least 0"
        )


def _names(knowledges: Sequence[Knowledge], names: Sequence[str] | None) -> list[str]:
    if names is None:
        found: list[str] = []
        for knowledge in knowledges:
            name, number = str(knowledge.manifest["settings"]["network"]), 1
            while (name if number == 1 else f"{name} ({number})") in found:
                number += 1
            found.append(name if number == 1 else f"{name} ({number})")
        return found
    if isinstance(names, str) or len(names) != len(knowledges):
        raise InputError(f"names={names!r}: one name for each of the {len(knowledges)} explanations is needed")
    repeated = sorted({name for name in names if list(names).count(name) > 1})
    if repeated:
        raise InputError(f"names holds {repeated[0]!r} more than once: give each network a name of its own")
    return [str(name) for name in names]


def _layers(knowledges: Sequence[Knowledge], layers: str | Sequence[str] | None) -> list[str]:
    single = layers if layers is None or isinstance(layers, str) else None
    chosen = [single or "output"] * len(knowledges) if layers is None or single else list(layers)
    if len(chosen) != len(knowledges):
        raise InputError(f"layers={chosen}: one layer for each of the {len(knowledges)} explanations is needed")
    for number, (knowledge, layer) in enumerate(zip(knowledges, chosen, strict=True)):
        if layer not in knowledge.layers:
            raise InputError(f"explanation {number} has no layer {layer!r}; {closest(layer, knowledge.layers)}")
    return chosen


def _pulls(knowledges: Sequence[Knowledge], pull: float | None) -> list[SplitSettings]:
    """Settings of each explanation, with the pull that its aligned splits get; 0 where its solver knows none."""
    found = []
    for number, knowledge in enumerate(knowledges):
        own = knowledge.split_settings
        if own.solver != "certified" and pull:
            raise InputError(
                f"pull={pull}, but explanation {number} was split with solver={own.solver!r}, which has no pull: leave "
                "pull out, or pass 0"
            )
        possible = own.pull if pull is None else pull
        found.append(replace(own, pull=possible if own.solver == "certified" else 0.0))
    return found
