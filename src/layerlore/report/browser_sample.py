"""One sample of the interaction browser: what it looks like, and its strongest interactions at some layers."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64

from layerlore.figures.interactions import seen, signs_of, strongest_places
from layerlore.figures.pictures import picture
from layerlore.figures.sentences import sentence
from layerlore.interactions.knowledge import Knowledge
from layerlore.interactions.salience import is_salient
from layerlore.interactions.survival import spans

MOST_VALUES = 6
"""Numbers that are written for one player; of more, the first."""


def sample_data(knowledge: Knowledge, sample: int, target: int, shown: list[int], count: int) -> dict[str, Any]:
    """A sample in types that JSON knows.

    ``sample``: its position; ``words``: what it is called; ``players``: their names; ``values``: what each of them says
    in a row of a table; ``picture``: see `Picture`; ``sentence``: words and the player that owns each, -1 for
    background (the last three are None where the sample is something else); and its interactions, see `interactions`.

    Args:
        knowledge: from `explain` or `load`.
        sample: position of the sample.
        target: position of the target.
        shown: positions of the layers that can be picked.
        count: interactions of each layer at most.
    """
    image, chunks = picture(knowledge, sample), sentence(knowledge, sample)
    return {
        "sample": sample,
        "words": _words(knowledge, sample, target),
        "players": [str(name) for name in knowledge.manifest["coords"]["players"][sample]],
        "values": player_values(knowledge, sample),
        "picture": image and dataclasses.asdict(image),
        "sentence": chunks and [[chunk.text, chunk.player] for chunk in chunks],
    } | interactions(knowledge.effects(sample)[target], knowledge.thresholds()[target], shown, count)


def interactions(
    effects: Float64[np.ndarray, "n_layers 2 n_coalitions"],
    thresholds: Float64[np.ndarray, "n_layers"],
    shown: list[int],
    count: int,
) -> dict[str, Any]:
    """The strongest salient interactions of one sample at some layers.

    ``found``: each once, as its op (0 for AND, 1 for OR), its coalition and its effect in every shown layer, 0 where it
    is not salient; ``strongest``: for every shown layer, strongest first, the place in ``found`` and positions of four
    layers: where the interaction is seen first, where its present life begins, where that ends (`spans`), and where it
    is seen last (`seen`); ``salient``: how many are salient there.

    Args:
        effects: of one sample.
        thresholds: of each layer.
        shown: positions of layers.
        count: interactions of each layer at most.
    """
    ranked = [strongest_places(effects[layer], float(thresholds[layer]), count) for layer in shown]
    places = list(dict.fromkeys(place for row in ranked for place in row))
    ops, coalitions = np.array(places, dtype=np.int64).reshape(-1, 2).T
    courses = effects[:, ops, coalitions]
    signs = signs_of(courses, thresholds)
    (first, last), (begin, end) = seen(signs), spans(signs)
    stations = np.stack([first, begin, end, last], axis=-1)
    kept = np.where(signs != 0, courses, 0.0)[shown]
    number = {place: position for position, place in enumerate(places)}
    return {
        "found": [
            [op, coalition, [compact(effect) for effect in kept[:, position].tolist()]]
            for position, (op, coalition) in enumerate(places)
        ],
        "strongest": [
            [[number[place], *stations[layer, number[place]].tolist()] for place in row]
            for layer, row in zip(shown, ranked, strict=True)
        ],
        "salient": [int(is_salient(effects[layer], np.asarray(thresholds[layer])).sum()) for layer in shown],
    }


def player_values(knowledge: Knowledge, sample: int) -> list[str] | None:
    """What each player of a table's row says; None for samples that are no rows."""
    owner, values = knowledge.owner(sample), knowledge.inputs(sample)
    if owner is None or values.ndim != 1 or owner.shape != values.shape or values.dtype.kind != "f":
        return None
    coords = knowledge.manifest["coords"]
    names = [str(name) for name in coords["players"][sample]]
    if coords.get("pieces"):
        pieces = np.asarray(coords["pieces"][sample], dtype=object)
        texts = [[str(piece) for piece in pieces[owner == player] if piece] for player in range(len(names))]
    else:
        texts = [_numbers(values[owner == player]) for player in range(len(names))]
    return [", ".join(said).removeprefix(f"{name} ") for name, said in zip(names, texts, strict=True)]


def _numbers(values: Float32[np.ndarray, "n_owned"]) -> list[str]:
    return [f"{value:.3g}" for value in values[:MOST_VALUES]] + ["…"] * (len(values) > MOST_VALUES)


def compact(number: float) -> float | int:
    """A number to seven digits, as many as the single precision of scores holds.

    >>> compact(0.123456789), compact(0.0)
    (0.1234568, 0)
    """
    return float(f"{number:.7g}") if number else 0


def _words(knowledge: Knowledge, sample: int, target: int) -> str:
    """Which sample this is: its position, its class, and what the network makes of it."""
    coords = knowledge.manifest["coords"]
    wanted, predicted = coords["target_class"][sample][target], coords["predicted"][sample]
    said = "" if predicted == wanted else f" (the network says {predicted})"
    return f"sample {sample}, class {wanted}{said}"
