"""The strongest interactions of a sample at a layer, and where in the network each is seen first and last."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

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
        last: name of the last such layer; between the two it may be lost for a while.
    """

    op: str
    players: tuple[int, ...]
    names: tuple[str, ...]
    effect: float
    relative: float
    first: str
    last: str

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
    effects, thresholds = knowledge.effects(sample)[target], knowledge.thresholds()[target]
    names = knowledge.manifest["coords"]["players"][sample]
    unit = knowledge.normalisers()[target, row]
    found = []
    for op, coalition in strongest_places(effects[row], float(thresholds[row]), count):
        course = effects[:, op, coalition]
        first, last = seen(signs_of(course, thresholds))
        players = members(coalition)
        found.append(
            Interaction(
                op=OPS[op],
                players=players,
                names=tuple(names[player] for player in players),
                effect=float(course[row]),
                relative=float(ratio(np.asarray(course[row]), np.asarray(unit))),
                first=knowledge.layers[first[row]],
                last=knowledge.layers[last[row]],
            )
        )
    return found


def strongest_places(
    effects: Float64[np.ndarray, "2 n_coalitions"], threshold: float, count: int
) -> list[tuple[int, int]]:
    """Op and coalition of the salient effects of one game by absolute effect, at most ``count``.

    Equal effects are ordered by op, then by coalition index.
    """
    sizes = np.where(is_salient(effects, np.asarray(threshold)), np.abs(effects), 0.0).ravel()
    count = min(count, int(np.count_nonzero(sizes)))
    if not count:
        return []
    least = np.partition(sizes, -count)[-count]
    candidates = np.flatnonzero(sizes >= least)
    ranked = candidates[np.argsort(-sizes[candidates], kind="stable")][:count]
    return [divmod(int(place), effects.shape[-1]) for place in ranked]


def signs_of(
    courses: Float64[np.ndarray, "n_layers *rest"], thresholds: Float64[np.ndarray, "n_layers"]
) -> Int64[np.ndarray, "n_layers *rest"]:
    """Signs of some interactions in every layer, 0 where they are not salient."""
    threshold = thresholds.reshape(-1, *[1] * (courses.ndim - 1))
    return np.where(np.abs(courses) > threshold, np.sign(courses), 0).astype(np.int64)


def seen(
    signs: Int64[np.ndarray, "n_layers *rest"],
) -> tuple[Int64[np.ndarray, "n_layers *rest"], Int64[np.ndarray, "n_layers *rest"]]:
    """For each layer, the first and the last layer with the sign that an interaction has there.

    >>> seen(np.array([0, 1, -1, 1]))
    (array([0, 1, 2, 1]), array([0, 3, 2, 3]))
    """
    same = signs[:, None] == signs
    return same.argmax(axis=1), len(signs) - 1 - same[:, ::-1].argmax(axis=1)


def members(coalition: int) -> tuple[int, ...]:
    """Positions of the players of a coalition, ascending.

    >>> members(0b1010)
    (1, 3)
    """
    return tuple(player for player in range(coalition.bit_length()) if coalition >> player & 1)
