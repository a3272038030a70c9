"""The strongest interactions of a sample at a layer, and where in the network each first appears."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from layerlore.errors import InputError, closest
from layerlore.interactions.bootstrap import ratio
from layerlore.interactions.knowledge import Knowledge
from layerlore.interactions.salience import OPS, is_salient


@dataclass(frozen=True)
class Interaction:
    """A salient interaction of one sample at one layer.

    Attributes:
        op: ``"and"`` or ``"or"``.
        players: their positions, ascending.
        names: of the players.
        effect: in units of the score.
        relative: in units of the layer's normaliser; NaN where that is 0.
        first: name of the first layer in depth where it is salient with the same sign.
    """

    op: str
    players: tuple[int, ...]
    names: tuple[str, ...]
    effect: float
    relative: float
    first: str

    @property
    def label(self) -> str:
        """Such as ``AND {3, 5} +1.23``; a single player needs no op."""
        members = ", ".join(map(str, self.players))
        return f"{self.op.upper() if len(self.players) > 1 else 'player'} {{{members}}} {self.effect:+.2f}"


def strongest(knowledge: Knowledge, sample: int, layer: str, target: int = 0, count: int = 3) -> list[Interaction]:
    """Salient interactions of one sample at one layer by absolute effect, at most ``count``.

    Equal effects are ordered by op, then by coalition index.

    Args:
        knowledge: from `explain` or `load`.
        sample: position of the sample.
        layer: its name.
        target: position of the target.
        count: how many at most.

    Raises:
        InputError: no such sample or layer.
    """
    if layer not in knowledge.layers:
        raise InputError(f"there is no layer {layer!r}; {closest(layer, knowledge.layers)}")
    row = knowledge.layers.index(layer)
    effects = knowledge.effects(sample)[target]
    salient = is_salient(effects, knowledge.thresholds()[target])
    sizes = np.where(salient[row], np.abs(effects[row]), 0.0).ravel()
    ranked = np.argsort(-sizes, kind="stable")[:count]
    names = knowledge.manifest["coords"]["players"][sample]
    unit = knowledge.normalisers()[target, row]
    found = []
    for flat in ranked[sizes[ranked] > 0]:
        op, coalition = divmod(int(flat), effects.shape[-1])
        players = tuple(player for player in range(knowledge.n_players) if coalition >> player & 1)
        effect = float(effects[row, op, coalition])
        found.append(
            Interaction(
                op=OPS[op],
                players=players,
                names=tuple(names[player] for player in players),
                effect=effect,
                relative=float(ratio(np.asarray(effect), np.asarray(unit))),
                first=knowledge.layers[_first_layer(effects[:, op, coalition], salient[:, op, coalition], row)],
            )
        )
    return found


def _first_layer(effects: Float64[np.ndarray, "n_layers"], salient: np.ndarray, row: int) -> int:
    """Position of the first layer in which an interaction is salient with the sign that it has in ``row``."""
    return int(np.flatnonzero(salient & (np.sign(effects) == np.sign(effects[row])))[0])
