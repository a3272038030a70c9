"""What `stability` is given: checked, and brought together with an explanation of the clean inputs if there is one."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from layerlore.errors import InputError, closest
from layerlore.interactions.alignment import SplitSettings
from layerlore.interactions.knowledge import Knowledge
from layerlore.interactions.scores import Score
from layerlore.players import Samples
from layerlore.players.samples import Inputs
from layerlore.probes import Probes
from layerlore.storage import differences


def check_noise(sigma: float, draws: int, seed: int, confidence: float, resamples: int) -> None:
    """Raise `InputError` where an option of the noise or of the bootstrap is out of range."""
    if not (math.isfinite(sigma) and sigma > 0):
        raise InputError(
            f"sigma={sigma} must be a finite number above 0: without noise nothing varies (0.02 is the paper's, for "
            "inputs scaled to 0 to 1)"
        )
    if draws < 2:
        raise InputError(f"draws={draws}: at least 2 are needed to see a deviation, 16 are the default")
    if not 0 < confidence < 1 or resamples < 1 or seed < 0:
        raise InputError(
            f"confidence={confidence} must lie between 0 and 1, resamples={resamples} be at least 1 and seed={seed} at "
            "least 0"
        )


def check_floats(inputs: Inputs) -> None:
    """Raise `InputError` where inputs are ids of tokens, or other integers."""
    samples = Samples.of(inputs)
    main = samples.parts[samples.main]
    if not main.is_floating_point():
        what = f"inputs[{samples.main!r}]" if samples.named else "inputs"
        raise InputError(
            f"{what} has dtype {str(main.dtype).removeprefix('torch.')}: no noise can be added to ids of tokens. Pass "
            "the same sentences as embeddings, words.embed(model) of layerlore.Words; numbers must be floating point"
        )


def options_of(
    knowledge: Knowledge | None, asked: dict[str, Any], split: dict[str, Any]
) -> tuple[SplitSettings, str, Score]:
    """Options of the splits, reference and score: as asked, else those of the explanation, else `explain`'s own.

    Raises:
        InputError: an option that the explanation was not made with, or its score is a function and was not passed.
    """
    given = {name: value for name, value in split.items() if value is not None}
    if knowledge is None:
        return replace(SplitSettings(), **given), asked["reference"] or "final", asked["score"] or "log_odds"
    own = knowledge.split_settings
    reference = str(knowledge.manifest["settings"]["reference"])
    pairs = [(name, value, getattr(own, name)) for name, value in given.items()]
    pairs.append(("reference", asked["reference"] or reference, reference))
    for name, value, found in pairs:
        if value != found:
            raise InputError(
                f"{name}={value!r}, but knowledge= was made with {found!r}: leave {name} out, or pass an explanation "
                "with these options (resplit makes one without forward passes)"
            )
    score = asked["score"] or knowledge.manifest["identity"]["score"]
    if isinstance(score, str) and score not in ("log_odds", "logit"):
        raise InputError(f"knowledge= was scored by the function {score}: pass the same function as score=")
    return own, reference, score


def probes_of(probes: Probes, layers: str | Sequence[str] | None, knowledge: Knowledge | None) -> Probes:
    """Probes of the layers that are explained: those of the explanation, or those that are asked for.

    Raises:
        InputError: a layer of the explanation has no probe.
    """
    if knowledge is not None:
        missing = [layer for layer in knowledge.layers[:-1] if layer not in probes.layers]
        if missing:
            raise InputError(
                f"knowledge= holds the layer {missing[0]!r}, for which there is no probe: pass the probes that it was "
                "explained with"
            )
        return probes.select(knowledge.layers[:-1])
    return probes if layers is None else probes.select(_named(layers))


def _named(layers: str | Sequence[str]) -> list[str]:
    return [layer for layer in ([layers] if isinstance(layers, str) else layers) if layer != "output"]


def chosen_layers(knowledge: Knowledge, layers: str | Sequence[str] | None) -> list[str]:
    """Names of the layers that are asked for, by depth, ``output`` always.

    Raises:
        InputError: one of them was not explained.
    """
    if layers is None:
        return knowledge.layers
    for layer in _named(layers):
        if layer not in knowledge.layers:
            raise InputError(f"knowledge= has no layer {layer!r}; {closest(layer, knowledge.layers)}")
    return [layer for layer in knowledge.layers if layer in _named(layers) or layer == "output"]


def noise_of(knowledge: Knowledge) -> tuple[float, int]:
    """Noise of the ceiling, and its seed: what a task needs to be that of the explanation."""
    identity = knowledge.manifest["identity"]
    return float(identity["noise"]), int(identity["seed"])


def check_same(knowledge: Knowledge, asked: dict[str, object]) -> None:
    """Raise `InputError` unless an explanation has the identity that is asked for."""
    found = knowledge.manifest["identity"]
    asked = json.loads(json.dumps(asked, allow_nan=False))
    different = differences(asked, {name: found.get(name) for name in asked})
    if different:
        raise InputError(
            f"knowledge= belongs to another explanation ({different}): pass the one of these inputs, targets, players "
            "and probes, or leave it out"
        )
