"""What a notebook shows of results through depth: what is at hand, nothing that takes long to compute."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from layerlore.interactions.agreement import Agreement
from layerlore.interactions.knowledge import Knowledge
from layerlore.interactions.ledger import Ledger
from layerlore.interactions.salience import OPS
from layerlore.interactions.sparsest import Split
from layerlore.interactions.stability import Stability
from layerlore.notebook import NOTHING, between, card, counted, decimal, number
from layerlore.typing import ArrayLike

if TYPE_CHECKING:
    import xarray as xr

MOST_ORDERS = 10


def knowledge_card(knowledge: Knowledge) -> str:
    """Each layer's probe, its unit and threshold, and how far its splits can be from the best ones."""
    accuracy = {row["layer"]: row["validation_accuracy"] for row in knowledge.manifest["quality"]}
    gaps = knowledge.data["aligned_gap"].max("sample").transpose("target", "layer").values
    units, thresholds = knowledge.normalisers(), knowledge.thresholds()
    targets = knowledge.manifest["coords"]["target"]
    rows = [
        (
            str(name),
            layer,
            decimal(accuracy[layer], 3),
            number(float(units[target, place])),
            number(float(thresholds[target, place])),
            _percent(float(gaps[target, place])),
        )
        for target, name in enumerate(targets)
        for place, layer in enumerate(knowledge.layers)
    ]
    columns = ("target", "layer", "probe accuracy", "unit", "salient above", "worst gap")
    several = len(targets) > 1
    layers, samples = counted(len(knowledge.layers), "layer"), counted(knowledge.n_samples, "sample")
    return card(
        f"Knowledge: what {layers} of {knowledge.manifest['settings']['network']} hold about {samples} of "
        f"{counted(knowledge.n_players, 'player')}",
        columns[not several :],
        [row[not several :] for row in rows],
        notes=knowledge.notes,
        words=range(1 + several),
        hint="unit: mean over samples of |v(N) - v(empty)|; salient above: least size of an effect that counts; worst "
        "gap: how far a split can be from the best one. ledger() says what the layers share with the output",
    )


def ledger_card(ledger: Ledger) -> str:
    """Completeness and redundancy of each layer, all orders together."""
    total = ledger.total.transpose("target", "layer")
    targets, layers = (total[name].values.tolist() for name in ("target", "layer"))
    several = len(targets) > 1
    rows = [
        (
            str(target),
            str(layer),
            *(between(*(float(cell[name + end]) for end in ("", "_low", "_high"))) for name in _SHARES),
            *(decimal(float(cell[f"{line}_completeness"])) for line in ("ceiling", "floor")),
        )
        for target in targets
        for layer in layers
        for cell in [total.sel(target=target, layer=layer)]
    ]
    return card(
        f"Ledger: what the layers share with {_reference(ledger.reference)}, with {100 * ledger.confidence:g} % "
        "intervals",
        ("target", "layer", *_SHARES, "ceiling", "floor")[not several :],
        [row[not several :] for row in rows],
        words=range(1 + several),
        hint="completeness: share of the later layer's strength that the earlier one holds; redundancy: share of the "
        "earlier one's that the later one lacks; ceiling and floor: completeness of layers in full agreement, and of "
        "unrelated ones. by_order has each order",
    )


def agreement_card(agreement: Agreement) -> str:
    """How far each pair of networks holds the same interactions, all orders together."""
    total = agreement.total.sel(op="all")
    rows = [
        (
            str(total.model_a.values[pair]),
            str(total.model_b.values[pair]),
            *(between(*(float(total[name + end][pair]) for end in ("", "_low", "_high"))) for name in _SETS),
            decimal(float(total["chance"][pair])),
            str(int(total["n_defined"][pair])),
        )
        for pair in range(total.sizes["pair"])
    ]
    names = ("network", "and", "shared", "corrected", "by strength", "corrected, aligned", "chance", "sets")
    return card(
        f"Agreement: {len(agreement.names)} networks, {counted(agreement.settings['n_samples'], 'sample')}",
        names,
        rows,
        words=(0, 1),
        hint="shared: salient interactions of both over those of either; corrected: 0 is chance, 1 the same; aligned: "
        "of splits pulled toward each other. by_order has each order",
    )


def stability_card(stability: Stability) -> str:
    """How steady the interactions of each layer are, by order."""
    data = stability.by_order
    aligned = bool(np.isfinite(data["aligned_median"].values).any())
    name = "aligned_median" if aligned else "median"
    orders = data["order"].values.tolist()
    chosen = orders[:MOST_ORDERS]
    rows = [
        (layer, op, *_steadiness(cell[name], chosen), str(int(cell["n_effects"].sum())))
        for layer in stability.layers
        for op in OPS
        for cell in [data.sel(layer=layer, op=op)]
    ]
    settings = stability.settings
    fewer = f"; the first {len(chosen)} of {len(orders)} orders" if len(chosen) < len(orders) else ""
    return card(
        f"Stability: {settings['draws']} draws of noise, sigma {settings['sigma']:g}{fewer}",
        ("layer", "op", *(f"order {order}" for order in chosen), "effects"),
        rows,
        words=(0, 1),
        hint="median over effects of |mean over draws| / deviation over draws: large is steady"
        + ("; of splits pulled toward those without noise" if aligned else ""),
    )


def split_card(split: Split) -> str:
    """How large and how certain the splits of some games are."""
    objective, gap, converged = (_numbers(part) for part in (split.objective, split.gap, split.converged))
    n_players = int(split.and_effects.shape[-1]).bit_length() - 1
    rows = [
        (name, *(number(float(end)) for end in (values.min(), np.median(values), values.max())))
        for name, values in (("L1 norm of the effects", objective), ("certified gap", gap))
        if values.size
    ]
    games = f"{counted(objective.size, 'game')} of {counted(n_players, 'player')}"
    return card(
        f"Split: {games}, {int(converged.sum())} within the tolerance",
        ("", "least", "median", "largest"),
        rows,
        hint="and_effects and or_effects hold the interactions, one for each coalition",
    )


def _numbers(values: ArrayLike) -> np.ndarray:
    found = values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else np.asarray(values)
    return found.ravel()


_SHARES = ("completeness", "redundancy")
_SETS = ("iou", "corrected", "weighted", "aligned_corrected")


def _steadiness(values: xr.DataArray, orders: list[int]) -> list[str]:
    return [number(float(values.sel(order=order))) for order in orders]


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %" if np.isfinite(share) else NOTHING


def _reference(reference: str) -> str:
    return {"final": "the output", "previous": "the layer before"}.get(reference, reference)
