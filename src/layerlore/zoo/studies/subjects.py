"""What a layerwise study explains: a trained network, its layers, the samples and their players (METHODS A1, A10)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from layerlore.engines import Progress
from layerlore.errors import InputError
from layerlore.players import Columns, ImagePatches, Players, Words, content_words
from layerlore.zoo.data import DataSets, Sentences, load_data, load_sentences
from layerlore.zoo.data.sets import TableSets
from layerlore.zoo.language import layers_of_language_model
from layerlore.zoo.studies.fine_tuning import fine_tuned
from layerlore.zoo.studies.names import plain_name
from layerlore.zoo.studies.recipes import layers_of, layerwise_recipe, middle_of
from layerlore.zoo.studies.settings import TABLES, TEXTS, LayerwiseSettings
from layerlore.zoo.studies.training import Trained, given, some_of, subset, trained

Batch = tuple[Any, Tensor]


@dataclass(frozen=True)
class Subject:
    """One network of a study, ready to be probed and explained.

    Attributes:
        network: its name in the zoo.
        trained: the network, its accuracy and the run of its training.
        layers: to explain, by depth.
        middle: the layer at which models are compared.
        read_out: of the probes, by layer or for all.
        probe_data: what the probes are trained on.
        inputs: samples to explain, as the network takes them.
        noisy_inputs: the same as floating-point numbers that noise can be added to.
        labels: their classes.
        players: of the samples.
        n_test: test samples that accuracy was measured on.
        n_train: training samples of the network.
    """

    network: str
    trained: Trained
    layers: tuple[str, ...]
    middle: str
    read_out: str | Mapping[str, str]
    probe_data: Iterable[Batch] | TensorDataset
    inputs: Any
    noisy_inputs: Any
    labels: Tensor
    players: Players
    n_test: int
    n_train: int

    @property
    def model(self) -> nn.Module:
        """The network in eval mode."""
        return self.trained.model


def data_of(settings: LayerwiseSettings) -> DataSets | Sentences:
    """The data of a study, cut to ``train_samples`` where that is asked.

    Raises:
        InputError: a file is missing or is not what it should be.
    """
    if settings.data in TEXTS:
        assert settings.root is not None  # noqa: S101 (checked by the settings)
        return load_sentences(settings.data, settings.root)
    return some_of(load_data(settings.data, settings.root), settings.train_samples, settings.seed)


def subject_of(
    network: str, data: DataSets | Sentences, settings: LayerwiseSettings, folder: Path, progress: Progress
) -> Subject:
    """One network of the study: trained in ``folder``, or with the weights that were given.

    Raises:
        InputError: the data do not hold the samples that were asked for.
        RunError: weights that cannot be used.
    """
    if isinstance(data, Sentences):
        return _of_sentences(network, data, settings, folder, progress)
    recipe = layerwise_recipe(
        network, settings.data, epochs=settings.epochs, precision=settings.precision, quick=settings.quick
    )
    if network in settings.weights:
        found = given(network, data, settings.weights[network])
    else:
        name = plain_name(network)
        found = trained(network, data, recipe, seed=settings.seed, folder=folder, name=name, progress=progress)
    layers = layers_of(network, found.model)
    samples, labels = data.test.tensors
    if settings.samples > len(samples):
        raise InputError(f"samples={settings.samples}: the test part of {data.name!r} has {len(samples)}")
    generator = torch.Generator().manual_seed(settings.seed)
    chosen = torch.randperm(len(samples), generator=generator)[: settings.samples].sort().values
    inputs = samples[chosen]
    part = data.train if settings.probe_samples is None else subset(data.train, settings.probe_samples, settings.seed)
    return Subject(
        network=network,
        trained=found,
        layers=layers,
        middle=middle_of(network, layers),
        read_out="flatten",
        probe_data=part,
        inputs=inputs,
        noisy_inputs=inputs,
        labels=labels[chosen],
        players=players_of(data, settings),
        n_test=len(samples),
        n_train=len(data.train),
    )


def players_of(data: DataSets, settings: LayerwiseSettings) -> Players:
    """The players that the papers take of a data set.

    Raises:
        InputError: a table has another number of columns than there are to be players.
    """
    if settings.data in TABLES:
        assert isinstance(data, TableSets)  # noqa: S101
        players: Columns = data.players()
        if players.n_players != settings.n_players:
            raise InputError(
                f"n_players={settings.n_players}: {settings.data!r} has {players.n_players} columns, each a player"
            )
        return players
    if settings.data == "digits":
        return ImagePatches(2, settings.n_players)
    if settings.data in ("mnist", "fashion_mnist"):
        return ImagePatches(3, settings.n_players)
    return ImagePatches(4, settings.n_players, choose="random", within=(6, 6), seed=settings.seed)


def _of_sentences(
    network: str, data: Sentences, settings: LayerwiseSettings, folder: Path, progress: Progress
) -> Subject:
    found, tokenizer, n_train = fine_tuned(network, data, settings, folder, progress)
    chosen = of_so_many_words(data.validation, settings.n_players)
    generator = torch.Generator().manual_seed(settings.seed)
    if len(chosen) < settings.samples:
        raise InputError(
            f"samples={settings.samples}: {len(chosen)} of {len(data.validation)} sentences have exactly "
            f"{settings.n_players} words beside stop words: ask for fewer, or for another number of players"
        )
    drawn = torch.randperm(len(chosen), generator=generator)[: settings.samples].sort().values
    positions = [chosen[position] for position in drawn.tolist()]
    words = Words(
        tokenizer, [data.validation[position] for position in positions], settings.n_players, exclude="english"
    )
    inputs = words.inputs
    length = next(iter(inputs.values())).shape[1]
    layers = layers_of_language_model(found.model)
    end = "last" if tokenizer.padding_side == "left" else "cls"
    return Subject(
        network=network,
        trained=found,
        layers=layers,
        middle=layers[1 + round(0.6 * (len(layers) - 2))],
        # The classifier reads one token, XLNet's the last. In the embeddings that is the same for all sentences.
        read_out={layer: end if position else "flatten" for position, layer in enumerate(layers)},
        probe_data=_batches(data, tokenizer, settings, length),
        inputs=inputs,
        noisy_inputs=words.embed(found.model),
        labels=data.validation_labels[torch.tensor(positions)],
        players=words,
        n_test=len(data.validation),
        n_train=n_train,
    )


def of_so_many_words(sentences: Sequence[str], count: int) -> list[int]:
    """Positions of the sentences that have exactly so many words beside stop words and punctuation."""
    return [position for position, sentence in enumerate(sentences) if len(content_words(sentence, "english")) == count]


def _batches(data: Sentences, tokenizer: Any, settings: LayerwiseSettings, length: int) -> list[Batch]:
    """Training sentences for the probes, all as long as the explained ones: flattened read-outs need one length."""
    count = len(data.train) if settings.probe_samples is None else min(settings.probe_samples, len(data.train))
    generator = torch.Generator().manual_seed(settings.seed)
    chosen = torch.randperm(len(data.train), generator=generator)[:count].sort().values
    sentences = [data.train[position] for position in chosen.tolist()]
    whole = tokenizer(sentences, padding="max_length", truncation=True, max_length=length, return_tensors="pt")
    tensors = {name: tensor for name, tensor in whole.items() if isinstance(tensor, Tensor)}
    labels = data.train_labels[chosen]
    return [
        ({name: tensor[start : start + 64] for name, tensor in tensors.items()}, labels[start : start + 64])
        for start in range(0, count, 64)
    ]
