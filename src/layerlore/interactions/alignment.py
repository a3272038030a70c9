"""Splits of the layers of one explanation, each pulled toward a guide (METHODS A4, aligned splits).

Near-optimal splits are many. Solved independently, two layers with almost equal
scores can be given different splits, which a ledger would call forgetting. So
each layer is solved with a pull toward its *guide*, whose effects are scaled to
the layer's own unit.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np
import torch
from jaxtyping import Float64

from layerlore.errors import ConvergenceWarning, InputError, closest
from layerlore.interactions.and_only import and_only
from layerlore.interactions.salience import OpEffects
from layerlore.interactions.sparsest import MAX_ITERATIONS, Split, sparsest

Scores = Float64[np.ndarray, "*batch n_layers n_coalitions"]
Guides = tuple[int | None, ...]
"""For each layer the position of the layer that it is pulled toward; None for a plain split."""


@dataclass(frozen=True)
class SplitSettings:
    """Options of `sparsest` for a whole explanation. ``pull=0`` gives the paper's independent splits.

    Beside the solvers of `sparsest` there is ``"moebius"``, which only `resplit` asks for: AND effects alone.
    """

    kappa: float = 0.04
    solver: str = "certified"
    tolerance: float = 0.02
    max_iterations: int = MAX_ITERATIONS
    pull: float = 0.1
    device: str = "cpu"

    def split(self, games: np.ndarray, toward: OpEffects | None = None) -> Split:
        """`sparsest` of NumPy games with these settings, pulled toward effects ``[..., op, coalition]`` if given.

        Says nothing of games that miss the tolerance: an explanation counts them once, not batch by batch.
        """
        if self.solver == "moebius":
            return and_only(games)
        options = {key: value for key, value in asdict(self).items() if key not in ("pull", "device")}
        guide = None
        if toward is not None and self.pull > 0 and self.solver == "certified":
            guide = Split.of_effects(toward[..., 0, :], toward[..., 1, :])
        tensor = torch.from_numpy(np.ascontiguousarray(games)).to(self.device)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            split = sparsest(tensor, toward=guide, pull=self.pull, **options)
        return Split(**{part.name: torch.as_tensor(getattr(split, part.name)).cpu().numpy() for part in fields(split)})


def effects_of(split: Split) -> OpEffects:
    """Both ops of a split, ``[..., op, coalition]``, 0 at the empty set."""
    effects = np.stack([np.asarray(split.and_effects), np.asarray(split.or_effects)], axis=-2)
    effects[..., 0] = 0
    return effects


def reference_guides(layers: Sequence[str], reference: str) -> Guides:
    """The guides for a reference: ``"final"``, ``"previous"`` or the name of a layer.

    With ``"final"`` or a name, all layers are pulled toward that one. With
    ``"previous"`` each layer is pulled toward the next one, from the output
    backwards, so that neighbours can be compared.

    Raises:
        InputError: no such layer.
    """
    if reference == "previous":
        return (*range(1, len(layers)), None)
    name = "output" if reference == "final" else reference
    if name not in layers:
        raise InputError(f"reference={reference!r} is no layer; {closest(reference, [*layers, 'final', 'previous'])}")
    guide = list(layers).index(name)
    return tuple(None if layer == guide else guide for layer in range(len(layers)))


def unit_ratio(layer: np.ndarray, guide: np.ndarray) -> np.ndarray:
    """Factor that takes effects of the guide to the unit of the layer; 0 where the guide has no unit."""
    return np.divide(layer, guide, out=np.zeros(np.broadcast(layer, guide).shape), where=guide > 0)


def split_layers(
    scores: Scores, units: Float64[np.ndarray, "*targets n_layers"], guides: Guides, settings: SplitSettings
) -> Split:
    """Split the games of all layers, guides before those they guide.

    Args:
        scores: ``[..., layer, coalition]``.
        units: normalisers of the layers, broadcast over the leading axes of ``scores``.
        guides: who is pulled toward whom.
        settings: options of the solver.

    Returns:
        A `Split` with the batch shape of ``scores``. Every game is solved independently of its neighbours in the
        batch, so that samples can be handed over in any grouping.
    """
    parts: dict[int, Split] = {}
    waiting = list(range(len(guides)))
    while waiting:
        ready = [layer for layer in waiting if guides[layer] is None or guides[layer] in parts]
        # Layers with one guide are solved as one batch.
        guide = guides[ready[0]]
        group = [layer for layer in ready if guides[layer] == guide]
        toward = None
        if guide is not None:
            factor = unit_ratio(units[..., group], units[..., [guide]])
            toward = effects_of(parts[guide])[..., None, :, :] * factor[..., None, None]
        split = settings.split(scores[..., group, :], toward)
        for number, layer in enumerate(group):
            parts[layer] = split[(slice(None),) * (scores.ndim - 2) + (number,)]
        waiting = [layer for layer in waiting if layer not in parts]
    ordered = [parts[layer] for layer in range(len(guides))]
    return Split(
        **{
            part.name: np.stack([getattr(split, part.name) for split in ordered], axis=scores.ndim - 2)
            for part in fields(Split)
        }
    )
