"""Per-sample sums of a run through depth: what the claims about depth are tested on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float64

from layerlore.errors import InputError
from layerlore.interactions.alignment import reference_guides
from layerlore.interactions.bootstrap import ratio
from layerlore.interactions.calibration import Yardsticks, in_units
from layerlore.interactions.compare import layer_sums
from layerlore.interactions.knowledge import Knowledge
from layerlore.interactions.salience import is_salient, sum_by_order
from layerlore.interactions.shares import SUMS

PerOrder = Float64[np.ndarray, "n_samples n_layers n_players"]
WithOutput = Float64[np.ndarray, "n_samples n_layers_and_output n_players"]


@dataclass(frozen=True, eq=False)
class DepthTables:
    """Sums over the interactions of each sample, AND and OR together, by order (1 first), in units of the layer.

    Rows are the layers by depth; ``strength`` and ``salient`` have one more, the network's output.

    Attributes:
        layers: names of the rows, without the output.
        overlap: strength shared with the output (METHODS A6).
        forget: strength that the output lacks.
        all_earlier: strength of the layer, ``overlap + forget``.
        all_later: strength of the output.
        strength: summed absolute effects of the salient interactions, output last.
        salient: how many those are.
        first: mean relative depth (0 the first layer, 1 the output) of the layers in which the interactions of an
            order are first salient, ``[n_samples, n_players]``; NaN where none is salient anywhere.
        floor: completeness of each row that an unrelated output would show, pooled over samples; NaN where unknown.
    """

    layers: tuple[str, ...]
    overlap: PerOrder
    forget: PerOrder
    all_earlier: PerOrder
    all_later: PerOrder
    strength: WithOutput
    salient: WithOutput
    first: Float64[np.ndarray, "n_samples n_players"]
    floor: Float64[np.ndarray, " n_layers"]

    @property
    def n_samples(self) -> int:
        """Samples explained."""
        return len(self.overlap)

    @property
    def n_players(self) -> int:
        """Players of each sample: the highest order."""
        return self.overlap.shape[-1]

    def depth(self) -> Float64[np.ndarray, " n_layers"]:
        """Place of each row, 0 the first layer and 1 the last."""
        return np.linspace(0, 1, len(self.layers)) if len(self.layers) > 1 else np.zeros(len(self.layers))

    def completeness(
        self, weights: Float64[np.ndarray, "n_draws n_samples"]
    ) -> Float64[np.ndarray, "n_draws n_layers"]:
        """Share of the output's strength that each row holds, pooled over weighted samples, ops and orders."""
        return _pooled(weights, self.overlap, self.all_later)

    def redundancy(self, weights: Float64[np.ndarray, "n_draws n_samples"]) -> Float64[np.ndarray, "n_draws n_layers"]:
        """Share of each row's strength that the output lacks, likewise."""
        return _pooled(weights, self.forget, self.all_earlier)


def low_orders(n_players: int) -> slice:
    """Orders up to a third of the players, as a slice of an axis that begins with order 1.

    >>> low_orders(10), high_orders(10)
    (slice(0, 3, None), slice(6, 10, None))
    """
    return slice(0, max(1, n_players // 3))


def high_orders(n_players: int) -> slice:
    """Orders from two thirds of the players on: about as many interactions as `low_orders`."""
    return slice(-(-2 * n_players // 3) - 1, n_players)


def in_words(orders: slice) -> str:
    """Orders as a reader counts them.

    >>> in_words(high_orders(10)), in_words(low_orders(5))
    ('orders 7 to 10', 'order 1')
    """
    first, last = orders.start + 1, orders.stop
    return f"order {first}" if first == last else f"orders {first} to {last}"


def depth_tables(knowledge: Knowledge, target: int = 0) -> DepthTables:
    """The sums of every sample of a run that was compared with the network's output.

    Args:
        knowledge: explained with ``reference="final"``.
        target: position of the target.

    Raises:
        InputError: another reference, or no such target.
    """
    if knowledge.manifest["settings"]["reference"] != "final":
        raise InputError(
            f"these claims compare layers with the output, and the run was explained with reference="
            f"{knowledge.manifest['settings']['reference']!r}: explain with reference='final'"
        )
    if not 0 <= target < int(knowledge.data.sizes["target"]):
        raise InputError(f"target={target} is out of range: there are {int(knowledge.data.sizes['target'])} targets")
    units, thresholds = (part[[target]] for part in (knowledge.normalisers(), knowledge.thresholds()))
    guides = reference_guides(knowledge.layers, "final")

    def effects() -> Iterator[np.ndarray]:
        return (knowledge.effects(sample)[[target]] for sample in range(knowledge.n_samples))

    # [sample, row, sum, order]
    sums = layer_sums(effects(), guides, Yardsticks(units, ratio(thresholds, units)))[:, 0].sum(axis=-2)
    named = {name: sums[:, :, place] for place, name in enumerate(SUMS)}
    strength, salient, first = zip(*(_of_sample(found[0], units[0], thresholds[0]) for found in effects()), strict=True)
    floor = knowledge.ledger("final", resamples=1).total["floor_completeness"].isel(target=target)
    return DepthTables(
        layers=tuple(knowledge.layers[:-1]),
        overlap=named["overlap"],
        forget=named["forget"],
        all_earlier=named["all_earlier"],
        all_later=named["all_later"],
        strength=np.stack(strength),
        salient=np.stack(salient),
        first=np.stack(first),
        floor=np.asarray(floor.values, dtype=np.float64),
    )


def same_samples(tables: list[DepthTables]) -> None:
    """Check that runs can be compared layer by layer and sample by sample.

    Raises:
        InputError: their layers, samples or players differ.
    """
    for first, second in pairwise(tables):
        if first.layers != second.layers or first.overlap.shape != second.overlap.shape:
            raise InputError(
                f"runs of different layers, samples or players cannot be compared: {first.overlap.shape} of "
                f"{first.layers[:3]}..., and {second.overlap.shape} of {second.layers[:3]}..."
            )


def _of_sample(
    effects: Float64[np.ndarray, "n_layers 2 n_coalitions"],
    units: Float64[np.ndarray, " n_layers"],
    thresholds: Float64[np.ndarray, " n_layers"],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Strength and number by layer and order, and the mean depth of first salience by order."""
    salient = is_salient(effects, thresholds)
    sizes = np.where(salient, np.abs(in_units(effects, units)), 0.0)
    depth = np.arange(len(effects)) / max(len(effects) - 1, 1)
    ever = np.asarray(salient.any(axis=0))
    begins = np.where(ever, depth[salient.argmax(axis=0)], 0.0)
    counted = sum_by_order(ever.astype(np.float64)).sum(0)
    first = ratio(sum_by_order(begins).sum(0), counted)
    return sum_by_order(sizes).sum(1), sum_by_order(salient.astype(np.float64)).sum(1), first


def _pooled(
    weights: Float64[np.ndarray, "n_draws n_samples"], part: PerOrder, whole: PerOrder
) -> Float64[np.ndarray, "n_draws n_layers"]:
    return ratio(weights @ part.sum(-1), weights @ whole.sum(-1))
