"""Words of a sentence: what whitespace separates, without the punctuation around it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from layerlore.errors import InputError, missing_extra

ENGLISH = "english"


@dataclass(frozen=True)
class Word:
    """A word of a sentence.

    Attributes:
        text: as it is written, without the punctuation before and after it.
        start: position of its first character in the sentence.
        stop: position after its last character.
    """

    text: str
    start: int
    stop: int


def words_of(sentence: str) -> list[Word]:
    """The words of a sentence in reading order; what is punctuation alone is none.

    Whitespace separates words. Punctuation (Unicode's, and all of ASCII that is neither letter nor digit) belongs to
    a word only inside of it.

    >>> [word.text for word in words_of("(It isn't a must-see, he said ...)")]
    ['It', "isn't", 'a', 'must-see', 'he', 'said']
    """
    found = []
    for match in re.finditer(r"\S+", sentence):
        start, stop = match.span()
        while start < stop and is_punctuation(sentence[start]):
            start += 1
        while start < stop and is_punctuation(sentence[stop - 1]):
            stop -= 1
        if start < stop:
            found.append(Word(sentence[start:stop], start, stop))
    return found


def is_punctuation(character: str) -> bool:
    """Whether a character is punctuation: in Unicode's categories P, or ASCII and neither letter nor digit."""
    return (character.isascii() and not character.isalnum()) or unicodedata.category(character).startswith("P")


def content_words(sentence: str, exclude: str | Iterable[str] = ()) -> list[str]:
    """The words that could be players: those of a sentence without the excluded ones.

    Args:
        sentence: text.
        exclude: as for `Words`.

    Source: METHODS A1, which takes sentences that have exactly 10 such words.

    >>> content_words("the film is a delight", exclude={"The", "is", "a"})
    ['film', 'delight']
    """
    left_out = excluded_words(exclude)
    return [word.text for word in words_of(sentence) if word.text.casefold() not in left_out]


def excluded_words(exclude: str | Iterable[str]) -> frozenset[str]:
    """Words to leave out, case folded; ``"english"`` stands for scikit-learn's list of stop words.

    Raises:
        InputError: another single string.
        MissingExtraError: the list is asked for and scikit-learn is not installed.
    """
    if isinstance(exclude, str):
        if exclude != ENGLISH:
            raise InputError(f"exclude={exclude!r} is no list of words: pass 'english' or a list, [{exclude!r}]")
        try:
            from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS
        except ImportError as error:
            raise missing_extra("scikit-learn", "trends", "exclude='english'") from error
        exclude = ENGLISH_STOP_WORDS
    words = list(exclude)
    for word in words:
        if not isinstance(word, str):
            raise InputError(f"exclude holds {word!r}: words are strings")
    return frozenset(word.casefold() for word in words)
