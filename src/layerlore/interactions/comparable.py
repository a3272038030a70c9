"""Whether explanations can be set side by side: same samples, players and targets, whatever the networks (METHODS A7).

Networks may take one sample in different forms, so the stored inputs say less
than one would like. What is compared:

- *names of players*, always;
- *inputs*, as float32 and flattened, where both networks take equally many numbers for a sample: a perceptron's
  ``[784]`` and a convolution's ``[1, 28, 28]`` are then the same image or not, and so are float32 and float64. Where
  they take different numbers (another resolution), names, labels and targets are all there is to compare. Words are
  compared by their names alone: each tokenizer has ids, and each network embeddings, of its own;
- *owners*, likewise;
- *background and baseline* by how they were asked for, not by their values: the mean over two networks' training
  data may differ by a little;
- *labels and targets*, always. Labels that differ by a renaming of the classes are told apart from wrong ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from layerlore.errors import InputError
from layerlore.interactions.knowledge import Knowledge


def check_comparable(knowledges: Sequence[Knowledge], names: Sequence[str]) -> None:
    """Raise unless all explanations are of the same samples, players and targets.

    Raises:
        InputError: names the two explanations, and the first difference between them.
    """
    for other, name in zip(knowledges[1:], names[1:], strict=True):
        _check_pair(knowledges[0], other, f"{names[0]!r} and {name!r}")


def _check_pair(first: Knowledge, second: Knowledge, who: str) -> None:
    if first.n_samples != second.n_samples:
        raise InputError(
            f"{who} explain {first.n_samples} and {second.n_samples} samples: explain the same samples with both"
        )
    if first.n_players != second.n_players:
        raise InputError(
            f"{who} divide samples into {first.n_players} and {second.n_players} players: explain both with the same "
            "players="
        )
    _check_names(first, second, who)
    _check_numbers(first, second, who)
    _check_asked(first, second, who)
    _check_classes(first, second, who)


def _check_names(first: Knowledge, second: Knowledge, who: str) -> None:
    pairs = zip(first.manifest["coords"]["players"], second.manifest["coords"]["players"], strict=True)
    for sample, (ours, theirs) in enumerate(pairs):
        if ours != theirs:
            player = next(i for i, (a, b) in enumerate(zip(ours, theirs, strict=True)) if a != b)
            raise InputError(
                f"{who} have different players: in sample {sample}, player {player} is {ours[player]!r} and "
                f"{theirs[player]!r}. Explain both with the same samples and players="
            )


def _check_numbers(first: Knowledge, second: Knowledge, who: str) -> None:
    if "pieces" in first.manifest["coords"] and "pieces" in second.manifest["coords"]:
        return
    for sample in range(first.n_samples):
        if _differ(first.inputs(sample), second.inputs(sample)):
            raise InputError(
                f"{who} explain different inputs: sample {sample} is not the same. Explain the same samples, in the "
                "same order and scaled alike, with both"
            )
        owners = first.owner(sample), second.owner(sample)
        if owners[0] is not None and owners[1] is not None and _differ(owners[0], owners[1]):
            raise InputError(
                f"{who} have different players: those of sample {sample} do not own the same numbers. Explain both "
                "with the same players="
            )


def _differ(first: np.ndarray, second: np.ndarray) -> bool:
    return first.size == second.size and not np.array_equal(first.ravel(), second.ravel())


def _check_asked(first: Knowledge, second: Knowledge, who: str) -> None:
    for what in ("score", "background", "baseline"):
        ours, theirs = (knowledge.manifest["identity"].get(what) for knowledge in (first, second))
        if ours != theirs:
            raise InputError(
                f"{who} were explained with different options: {what} is {ours!r} and {theirs!r}. Explain both with "
                "the same"
            )


def _check_classes(first: Knowledge, second: Knowledge, who: str) -> None:
    labels = [knowledge.manifest["coords"]["label"] for knowledge in (first, second)]
    targets = [knowledge.manifest["coords"]["target_class"] for knowledge in (first, second)]
    if None not in labels and labels[0] != labels[1]:
        sample = next(i for i, (a, b) in enumerate(zip(*labels, strict=True)) if a != b)
        found = f"{who} have different labels: {labels[0][sample]} and {labels[1][sample]} for sample {sample}"
        if _is_renaming(*labels):
            raise InputError(
                f"{found}. Each class of one is one class of the other, so the networks seem to number their classes "
                "in different orders: train or relabel one so that both have the same label order"
            )
        raise InputError(f"{found}: explain the same samples with both")
    if targets[0] != targets[1]:
        sample = next(i for i, (a, b) in enumerate(zip(*targets, strict=True)) if a != b)
        raise InputError(
            f"{who} explain different classes: targets {_listed(targets[0][sample])} and "
            f"{_listed(targets[1][sample])} for sample {sample}. Explain both with the same targets=, such as the "
            "labels ('predicted' differs between networks); if one network numbers its classes in another order, "
            "relabel it first"
        )


def _is_renaming(first: Sequence[Any], second: Sequence[Any]) -> bool:
    pairs = set(zip(first, second, strict=True))
    return len(pairs) == len(set(first)) == len(set(second)) > 1


def _listed(classes: Sequence[int]) -> str:
    return ", ".join(map(str, classes))
