"""Samples that are sentences: their words in running text, each with the player that owns it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from layerlore.figures.style import shortened
from layerlore.interactions.knowledge import Knowledge

BACKGROUND = -1
SPECIAL = frozenset({"[CLS]", "[SEP]", "[PAD]", "<s>", "</s>", "<pad>", "<cls>", "<sep>", "<|endoftext|>"})
"""Pieces that tokenizers add: they are no words of a sentence."""
CONTINUED = "##"
STARTS = "\u0120\u2581"
"""What marks the beginning of a word in the tokenizers of GPT-2 and of SentencePiece."""
LINE = 44
"""Letters in a line: as many as a telephone shows."""


@dataclass(frozen=True)
class Chunk:
    """A word of a sentence.

    Attributes:
        text: to show.
        player: that owns it; -1 for background.
    """

    text: str
    player: int


@dataclass(frozen=True)
class SetWord:
    """A word where it stands.

    Attributes:
        chunk: the word.
        line: from 0.
        column: letters before it.
    """

    chunk: Chunk
    line: int
    column: int


def sentence(knowledge: Knowledge, sample: int) -> list[Chunk] | None:
    """The words of a sample in order; None where it is no sentence.

    Words of players have the players' names, whatever pieces the tokenizer made of them.
    """
    coords, owner = knowledge.manifest["coords"], knowledge.owner(sample)
    # The pieces of a row of a table are texts of its columns.
    if owner is None or not coords.get("pieces") or _is_row(knowledge.inputs(sample)):
        return None
    names = coords["players"][sample]
    chunks: list[Chunk] = []
    for piece, player in zip(coords["pieces"][sample], owner.reshape(-1).tolist(), strict=False):
        if piece in SPECIAL and player == BACKGROUND:
            continue
        last = chunks[-1] if chunks else None
        if player != BACKGROUND:
            if last is None or last.player != player:
                chunks.append(Chunk(str(names[player]), player))
        elif last is not None and last.player == BACKGROUND and piece.startswith(CONTINUED):
            chunks[-1] = Chunk(last.text + piece.removeprefix(CONTINUED), BACKGROUND)
        else:
            chunks.append(Chunk(piece.removeprefix(CONTINUED).lstrip(STARTS), BACKGROUND))
    return chunks


def set_words(chunks: list[Chunk], letters: int = LINE) -> list[SetWord]:
    """Words in lines of at most so many letters, one letter apart; a word that is longer is shortened.

    >>> [(word.line, word.column) for word in set_words([Chunk("not", 0), Chunk("bad", 1), Chunk("film", 2)], 9)]
    [(0, 0), (0, 4), (1, 0)]
    """
    found, line, column = [], 0, 0
    for chunk in chunks:
        text = shortened(chunk.text, letters)
        if column and column + len(text) > letters:
            line, column = line + 1, 0
        found.append(SetWord(Chunk(text, chunk.player), line, column))
        column += len(text) + 1
    return found


def n_lines(words: list[SetWord]) -> int:
    """How many lines words fill; one where there is none."""
    return words[-1].line + 1 if words else 1


def _is_row(values: np.ndarray) -> bool:
    return values.ndim == 1 and np.issubdtype(values.dtype, np.floating)
