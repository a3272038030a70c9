"""Two small networks whose kinds of layers are known, trained with the tracker on.

A convolutional network in the manner of EfficientNet (depthwise, pointwise and squeeze-excite weights) on CIFAR-10, and
a transformer encoder in the manner of BERT (attention's four projections and the feed-forward part) on SST-2.
"""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    EfficientNetConfig,
    EfficientNetForImageClassification,
)

import layerlore as ll
from layerlore.zoo import load_data

WORDS, LENGTH, BATCH = 4000, 24, 64
SKIP = "classifier", "pooler", "embeddings", "convolution.weight"


def efficientnet(n_classes: int) -> nn.Module:
    """Seven stages with one or two inverted bottlenecks each, for images of 32 pixels."""
    config = EfficientNetConfig(
        image_size=32,
        width_coefficient=0.5,
        depth_coefficient=1.0,
        depth_divisor=8,
        hidden_dim=640,
        strides=[1, 1, 2, 1, 2, 1, 1],
        num_labels=n_classes,
        drop_connect_rate=0.0,
        dropout_rate=0.0,
    )
    model = EfficientNetForImageClassification(config)
    for module in model.modules():
        # The library's own start, a spread of 0.02 also in the norms, is made for loading weights: signals die in it.
        if isinstance(module, nn.Conv2d | nn.BatchNorm2d | nn.Linear):
            module.reset_parameters()
    return model


def bert(n_words: int) -> nn.Module:
    """Six blocks of width 128."""
    config = BertConfig(
        vocab_size=n_words,
        hidden_size=128,
        num_hidden_layers=6,
        num_attention_heads=4,
        intermediate_size=256,
        max_position_embeddings=LENGTH,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        num_labels=2,
    )
    return BertForSequenceClassification(config)


def images(root: Path, count: int) -> tuple[Tensor, Tensor]:
    """CIFAR-10 images in [-1, 1] and their classes."""
    inputs, labels = load_data("cifar10", root / "cifar10").train.tensors
    return 2 * inputs[:count] - 1, labels[:count]


def sentences(root: Path, count: int) -> tuple[Tensor, Tensor]:
    """SST-2 sentences as word numbers, 0 where a sentence has ended, 1 for rare words; and their labels."""
    with gzip.open(root / "sst2" / "train.tsv.gz", "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))[:count]
    split = [row["sentence"].split()[:LENGTH] for row in rows]
    common = Counter(word for words in split for word in words).most_common(WORDS - 2)
    number = {word: place for place, (word, _) in enumerate(common, start=2)}
    inputs = torch.zeros(len(rows), LENGTH, dtype=torch.long)
    for row, words in enumerate(split):
        inputs[row, : len(words)] = torch.tensor([number.get(word, 1) for word in words], dtype=torch.long)
    return inputs, torch.tensor([int(row["label"]) for row in rows])


def history(name: str, root: Path, *, samples: int, epochs: int, seed: int) -> tuple[ll.History, float]:
    """Train one network from scratch as the published code does (Adam, 1e-3), recording every epoch.

    Returns:
        What the tracker saw, and the share of the training samples that the network gets right in its last epoch.
    """
    inputs, labels = images(root, samples) if name == "efficientnet" else sentences(root, samples)
    torch.manual_seed(seed)
    model = efficientnet(10) if name == "efficientnet" else bert(WORDS)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3 if name == "efficientnet" else 3e-4)
    measures = [*ll.dynamics.MEASURES, *ll.dynamics.ROBUST]
    right = 0
    with ll.WeightTracker(model, measures=measures, unit="epoch") as tracker:
        model.train()
        for epoch in range(1, epochs + 1):
            right = 0
            for batch in _batches(len(inputs), seed + epoch):
                logits = _logits(model, inputs[batch])
                optimiser.zero_grad()
                functional.cross_entropy(logits, labels[batch]).backward()
                optimiser.step()
                right += int((logits.argmax(1) == labels[batch]).sum())
            tracker.step(epoch)
    return tracker.history(), right / len(inputs)


def _batches(count: int, seed: int) -> Iterable[Tensor]:
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed)).split(BATCH)


def _logits(model: nn.Module, batch: Tensor) -> Tensor:
    if batch.is_floating_point():
        return model(pixel_values=batch).logits
    return model(input_ids=batch, attention_mask=batch.ne(0).long()).logits


def known_kinds(history: ll.History) -> Iterator[tuple[str, str]]:
    """Layer and kind, for the layers of the repeated blocks; squeeze-excite weights are a kind of their own."""
    for layer, kind in zip(history.layers, history.data["kind"].values.tolist(), strict=True):
        if any(part in layer for part in SKIP):
            continue
        yield layer, "squeeze-excite" if "squeeze_excite" in layer else kind
