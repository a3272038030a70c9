"""Sentences as a tokenizer encodes them: ids padded to one length, and where each token stands in its sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from layerlore.errors import InputError

IDS, MASK = "input_ids", "attention_mask"
NO_LIMIT = 1_000_000
"""Tokenizers that know of no longest sentence name a far larger number."""

CONTINUED = "##"
"""Before the text of a token that follows the one before it without a space, whatever the tokenizer's own mark is."""

Span = tuple[int, int] | None
"""Characters ``[start, stop)`` of a token in its sentence; None for special tokens and padding."""


@dataclass(frozen=True, eq=False)
class Encoded:
    """Encoded sentences.

    Attributes:
        inputs: what the network takes, each ``int64[n_sentences, n_tokens]``: ``input_ids``, ``attention_mask`` and
            what else the tokenizer gives.
        spans: for each sentence and token where it stands.
        pieces: for each sentence and token its text as it is written, after ``##`` where no space stands before it; or
            the name of a special token.
    """

    inputs: dict[str, Tensor]
    spans: tuple[tuple[Span, ...], ...]
    pieces: tuple[tuple[str, ...], ...]


def encode(tokenizer: Any, sentences: Sequence[str], length: int | None) -> Encoded:
    """Encode sentences to one length.

    Args:
        tokenizer: a fast tokenizer of Hugging Face.
        sentences: texts.
        length: tokens that every sentence is padded to; None takes those of the longest.

    Raises:
        InputError: no fast tokenizer, a sentence that is too long, or nothing to pad with.
    """
    _check_tokenizer(tokenizer)
    counts = [len(row) for row in tokenizer(list(sentences), padding=False, truncation=False)[IDS]]
    _check_counts(tokenizer, sentences, counts, length)
    wanted = max(counts) if length is None else length
    if min(counts) < wanted and tokenizer.pad_token_id is None:
        raise InputError(
            f"the sentences have {min(counts)} to {max(counts)} tokens, {wanted} are needed, and the tokenizer has no "
            "token to pad with: set tokenizer.pad_token = tokenizer.eos_token, and model.config.pad_token_id with it"
        )
    # A single length needs no padding, and then no token for it.
    padding: Any = "max_length" if min(counts) < wanted else False
    found = tokenizer(
        list(sentences),
        padding=padding,
        truncation=False,
        max_length=wanted,
        return_offsets_mapping=True,
        return_attention_mask=True,
    )
    spans = tuple(_spans(found, row, sentence) for row, sentence in enumerate(sentences))
    pieces = tuple(_pieces(tokenizer, found[IDS][row], spans[row], sentence) for row, sentence in enumerate(sentences))
    rest = {name: torch.tensor(rows) for name, rows in found.items() if name not in (IDS, "offset_mapping")}
    return Encoded({IDS: torch.tensor(found[IDS]), **rest}, spans, pieces)


def _check_tokenizer(tokenizer: Any) -> None:
    if not callable(tokenizer):
        raise InputError(
            f"tokenizer={tokenizer!r} is a {type(tokenizer).__name__}: pass the tokenizer itself, such as "
            "AutoTokenizer.from_pretrained(...)"
        )
    if not getattr(tokenizer, "is_fast", False):
        raise InputError(
            f"{type(tokenizer).__name__} cannot say which tokens belong to which word (it has no word_ids): use a fast "
            "tokenizer, as AutoTokenizer.from_pretrained(..., use_fast=True) gives"
        )


def _check_counts(tokenizer: Any, sentences: Sequence[str], counts: Sequence[int], length: int | None) -> None:
    longest = max(range(len(counts)), key=counts.__getitem__)
    most = counts[longest]
    if length is not None and most > length:
        raise InputError(
            f"sentence {longest} ({shortened(sentences[longest])}) has {most} tokens, and max_length={length}: leave "
            "it out, or raise max_length"
        )
    limit = getattr(tokenizer, "model_max_length", NO_LIMIT)
    if max(most, length or 0) > limit:
        raise InputError(
            f"sentence {longest} ({shortened(sentences[longest])}) has {most} tokens"
            + (f" and max_length={length}" if length else "")
            + f": the tokenizer's model takes at most {limit} (its model_max_length). Leave it out, or split it"
        )


def _spans(found: Any, row: int, sentence: str) -> tuple[Span, ...]:
    """Where tokens stand, without the whitespace that some tokenizers count to a token.

    A token that is nothing but the mark of a word's beginning stands, with no characters, where that word begins.
    """
    words, offsets = found.word_ids(row), found["offset_mapping"][row]
    spans: list[Span] = []
    for place, (word, (start, stop)) in enumerate(zip(words, offsets, strict=True)):
        text = sentence[start:stop]
        if word is None or start == stop:
            spans.append(None)
        elif text.strip():
            begin = start + len(text) - len(text.lstrip())
            spans.append((begin, begin + len(text.strip())))
        else:
            spans.append((stop, stop) if words[place + 1 : place + 2] == [word] else None)
    return tuple(spans)


def _pieces(tokenizer: Any, ids: Sequence[int], spans: Sequence[Span], sentence: str) -> tuple[str, ...]:
    """Joined without their marks they are the sentence, though a letter may be split over several tokens."""
    names = tokenizer.convert_ids_to_tokens(list(ids))
    pieces, end = [], -1
    for name, span in zip(names, spans, strict=True):
        if span is None:
            pieces.append(str(name))
            continue
        start, stop = span
        pieces.append((CONTINUED if start <= end else "") + sentence[max(start, end) : stop])
        end = stop
    return tuple(pieces)


def shortened(sentence: str, most: int = 60) -> str:
    """A sentence as messages quote it."""
    return repr(sentence if len(sentence) <= most else sentence[: most - 3] + "...")


def same_encoding(part: Mapping[str, Tensor], expected: Mapping[str, Tensor], row: int) -> bool:
    """Whether the tensors of one sample that the encoding also has are its own."""
    for name, values in part.items():
        if name in (IDS, MASK) and name in expected:
            own = expected[name][row]
            if values.shape != own.shape or not torch.equal(values.to(own), own):
                return False
    return True
