"""Tokenizers and randomly initialised language models of a few numbers, made here: nothing is downloaded."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

VOCABULARY = (
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "un", "##watch", "##able", "watch", "don", "'", "t", "a", "it", "is",
    "the", "film", "and", "great", "charm", "affect", "##ing", "##s", ".", ",", "!", '"', "-", "must", "see",
)  # fmt: skip
CORPUS = ("Unwatchable film, don't watch!", "A great affecting film", "It is a must-see and charming.") * 4
N_TOKENS = 24
"""The most that the models take."""


@functools.lru_cache(maxsize=1)
def wordpiece() -> Any:
    """BERT's tokenizer, lower case, over `VOCABULARY`."""
    from transformers import BertTokenizerFast

    vocabulary = {word: number for number, word in enumerate(VOCABULARY)}
    return BertTokenizerFast(vocab=vocabulary, model_max_length=N_TOKENS)


def byte_level(padding_side: str = "right", pads: bool = True) -> Any:
    """A tokenizer like GPT-2's: bytes, a space begins a word, nothing around a sentence, no mask token."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.post_processor = processors.ByteLevel(trim_offsets=False)
    trainer = trainers.BpeTrainer(
        vocab_size=280,
        special_tokens=["<pad>", "<unk>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    inner.train_from_iterator(CORPUS, trainer)
    names = {"unk_token": "<unk>"} | ({"pad_token": "<pad>"} if pads else {})
    length = 4 * N_TOKENS
    return PreTrainedTokenizerFast(tokenizer_object=inner, padding_side=padding_side, model_max_length=length, **names)


@functools.lru_cache(maxsize=1)
def sentencepiece() -> Any:
    """A tokenizer like XLNet's: the mark of a space may be a token of its own, specials last, padding on the left."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(models.Unigram())
    inner.pre_tokenizer = pre_tokenizers.Metaspace()
    specials = ["<unk>", "<pad>", "<sep>", "<cls>", "<mask>"]
    trainer = trainers.UnigramTrainer(vocab_size=50, special_tokens=specials, unk_token="<unk>", show_progress=False)
    inner.train_from_iterator(CORPUS, trainer)
    ends = [(name, inner.token_to_id(name)) for name in ("<sep>", "<cls>")]
    inner.post_processor = processors.TemplateProcessing(single="$A:0 <sep>:0 <cls>:2", special_tokens=ends)
    names = {f"{name}_token": f"<{name}>" for name in ("unk", "pad", "sep", "cls", "mask")}
    given = ["input_ids", "token_type_ids", "attention_mask"]
    return PreTrainedTokenizerFast(
        tokenizer_object=inner, padding_side="left", pad_token_type_id=3, model_input_names=given, **names
    )


def bert(n_layers: int = 3) -> Any:
    """Blocks of width 16, two classes."""
    import transformers

    sizes = {"hidden_size": 16, "num_hidden_layers": n_layers, "num_attention_heads": 2, "intermediate_size": 32}
    config = transformers.BertConfig(vocab_size=len(VOCABULARY), max_position_embeddings=N_TOKENS, **sizes)
    return _built(lambda: transformers.BertForSequenceClassification(config))


def distilbert() -> Any:
    """Two blocks of width 16, two classes; takes no token types."""
    import transformers

    sizes = {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32, "max_position_embeddings": N_TOKENS}
    config = transformers.DistilBertConfig(vocab_size=len(VOCABULARY), **sizes)
    return _built(lambda: transformers.DistilBertForSequenceClassification(config))


def xlnet() -> Any:
    """Two blocks of width 16, two classes; reads the last token."""
    import transformers

    sizes = {"d_model": 16, "n_layer": 2, "n_head": 2, "d_inner": 32}
    config = transformers.XLNetConfig(vocab_size=len(sentencepiece()), pad_token_id=1, **sizes)
    return _built(lambda: transformers.XLNetForSequenceClassification(config))


def gpt2() -> Any:
    """Two blocks of width 16, two classes; reads the last token that is not padding."""
    import transformers

    sizes = {"n_positions": 4 * N_TOKENS, "n_embd": 16, "n_layer": 2, "n_head": 2}
    ends = {"pad_token_id": 0, "bos_token_id": 0, "eos_token_id": 0}
    config = transformers.GPT2Config(vocab_size=len(byte_level()), **sizes, **ends)
    return _built(lambda: transformers.GPT2ForSequenceClassification(config))


def _built(make: Callable[[], nn.Module]) -> nn.Module:
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(3)
        model = make()
        # Weights are drawn so small that masked inputs would hardly differ.
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.mul_(6)
    return model.eval()
