"""Language models of a study: fine-tuned once, and kept with what they were fine-tuned by."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save

from layerlore.engines import Progress
from layerlore.storage import write_bytes
from layerlore.zoo.data import Sentences
from layerlore.zoo.language import fine_tune, pretrained, sentence_accuracy
from layerlore.zoo.studies.settings import LayerwiseSettings
from layerlore.zoo.studies.training import HEADER, Trained, check_origin

EPOCHS = 2
LEARNING_RATE = 1e-4


def fine_tuned(
    network: str, data: Sentences, settings: LayerwiseSettings, folder: Path, progress: Progress
) -> tuple[Trained, Any, int]:
    """A language model with the weights in ``folder``, fine-tuned first where they are not there.

    Returns:
        The model with its accuracy on the validation sentences, its tokenizer, and the number of training sentences.

    Raises:
        InputError: the pretrained weights cannot be had.
        RunError: the weights that are there were trained otherwise, or a file cannot be read or written.
    """
    sentences, labels = _some(data, settings.train_samples, settings.seed)
    model, tokenizer = pretrained(network, len(data.classes), settings.seed)
    weights = settings.weights.get(network, folder / f"{network}.safetensors")
    recipe = {"epochs": settings.epochs or EPOCHS, "learning_rate": LEARNING_RATE, "precision": settings.precision}
    origin = {
        "network": network,
        "data": data.name,
        "n_train": len(sentences),
        "seed": settings.seed,
        "recipe": recipe,
    }
    if network in settings.weights:
        model.load_state_dict(load_file(weights))
    elif weights.exists():
        check_origin(weights, origin)
        model.load_state_dict(load_file(weights))
    else:
        fine_tune(model, tokenizer, sentences, labels, seed=settings.seed, progress=progress, **recipe)
        tensors = {key: tensor.contiguous() for key, tensor in model.state_dict().items()}
        write_bytes(weights, save(tensors, {HEADER: json.dumps(origin)}))
    share = sentence_accuracy(model, tokenizer, data.validation, data.validation_labels)
    return Trained(model.eval(), share, None), tokenizer, len(sentences)


def _some(data: Sentences, count: int | None, seed: int) -> tuple[list[str], torch.Tensor]:
    if count is None or count >= len(data.train):
        return list(data.train), data.train_labels
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(data.train), generator=generator)[:count].sort().values
    return [data.train[position] for position in chosen.tolist()], data.train_labels[chosen]
