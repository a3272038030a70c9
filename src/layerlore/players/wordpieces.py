"""Which word of its sentence each token belongs to."""

from __future__ import annotations

from collections.abc import Sequence

from layerlore.errors import InputError
from layerlore.players.encoding import Encoded, shortened
from layerlore.players.sentences import Word, words_of


def players_of(encoded: Encoded, row: int, sentence: str, left_out: frozenset[str]) -> list[Word]:
    """Words that can be players: not left out, and with a token at least (a tokenizer may drop strange characters)."""
    words = words_of(sentence)
    seen = set(words_of_tokens(encoded, row, sentence, words))
    return [word for word in words if word in seen and word.text.casefold() not in left_out]


def words_of_tokens(encoded: Encoded, row: int, sentence: str, words: Sequence[Word]) -> list[Word | None]:
    """The word that each token belongs to; None for the background.

    Raises:
        InputError: a token reaches over several words.
    """
    at: dict[int, Word] = {place: word for word in words for place in range(word.start, word.stop)}
    found: list[Word | None] = []
    for position, span in enumerate(encoded.spans[row]):
        start, stop = span or (0, 0)
        # The mark of a word's beginning has no characters of its own.
        places = range(start, stop) if span is None or start < stop else (start,)
        touched = {at[place] for place in places if place in at}
        if len(touched) > 1:
            raise InputError(
                f"token {position} of sentence {row}, {encoded.pieces[row][position]!r}, reaches over several words of "
                f"{shortened(sentence)}: no word can be hidden alone, so use a tokenizer that splits at spaces"
            )
        found.append(next(iter(touched), None))
    return found


def common_number(words: Sequence[Sequence[Word]], sentences: Sequence[str]) -> int:
    """The number of words that all sentences have.

    Raises:
        InputError: they have different numbers.
    """
    counts = [len(found) for found in words]
    low, high = min(counts), max(counts)
    if low < high:
        row = counts.index(low)
        raise InputError(
            f"the sentences have {low} to {high} words that can be players (the fewest: sentence {row}, "
            f"{shortened(sentences[row])}): give n_players, or choose sentences of one number with content_words"
        )
    return low
