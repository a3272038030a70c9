"""Which explanations can be set side by side, and what is said of those that cannot (METHODS A7)."""

import numpy as np
import pytest

from layerlore.errors import InputError
from layerlore.interactions.comparable import check_comparable
from reference.made_knowledge import made

EFFECTS = np.zeros((3, 1, 1, 2, 4))
PIXELS = np.arange(12, dtype=np.float32).reshape(3, 2, 2)


def compare(one: dict, other: dict) -> None:
    check_comparable([made(EFFECTS, **one), made(EFFECTS, **other)], ["first", "second"])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {}),
        # The same image as a column and as a picture, in either precision; and at another resolution.
        ({"inputs": PIXELS}, {"inputs": PIXELS.reshape(3, 4)}),
        ({"inputs": PIXELS}, {"inputs": np.zeros((3, 5), np.float32)}),
        ({"inputs": PIXELS, "owner": PIXELS.astype(np.int16)}, {"inputs": PIXELS}),
        # Words have ids of their own in each tokenizer: their names are what is compared.
        ({"inputs": PIXELS, "pieces": [["a"]] * 3}, {"inputs": PIXELS + 1, "pieces": [["b"]] * 3}),
        # Labels that only one of them knows.
        ({"label": [0, 1, 2]}, {}),
    ],
)
def test_what_can_be_compared(one, other):
    compare(one, other)
    compare(other, one)


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        ({}, {"effects": EFFECTS[:2]}, "3 and 2 samples"),
        ({}, {"effects": np.zeros((3, 1, 1, 2, 8))}, "2 and 3 players"),
        (
            {"players": [["ear", "eye"]] * 3},
            {"players": [["ear", "eye"]] * 2 + [["ear", "mouth"]]},
            "in sample 2, player 1 is 'eye' and 'mouth'",
        ),
        ({"inputs": PIXELS}, {"inputs": PIXELS[[0, 2, 1]]}, "different inputs: sample 1 is not the same"),
        (
            {"inputs": PIXELS, "owner": PIXELS.astype(np.int16)},
            {"inputs": PIXELS, "owner": PIXELS.astype(np.int16)[:, ::-1].copy()},
            "those of sample 0 do not own the same numbers",
        ),
        ({}, {"identity": {"score": "logit"}}, "score is 'log_odds' and 'logit'"),
        ({}, {"identity": {"background": [0.0]}}, r"background is \[1.0\] and \[0.0\]"),
        ({}, {"identity": {"baseline": "zero"}}, "baseline is 'mean' and 'zero'"),
        (
            {"label": [0, 1, 2]},
            {"label": [2, 0, 1]},
            "labels: 0 and 2 for sample 0. Each class of one is one class of the other.*label order",
        ),
        ({"label": [0, 1, 2]}, {"label": [0, 1, 1]}, "labels: 2 and 1 for sample 2: explain the same samples"),
        ({"label": [0, 0, 0]}, {"label": [1, 1, 1]}, "labels: 0 and 1 for sample 0: explain the same samples"),
        (
            {"label": [0, 1, 2], "target_class": [[0], [1], [2]]},
            {"label": [0, 1, 2], "target_class": [[0], [2], [2]]},
            "different classes: targets 1 and 2 for sample 1",
        ),
    ],
)
def test_what_cannot(one, other, words):
    pair = [made(options.pop("effects", EFFECTS), **options) for options in (dict(one), dict(other))]
    with pytest.raises(InputError, match=words) as found:
        check_comparable(pair, ["first", "second"])
    assert str(found.value).startswith("'first' and 'second' ")


def test_each_is_compared_with_the_first():
    same = made(EFFECTS)
    with pytest.raises(InputError, match="'a' and 'c'"):
        check_comparable([same, same, made(EFFECTS[:1])], ["a", "b", "c"])
