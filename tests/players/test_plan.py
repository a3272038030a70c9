import pytest
import torch

from layerlore.errors import InputError
from layerlore.players import BACKGROUND_LEVELS, Plan
from layerlore.players.plan import levels_of


def test_average_levels_are_midpoints_of_equal_parts():
    levels = BACKGROUND_LEVELS["average"]
    assert levels == pytest.approx([(2 * part + 1) / (2 * len(levels)) for part in range(len(levels))])
    assert levels_of("keep") == (1.0,)
    assert levels_of("mask") == (0.0,)


def test_misspelt_background():
    with pytest.raises(InputError, match="background='kepp' is not known; did you mean 'keep'"):
        levels_of("kepp")


def test_a_plan_is_frozen_and_counts_its_players():
    plan = Plan(("a", "b"), torch.tensor([0, 1, -1]))
    assert plan.n_players == 2
    with pytest.raises(AttributeError):
        plan.names = ("c", "d")


@pytest.mark.parametrize(
    ("names", "owner", "message"),
    [
        (("a",), [0, 0], "n_players=1"),
        (("a", "b"), [0, 2], "owner holds values from 0 to 2; with 2 players they lie in -1"),
        (("a", "b"), [-2, 1], "owner holds values from -2 to 1"),
        (("a", "b", "c"), [0, 2], r"player 1 \('b'\) owns no number"),
    ],
)
def test_impossible_plans(names, owner, message):
    with pytest.raises(InputError, match=message):
        Plan(names, torch.tensor(owner))


def test_owner_or_mask():
    with pytest.raises(InputError, match="either owner or mask"):
        Plan(("a", "b"))
    with pytest.raises(InputError, match="either owner or mask"):
        Plan(("a", "b"), torch.tensor([0, 1]), lambda sample, baseline, coalitions: sample)
