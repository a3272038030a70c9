"""Players of sentences: words, each with all the tokens that it is split into."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from layerlore.errors import InputError, check_choice
from layerlore.players.baselines import resolve_baseline
from layerlore.players.coalitions import check_players
from layerlore.players.encoding import IDS, MASK, encode, same_encoding, shortened
from layerlore.players.plan import BACKGROUND, Plan, Players
from layerlore.players.samples import PLAIN, Sample, Samples, named_parts
from layerlore.players.sentences import ENGLISH, Word, excluded_words
from layerlore.players.tokens import MEAN, TOKENS, embedding_of, embedding_or_none, looked_up, token_id, token_vectors
from layerlore.players.wordpieces import common_number, players_of, words_of_tokens

EMBEDDED = "inputs_embeds"
CHOICES = ("first", "random")


@final
class Words(Players):
    """Words of sentences. A word owns all its sub-word tokens.

    A word is what whitespace separates, without the punctuation before and after it; punctuation inside of it, as in
    "don't", is its own. All else is background, which is kept: special tokens, padding, punctuation, excluded words,
    and words beyond ``n_players``.

    Explain ``words.inputs``, or ``words.embed(model)``, or one tensor of these where the network takes one. Baselines,
    beside those of `resolve_baseline`: ``"[MASK]"`` (the default), ``"[PAD]"`` (hidden words get the attention mask 0,
    too) and ``"[UNK]"``, whatever the tokenizer calls them; a token's id; and for embedded sentences ``"mean"``, the
    mean of all embeddings of the vocabulary, ``"zero"``, or a number.

    Args:
        tokenizer: a fast tokenizer of Hugging Face, as it was used in training.
        sentences: texts, one for each sample.
        n_players: words of each sentence that are players, 2 to 24. None takes all of them, and all sentences must
            have the same number.
        exclude: words that are background, in any case: a list, or ``"english"`` for the stop words of scikit-learn.
        choose: ``"first"`` takes the first words of a sentence that has more than ``n_players``, ``"random"`` draws
            them, for each sentence anew.
        seed: of that.
        max_length: tokens that all sentences are padded to, None for those of the longest. Probes of flattened outputs
            need the length that they were trained on.

    Raises:
        InputError: a tokenizer that is not fast, or has no token to pad with; no sentences; a sentence longer than
            ``max_length`` or the tokenizer's ``model_max_length``; fewer words than players; a token that reaches over
            several words.
        MissingExtraError: ``exclude="english"`` without scikit-learn.

    Source: METHODS A1.
    """

    def __init__(
        self,
        tokenizer: Any,
        sentences: Sequence[str],
        n_players: int | None = None,
        *,
        exclude: str | Iterable[str] = (),
        choose: str = "first",
        seed: int = 0,
        max_length: int | None = None,
    ) -> None:
        _check_options(sentences, n_players, choose, seed, max_length)
        self._tokenizer = tokenizer
        self._sentences = tuple(sentences)
        left_out = excluded_words(exclude)
        self._encoded = encode(tokenizer, self._sentences, max_length)
        owned = [players_of(self._encoded, row, text, left_out) for row, text in enumerate(self._sentences)]
        self._n_players = common_number(owned, self._sentences) if n_players is None else n_players
        check_players(self._n_players)
        self._plans = tuple(self._plan_of(row, words, choose, seed) for row, words in enumerate(owned))
        self._embedded: list[tuple[Tensor, dict[str, Tensor]]] = []
        excluded = ENGLISH if isinstance(exclude, str) else sorted(left_out)
        self._settings = {"exclude": excluded, "choose": choose, "seed": seed, "max_length": max_length}

    def __repr__(self) -> str:
        return f"Words({len(self._sentences)} sentences, {self._n_players} players each)"

    @property
    def n_players(self) -> int:
        """Number of players."""
        return self._n_players

    @property
    def takes_named(self) -> bool:
        """Sentences are ids with an attention mask."""
        return True

    @property
    def default_baseline(self) -> str:
        """The token that hides a word."""
        return "[MASK]"

    @property
    def inputs(self) -> dict[str, Int64[Tensor, "n_sentences n_tokens"]]:
        """The encoded sentences, as the network takes them: ids, attention mask, and what else the tokenizer gives."""
        return {name: part.clone() for name, part in self._encoded.inputs.items()}

    @property
    def words(self) -> tuple[tuple[str, ...], ...]:
        """The players of each sentence, in reading order."""
        return tuple(plan.names for plan in self._plans)

    def embed(self, model: nn.Module) -> dict[str, Tensor]:
        """The encoded sentences with embeddings in place of ids.

        Args:
            model: a network with ``get_input_embeddings()``, or an embedding itself.

        Returns:
            ``inputs_embeds``, ``[n_sentences, n_tokens, width]`` on the CPU in the network's dtype, and the others of
            `inputs`. The baselines of these are remembered.

        Raises:
            InputError: no embedding is found, or ids lie outside of it.
        """
        embedding = embedding_of(model)
        self.check_model(model, Samples(self._encoded.inputs))
        found = looked_up(embedding, self._encoded.inputs[IDS])
        self._embedded.append((found.clone(), token_vectors(self._tokenizer, embedding)))
        rest = {name: part for name, part in self.inputs.items() if name != IDS}
        return {EMBEDDED: found, **rest}

    def plan(self, sample: Sample, index: int) -> Plan:
        """The words of one encoded sentence, see the class and `Players.plan`.

        Raises:
            InputError: the sample is not the encoding of the sentence of this index.
        """
        parts = named_parts(sample)
        if not 0 <= index < len(self._plans):
            raise InputError(
                f"sample {index}, but these Words are of {len(self._plans)} sentences: explain their .inputs"
            )
        name = _main_of(parts)
        own = self._plans[index]
        assert own.owner is not None  # noqa: S101
        values = parts[name]
        if name == PLAIN and values.dim() == 1:
            parts = {IDS: values}
        if len(values) != len(own.owner) or not same_encoding(parts, self._encoded.inputs, index):
            raise InputError(
                f"sample {index} is not the encoding of sentence {index}, {shortened(self._sentences[index])}: explain "
                "the .inputs of these Words, or their first ones"
            )
        # A plain tensor is aligned from the right.
        owner = own.owner[:, None] if name == PLAIN and values.dim() == 2 else own.owner
        return Plan(own.names, owner.to(values.device), pieces=own.pieces)

    def baselines(self, baseline: Any, samples: Samples) -> Samples | None:
        """Baselines of all samples that are tokens, ids of tokens, or embeddings; see the class.

        Raises:
            InputError: the tokenizer has no such token, the id is none, or the samples have no such baseline.
        """
        if not isinstance(baseline, str | int | float) or isinstance(baseline, bool):
            return None
        name = _main_of(samples.parts)
        owners = torch.stack([_owner(self.plan(sample, index)) for index, sample in enumerate(samples)])
        values = samples.parts[name]
        hidden = owners >= 0
        if values.is_floating_point():
            found = self._vector(baseline, values)
        else:
            found = torch.tensor(token_id(self._tokenizer, baseline), dtype=values.dtype)
        parts = dict(samples.parts)
        wide = hidden.reshape(*hidden.shape, *[1] * (values.dim() - hidden.dim()))
        parts[name] = torch.where(wide, found, values)
        if baseline == "[PAD]" and MASK in parts:
            parts[MASK] = torch.where(hidden, torch.zeros_like(parts[MASK]), parts[MASK])
        return Samples(parts)

    def check_model(self, model: nn.Module, samples: Samples) -> None:
        """Raise `InputError` where sentences are longer than the network takes, or ids lie outside its embedding."""
        values = samples.parts[_main_of(samples.parts)]
        limit = getattr(getattr(model, "config", None), "max_position_embeddings", None)
        if isinstance(limit, int) and 0 < limit < values.shape[1]:
            raise InputError(
                f"the sentences are encoded as {values.shape[1]} tokens, and {type(model).__name__} takes at most "
                f"{limit}: leave the longest out, or give a smaller max_length"
            )
        embedding = embedding_or_none(model)
        if values.is_floating_point() or embedding is None:
            return
        if int(values.max()) >= embedding.num_embeddings:
            raise InputError(
                f"the sentences or their baseline hold the id {int(values.max())}, and the network's embedding has "
                f"{embedding.num_embeddings} rows: use the tokenizer that it was trained with, or resize its embedding"
            )

    def settings(self) -> dict[str, object]:
        """Kind of tokenizer, digest of the sentences, and all options."""
        text = "\0".join(self._sentences).encode()
        return {
            "players": "Words",
            "tokenizer": type(self._tokenizer).__name__,
            "sentences": hashlib.sha256(text).hexdigest(),
            "n_players": self._n_players,
            **self._settings,
        }

    def _plan_of(self, row: int, words: Sequence[Word], choose: str, seed: int) -> Plan:
        count = self._n_players
        if len(words) < count:
            raise InputError(
                f"sentence {row} ({shortened(self._sentences[row])}) has {len(words)} words that can be players, "
                f"{count} were asked for: leave it out, ask for fewer, or exclude fewer words"
            )
        positions = list(range(count))
        if choose == "random":
            positions = sorted(np.random.default_rng([seed, row]).permutation(len(words))[:count].tolist())
        chosen = [words[position] for position in positions]
        numbers = {word: player for player, word in enumerate(chosen)}
        tokens = words_of_tokens(self._encoded, row, self._sentences[row], chosen)
        owner = torch.tensor([BACKGROUND if word is None else numbers[word] for word in tokens])
        return Plan(tuple(word.text for word in chosen), owner, pieces=self._encoded.pieces[row])

    def _vector(self, baseline: str | float, values: Float[Tensor, "n_samples n_tokens width"]) -> Tensor:
        if not isinstance(baseline, str) or baseline == "zero":
            return resolve_baseline(baseline, values)
        check_choice(baseline, (*TOKENS, MEAN, "zero"), "baseline")
        for embedded, vectors in reversed(self._embedded):
            if embedded[: len(values)].shape == values.shape and torch.equal(embedded[: len(values)], values):
                if baseline not in vectors:
                    raise InputError(
                        f"baseline={baseline!r}, but {type(self._tokenizer).__name__} has no {TOKENS[baseline]} that "
                        "the network's embedding knows: choose 'mean', 'zero' or another token"
                    )
                return vectors[baseline].to(values)
        raise InputError(
            f"baseline={baseline!r} of embeddings that these Words did not make: explain what words.embed(model) "
            "gives, or pass the baseline as a tensor, baseline={'inputs_embeds': ...}"
        )


def _check_options(
    sentences: Sequence[str], n_players: int | None, choose: str, seed: int, max_length: int | None
) -> None:
    if isinstance(sentences, str):
        raise InputError(f"sentences is one text, {shortened(sentences)}: pass a list of sentences")
    if not len(sentences):
        raise InputError("sentences is empty: pass at least one sentence")
    for row, sentence in enumerate(sentences):
        if not isinstance(sentence, str):
            raise InputError(f"sentence {row} is {sentence!r}: texts are needed")
    if n_players is not None:
        check_players(n_players)
    check_choice(choose, CHOICES, "choose")
    if seed < 0:
        raise InputError(f"seed={seed} must be at least 0")
    if max_length is not None and max_length < 1:
        raise InputError(f"max_length={max_length} must be at least 1")


def _main_of(parts: Mapping[str, Tensor]) -> str:
    for name in (IDS, EMBEDDED, PLAIN):
        if name in parts:
            return name
    raise InputError(
        f"Words are of inputs with input_ids or inputs_embeds, or of one tensor; these have {list(parts)}: explain "
        "words.inputs"
    )


def _owner(plan: Plan) -> Tensor:
    assert plan.owner is not None  # noqa: S101
    return plan.owner.flatten()
