"""A few samples with their strongest interactions, ready to be drawn."""

from __future__ import annotations

from dataclasses import dataclass

from layerlore.figures import Interaction, strongest
from layerlore.figures.pictures import Picture, picture
from layerlore.figures.style import spread
from layerlore.interactions.knowledge import Knowledge

MOST_EXAMPLES = 4
MOST_LAYERS = 3


@dataclass(frozen=True)
class Example:
    """One sample.

    Attributes:
        sample: its position.
        target_class: class that was explained.
        predicted: class that the network gives it.
        picture: the sample as an image, or None.
        players: names of its players.
        values: the input's numbers that each player owns, for rows of a table; else None.
        layers: names of layers with the strongest interactions there.
        largest: largest absolute effect shown, 0 if there is none.
    """

    sample: int
    target_class: int
    predicted: int
    picture: Picture | None
    players: tuple[str, ...]
    values: tuple[str, ...] | None
    layers: tuple[tuple[str, tuple[Interaction, ...]], ...]
    largest: float


def examples(knowledge: Knowledge, target: int = 0, count: int = MOST_EXAMPLES) -> list[Example]:
    """At most ``count`` samples, those of different target classes first, at some layers and the output."""
    return [_example(knowledge, sample, target) for sample in chosen_samples(knowledge, target, count)]


def chosen_samples(knowledge: Knowledge, target: int, count: int) -> list[int]:
    """The first sample of each target class, then the others, as far as ``count`` goes; ascending."""
    classes = [row[target] for row in knowledge.manifest["coords"]["target_class"]]
    first = [sample for sample, found in enumerate(classes) if found not in classes[:sample]]
    rest = [sample for sample in range(len(classes)) if sample not in first]
    return sorted((first + rest)[:count])


def chosen_layers(knowledge: Knowledge) -> list[str]:
    """The first, the middle and the last probed layer, and the output."""
    *probed, output = knowledge.layers
    return [probed[position] for position in spread(len(probed), MOST_LAYERS)] + [output]


def _example(knowledge: Knowledge, sample: int, target: int) -> Example:
    coords = knowledge.manifest["coords"]
    layers = tuple((layer, tuple(strongest(knowledge, sample, layer, target))) for layer in chosen_layers(knowledge))
    return Example(
        sample=sample,
        target_class=coords["target_class"][sample][target],
        predicted=coords["predicted"][sample],
        picture=picture(knowledge, sample),
        players=tuple(coords["players"][sample]),
        values=_values(knowledge, sample),
        layers=layers,
        largest=max((abs(found.effect) for _, shown in layers for found in shown), default=0.0),
    )


def _values(knowledge: Knowledge, sample: int) -> tuple[str, ...] | None:
    """What each player of a table's row says; None for other samples, such as sentences, whose players are words."""
    owner, values = knowledge.owner(sample), knowledge.inputs(sample)
    if owner is None or values.ndim != 1 or owner.shape != values.shape or values.dtype.kind != "f":
        return None
    pieces = (knowledge.manifest["coords"].get("pieces") or [None] * knowledge.n_samples)[sample]
    if pieces is not None:
        said = [
            [piece for piece, mine in zip(pieces, owner == player, strict=True) if mine and piece]
            for player in range(knowledge.n_players)
        ]
        return tuple(", ".join(texts) for texts in said)
    return tuple(
        ", ".join(f"{value:.3g}" for value in values[owner == player]) for player in range(knowledge.n_players)
    )
