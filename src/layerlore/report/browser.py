"""The interaction browser: what a reader may pick from, and the interactions that the page then shows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from layerlore.figures.style import spread
from layerlore.interactions.knowledge import Knowledge
from layerlore.report.browser_sample import compact, sample_data
from layerlore.report.frame import embedded_json

if TYPE_CHECKING:
    from markupsafe import Markup

MOST_SAMPLES, MOST_LAYERS = 24, 24
MOST_KEPT, MOST_CARDS = 24, 8
"""Interactions of a sample at a layer that the page holds, and that it shows at once."""
MOST_LETTERS = 1_500_000
"""Size of the data of a page, for all targets together."""
LONGEST_OPENING = 40
"""Letters of a sentence by which it is told from others."""


@dataclass(frozen=True)
class Browser:
    """What the page shows of one target.

    Attributes:
        target: its position.
        samples: what each sample that can be picked is called.
        layers: names of those that can be picked, by depth.
        orders: that occur among the interactions.
        data: samples and interactions as JSON, inert; the script of the page draws them.
    """

    target: int
    samples: tuple[str, ...]
    layers: tuple[str, ...]
    orders: tuple[int, ...]
    data: Markup


def browser(knowledge: Knowledge, target: int = 0) -> Browser:
    """A bounded number of samples and layers with their strongest interactions.

    Samples of different target classes come first. Where the data would be too large, there are fewer samples.

    Args:
        knowledge: from `explain` or `load`; the effects of the chosen samples are read, one sample at a time.
        target: position of the target.
    """
    data = browser_data(knowledge, target, MOST_LETTERS // int(knowledge.data.sizes["target"]))
    found = [entry for sample in data["samples"] for entry in sample["found"]]
    return Browser(
        target=target,
        samples=tuple(sample["words"] + _opening(sample["sentence"]) for sample in data["samples"]),
        layers=tuple(data["layers"][position] for position in data["shown"]),
        orders=tuple(sorted({coalition.bit_count() for _, coalition, _ in found})),
        data=embedded_json(_text(data)),
    )


def browser_data(knowledge: Knowledge, target: int, most_letters: int = MOST_LETTERS) -> dict[str, Any]:
    """What the page's script reads, in types that JSON knows.

    ``layers``: all names by depth; ``shown``: positions of those that can be picked; ``units``: their normalisers,
    None where one is 0; ``cards``: how many interactions to show at once; ``samples``: see `sample_data`.
    """
    shown = spread(len(knowledge.layers), MOST_LAYERS)
    chosen = chosen_samples(knowledge, target, MOST_SAMPLES)
    every = {sample: sample_data(knowledge, sample, target, shown, MOST_KEPT) for sample in chosen}
    sizes = {sample: len(_text(entry)) for sample, entry in every.items()}
    while len(chosen) > 1 and sum(sizes[sample] for sample in chosen) > most_letters:
        chosen = chosen_samples(knowledge, target, len(chosen) - 1)
    units = knowledge.normalisers()[target, shown].tolist()
    return {
        "layers": knowledge.layers,
        "shown": shown,
        "units": [compact(unit) if unit else None for unit in units],
        "cards": MOST_CARDS,
        "samples": [every[sample] for sample in chosen],
    }


def chosen_samples(knowledge: Knowledge, target: int, count: int) -> list[int]:
    """The first sample of each target class, then the others, as far as ``count`` goes; ascending."""
    classes = [row[target] for row in knowledge.manifest["coords"]["target_class"]]
    first = [sample for sample, found in enumerate(classes) if found not in classes[:sample]]
    rest = [sample for sample in range(len(classes)) if sample not in first]
    return sorted((first + rest)[:count])


def _opening(words: list[list[Any]] | None) -> str:
    """How a sentence begins, by whole words; nothing for other samples."""
    if not words:
        return ""
    text = shorten(" ".join(text for text, _ in words), LONGEST_OPENING, placeholder=" …")
    return f": {text}"


def _text(data: dict[str, Any]) -> str:
    return json.dumps(data, allow_nan=False, separators=(",", ":"))
