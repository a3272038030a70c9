"""Tokens that can stand for a hidden word: their ids, and their embeddings in a network."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from layerlore.errors import InputError, check_choice

TOKENS = {"[MASK]": "mask_token", "[PAD]": "pad_token", "[UNK]": "unk_token"}
"""Baselines that are tokens, and what a tokenizer calls these, whatever their text is there."""
MEAN = "mean"
ROWS_AT_ONCE = 4096


def token_id(tokenizer: Any, baseline: str | float) -> int:
    """The id that stands for hidden words: of one of `TOKENS`, or itself.

    Raises:
        InputError: the tokenizer has no such token or id, or the baseline is of another kind.
    """
    if baseline == MEAN:
        raise InputError(
            "baseline='mean' of ids of tokens: the mean of ids is no id. Explain words.embed(model), whose baseline "
            "'mean' is the mean embedding, or take '[MASK]'"
        )
    if isinstance(baseline, str):
        check_choice(baseline, TOKENS, "baseline")
        number = _id_of(tokenizer, baseline)
        if number is None:
            raise InputError(
                f"baseline={baseline!r}, but {type(tokenizer).__name__} has no {TOKENS[baseline]}: {_known(tokenizer)}"
            )
        return number
    if not 0 <= baseline < len(tokenizer) or baseline != int(baseline):
        raise InputError(
            f"baseline={baseline} is no id of a token: ids run from 0 to {len(tokenizer) - 1}; {_known(tokenizer)}"
        )
    return int(baseline)


def _id_of(tokenizer: Any, name: str) -> int | None:
    number = getattr(tokenizer, f"{TOKENS[name]}_id", None)
    return None if number is None else int(number)


def _known(tokenizer: Any) -> str:
    has = [repr(name) for name in TOKENS if _id_of(tokenizer, name) is not None]
    return f"choose {' or '.join([*has, 'the id of a token'])}"


def token_vectors(tokenizer: Any, embedding: nn.Embedding) -> dict[str, Tensor]:
    """Embeddings of `TOKENS`, as far as tokenizer and network have them, and ``"mean"``, that of the vocabulary."""
    ids = {name: _id_of(tokenizer, name) for name in TOKENS}
    known = {name: number for name, number in ids.items() if number is not None and number < embedding.num_embeddings}
    vectors = {name: looked_up(embedding, torch.tensor(number)) for name, number in known.items()}
    return vectors | {MEAN: _mean_embedding(embedding)}


def embedding_or_none(model: nn.Module) -> nn.Embedding | None:
    """The embedding of a network's tokens, if it can be told."""
    if isinstance(model, nn.Embedding):
        return model
    find = getattr(model, "get_input_embeddings", None)
    try:
        found = find() if callable(find) else None
    except NotImplementedError:
        return None
    return found if isinstance(found, nn.Embedding) else None


def embedding_of(model: nn.Module) -> nn.Embedding:
    """The embedding of a network's tokens.

    Raises:
        InputError: it cannot be told.
    """
    found = embedding_or_none(model)
    if found is None:
        raise InputError(
            f"{type(model).__name__} has no get_input_embeddings() with an nn.Embedding: pass the embedding itself"
        )
    return found


def looked_up(embedding: nn.Embedding, ids: Tensor) -> Tensor:
    """Embeddings of ids, on the CPU. Through the module: some scale what they look up."""
    with torch.no_grad():
        return embedding(ids.to(embedding.weight.device)).cpu()


def _mean_embedding(embedding: nn.Embedding) -> Float[Tensor, "width"]:
    numbers = torch.arange(embedding.num_embeddings)
    total = torch.stack([looked_up(embedding, part).double().sum(0) for part in numbers.split(ROWS_AT_ONCE)]).sum(0)
    return (total / embedding.num_embeddings).to(embedding.weight.dtype)
