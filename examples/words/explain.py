"""Where in a small BERT do "not" and "good" become one? Trained here on sentences whose label needs both words."""

from __future__ import annotations

import argparse
import itertools
from typing import Any

import torch
from torch import Tensor, nn
from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

import layerlore as ll

SUBJECTS = ("film", "story", "music", "cast", "script", "ending")
TURNS = {"not": True, "hardly": True, "really": False, "quite": False}
"""Words before the judgement, and whether they turn it round."""
JUDGEMENTS = {"good": 1, "great": 1, "likeable": 1, "bad": 0, "awful": 0, "unbearable": 0}
SPLIT = {"likeable": ("like", "##able"), "unbearable": ("un", "##bear", "##able")}
EXPLAINED = (
    "The film is not good.",
    "The music is hardly likeable.",
    "The cast is not unbearable!",
    "The ending is not bad.",
)
LABELS = (0, 0, 1, 1)
TURNED = (0, 1)
"""Sentences in which a word of praise is turned round."""


def main() -> None:
    """Train, probe, explain; print the strongest interaction of several words by layer, and assert what it is."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--run", help="folder for the run; without it nothing is written")
    run = arguments.parse_args().run
    tokenizer = make_tokenizer()
    sentences, labels = training_sentences()
    words = ll.Words(tokenizer, EXPLAINED, exclude=("the", "is"))
    batch = dict(tokenizer(sentences, padding="max_length", max_length=words.inputs["input_ids"].shape[1]))
    inputs = {name: torch.tensor(rows) for name, rows in batch.items()}
    model = trained(inputs, labels, tokenizer.mask_token_id)
    probes = ll.fit_probes(model, None, [(inputs, labels)], penalties=(1e-2,), progress=False)
    knowledge = ll.explain(model, probes, words.inputs, list(LABELS), players=words, run=run, progress=False)
    assert isinstance(knowledge, ll.Knowledge)
    for sample, sentence in enumerate(EXPLAINED):
        print(sentence)
        found = {layer: strongest(knowledge, sample, layer) for layer in knowledge.layers}
        for layer, (op, names, effect) in found.items():
            print(f"  {layer:24} " + (f"{op:3} {' + '.join(names):24} {effect:+.2f}" if names else "none"))
        if sample in TURNED:
            op, names, effect = found["output"]
            assert (op, names) == ("and", words.words[sample][1:]), f"the strongest at the output is {op} of {names}"
            # Embeddings see one word at a time.
            assert abs(found[knowledge.layers[0]][2]) < 0.1 * abs(effect)


def strongest(knowledge: ll.Knowledge, sample: int, layer: str) -> tuple[str, tuple[str, ...], float]:
    """Op, words and effect of the strongest salient interaction of several words; no words where there is none."""
    table = knowledge.to_dataframe()
    rows = table[(table["order"] > 1) & (table["sample"] == sample) & (table["layer"] == layer)]
    if rows.empty:
        return "", (), 0.0
    row = rows.loc[rows["effect"].abs().idxmax()]
    names = knowledge.manifest["coords"]["players"][sample]
    chosen = tuple(name for player, name in enumerate(names) if row["coalition"] >> player & 1)
    return str(row["op"]), chosen, float(row["effect"])


def make_tokenizer() -> Any:
    """A WordPiece tokenizer of these words, some of which it splits."""
    pieces = [piece for word in (*SUBJECTS, *TURNS, *JUDGEMENTS) for piece in SPLIT.get(word, (word,))]
    names = dict.fromkeys(("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "is", ".", "!", *pieces))
    return BertTokenizerFast(vocab={name: number for number, name in enumerate(names)}, model_max_length=16)


def training_sentences() -> tuple[list[str], Tensor]:
    """All sentences that these words make, and whether they praise."""
    sentences, labels = [], []
    for subject, turn, judgement, end in itertools.product(SUBJECTS, TURNS, JUDGEMENTS, ".!"):
        sentences.append(f"The {subject} is {turn} {judgement}{end}")
        labels.append(JUDGEMENTS[judgement] ^ TURNS[turn])
    return sentences, torch.tensor(labels)


def trained(inputs: dict[str, Tensor], labels: Tensor, mask: int, epochs: int = 60) -> nn.Module:
    """A BERT of two layers that has learned the sentences; it also sees some with hidden words."""
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=int(inputs["input_ids"].max()) + 1,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=16,
    )
    model = BertForSequenceClassification(config).train()
    steps = torch.optim.AdamW(model.parameters(), 2e-3)
    for _ in range(epochs):
        for rows in torch.randperm(len(labels)).split(48):
            ids = inputs["input_ids"][rows]
            hidden = (torch.rand(ids.shape) < 0.1) & (ids > mask)
            batch = {name: part[rows] for name, part in inputs.items()} | {"input_ids": ids.masked_fill(hidden, mask)}
            steps.zero_grad()
            nn.functional.cross_entropy(model(**batch).logits, labels[rows]).backward()
            steps.step()
    model.eval()
    with torch.no_grad():
        accuracy = float((model(**inputs).logits.argmax(1) == labels).float().mean())
    print(f"right on {100 * accuracy:.1f} % of {len(labels)} sentences")
    assert accuracy > 0.99
    return model


if __name__ == "__main__":
    main()
