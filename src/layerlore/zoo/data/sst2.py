"""SST-2, sentences of film reviews, as GLUE ships it: tab-separated text, gzip-ed or plain.

The first line of a file is ``sentence``, a tab and ``label``; then comes a sentence a line, with 0 (negative) or 1
(positive). GLUE's ``test.tsv`` has no labels and is not read.

Source: Socher et al. 2013, "Recursive Deep Models for Semantic Compositionality Over a Sentiment Treebank"; Wang et
al. 2019, "GLUE" (arXiv 1804.07461).
"""

from __future__ import annotations

from pathlib import Path

import torch
from jaxtyping import Int64
from torch import Tensor

from layerlore.errors import InputError
from layerlore.zoo.data.checksums import verdicts
from layerlore.zoo.data.files import read_text, require
from layerlore.zoo.data.sets import Sentences

TRAIN_FILE, VALIDATION_FILE = "train.tsv", "dev.tsv"
CLASSES = ("negative", "positive")
HEADER = "sentence\tlabel"
LABELS = {"0": 0, "1": 1}


def read_sst2(root: Path) -> Sentences:
    """SST-2 from ``train.tsv`` and ``dev.tsv`` in ``root``; the spaces around a sentence are taken off.

    Raises:
        InputError: a file is missing, is cut short or of another format, or a label is neither 0 nor 1.
    """
    train_path, validation_path = require(root, TRAIN_FILE), require(root, VALIDATION_FILE)
    train, train_labels = read_tsv(train_path)
    validation, validation_labels = read_tsv(validation_path)
    return Sentences(
        train=train,
        train_labels=train_labels,
        validation=validation,
        validation_labels=validation_labels,
        classes=CLASSES,
        name="sst2",
        files=verdicts("sst2", [train_path, validation_path]),
    )


def read_tsv(path: Path) -> tuple[tuple[str, ...], Int64[Tensor, " n_sentences"]]:
    """Sentences and labels of one file.

    Raises:
        InputError: another first line, no sentences, or a line that is no sentence, tab and label.
    """
    # Only line feeds end a line: splitlines would also break at the odd separators that a review may contain.
    lines = read_text(path).removesuffix("\n").split("\n")
    if lines[0].rstrip("\r") != HEADER:
        raise InputError(f"{path}: the first line is {lines[0][:60]!r}; expected {HEADER!r}")
    if len(lines) == 1:
        raise InputError(f"{path}: no sentences after the first line; expected at least one")
    pairs = [_pair(line, number, path) for number, line in enumerate(lines[1:], 2)]
    sentences, labels = zip(*pairs, strict=True)
    return sentences, torch.tensor(labels, dtype=torch.int64)


def _pair(line: str, number: int, path: Path) -> tuple[str, int]:
    sentence, tab, label = line.rstrip("\r").rpartition("\t")
    if not tab or "\t" in sentence or label not in LABELS or not sentence.strip():
        raise InputError(
            f"{path}: line {number} is {line[-60:]!r}; expected a sentence, one tab and the label 0 or 1: "
            "is the file cut short?"
        )
    return sentence.strip(), LABELS[label]
