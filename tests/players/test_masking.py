import math
from functools import partial

import pytest
import torch

from layerlore.errors import InputError
from layerlore.players import Columns, CustomPlayers, ImagePatches, Plan, coalition_table, masked_inputs


def image(*shape, seed=0, dtype=torch.float32):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def slow_masked_inputs(sample, baseline, owner, coalitions, level):
    n_channels, height, width = sample.shape
    result = torch.zeros(len(coalitions), *sample.shape, dtype=sample.dtype)
    for mask, shown in enumerate(coalitions.tolist()):
        for channel in range(n_channels):
            for row in range(height):
                for column in range(width):
                    x, b = sample[channel, row, column], baseline[channel, row, column]
                    player = int(owner[row, column])
                    if player < 0:
                        value = {0.0: b, 1.0: x}.get(level, b + level * (x - b))
                    else:
                        value = x if shown[player] else b
                    result[mask, channel, row, column] = value
    return result


def same_bits(left, right):
    assert left.dtype == right.dtype
    kind = {2: torch.int16, 4: torch.int32, 8: torch.int64}[left.element_size()]
    return torch.equal(left.contiguous().view(kind), right.contiguous().view(kind))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("level", [0.0, 0.3, 1.0])
def test_against_a_pixel_loop(level, dtype):
    sample, baseline = image(2, 7, 5, dtype=dtype), image(2, 7, 5, seed=1, dtype=dtype)
    plan = ImagePatches(2, 4, "random", seed=3).plan(sample, 0)
    assert (plan.owner < 0).any()
    table = coalition_table(4, 0, 16)
    fast = masked_inputs(sample, baseline, plan, table, level)
    assert same_bits(fast, slow_masked_inputs(sample, baseline, plan.owner, table, level))


@pytest.mark.parametrize("scale", [1.0, 1e-30, 1e30])
def test_ends_are_bit_equal_to_sample_and_baseline(scale):
    # Signed zeros, samples so far from the baseline that baseline + (sample - baseline) would lose them, overflow.
    sample, baseline = image(3, 8, 8) * scale, image(3, 8, 8, seed=1) / scale
    sample[0, 0] = baseline[1] = -0.0
    sample[2], baseline[2] = 3e38, -3e38
    plan = ImagePatches(2, 10).plan(sample, 0)
    ends = coalition_table(10, 0, 1), coalition_table(10, 1023, 1024)
    background = (plan.owner < 0).expand(3, 8, 8)
    assert same_bits(masked_inputs(sample, baseline, plan, ends[1])[0], sample)
    assert same_bits(masked_inputs(sample, baseline, plan, ends[0], 0.0)[0], baseline)
    empty = masked_inputs(sample, baseline, plan, ends[0])[0]
    assert same_bits(empty[~background], baseline[~background])
    assert same_bits(empty[background], sample[background])


def test_slices_of_the_table_give_slices_of_the_inputs():
    sample, baseline = image(3, 8, 8), image(3, 8, 8, seed=1)
    plan = ImagePatches(2, 6).plan(sample, 0)
    whole = masked_inputs(sample, baseline, plan, coalition_table(6, 0, 64))
    parts = [masked_inputs(sample, baseline, plan, coalition_table(6, a, b)) for a, b in [(0, 7), (7, 50), (50, 64)]]
    assert torch.equal(torch.cat(parts), whole)
    assert masked_inputs(sample, baseline, plan, coalition_table(6, 3, 3)).shape == (0, 3, 8, 8)


def test_columns():
    plan = Columns([[0, 2], [3]]).plan(torch.zeros(4), 0)
    rows = masked_inputs(torch.tensor([1.0, 2, 3, 4]), torch.tensor([9.0, 8, 7, 6]), plan, coalition_table(2, 0, 4))
    assert rows.tolist() == [[9, 2, 7, 6], [1, 2, 3, 6], [9, 2, 7, 4], [1, 2, 3, 4]]


def test_owner_broadcasts_over_any_axis():
    plan = Plan(("top", "bottom"), torch.tensor([[0], [1]]))
    rows = masked_inputs(torch.ones(3, 2, 2), torch.zeros(3, 2, 2), plan, torch.tensor([[False, True]]))
    assert torch.equal(rows[0], torch.tensor([[0.0, 0], [1, 1]]).expand(3, 2, 2))


def test_arguments_are_left_alone_and_gradients_reach_a_learned_baseline():
    sample, baseline = image(1, 4, 4), torch.zeros(1, 4, 4, requires_grad=True)
    kept = sample.clone()
    plan = ImagePatches(2).plan(sample, 0)
    masked_inputs(sample, baseline, plan, coalition_table(4, 0, 16)).sum().backward()
    # Each of the four players is hidden in half of the 16 coalitions.
    assert torch.equal(baseline.grad, torch.full((1, 4, 4), 8.0))
    assert torch.equal(sample, kept)


def wrong_baseline_shape(sample, plan):
    return sample, sample[:1], plan, coalition_table(4, 0, 2)


def wrong_baseline_dtype(sample, plan):
    return sample, sample.double(), plan, coalition_table(4, 0, 2)


def wrong_number_of_players(sample, plan):
    return sample, sample, plan, coalition_table(5, 0, 2)


def level_above_one(sample, plan):
    return sample, sample, plan, coalition_table(4, 0, 2), 1.5


def level_nan(sample, plan):
    return sample, sample, plan, coalition_table(4, 0, 2), math.nan


def plan_of_another_sample(sample, plan):
    return sample[:, :3], sample[:, :3], plan, coalition_table(4, 0, 2)


def plan_of_more_axes(sample, plan):
    return sample[0, 0], sample[0, 0], plan, coalition_table(4, 0, 2)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (wrong_baseline_shape, r"the baseline has shape \(1, 4, 4\) and dtype torch.float32, the sample \(2, 4, 4\)"),
        (wrong_baseline_dtype, r"dtype torch.float64, the sample \(2, 4, 4\) and torch.float32"),
        (wrong_number_of_players, "the coalitions are over 5 players, the plan has 4"),
        (level_above_one, "background_level=1.5"),
        (level_nan, "background_level=nan"),
        (plan_of_another_sample, r"owner has shape \(4, 4\), which does not broadcast to the sample's \(2, 3, 4\)"),
        (plan_of_more_axes, r"owner has shape \(4, 4\), which does not broadcast to the sample's \(4,\)"),
    ],
)
def test_arguments_that_disagree(wrong, message):
    sample = image(2, 4, 4)
    arguments = wrong(sample, ImagePatches(2).plan(sample, 0))
    with pytest.raises(InputError, match=message):
        masked_inputs(*arguments)


def halves(sample, baseline, coalitions):
    middle = sample.shape[0] // 2
    left, right = coalitions[:, :1], coalitions[:, 1:]
    return torch.cat(
        [torch.where(left, sample[:middle], baseline[:middle]), torch.where(right, sample[middle:], baseline[middle:])],
        1,
    )


def test_custom_players_equal_the_owner_they_stand_for():
    sample, baseline = image(6), image(6, seed=1)
    custom = CustomPlayers(2, halves, ["left", "right"]).plan(sample, 0)
    owned = Columns({"left": [0, 1, 2], "right": [3, 4, 5]}).plan(sample, 0)
    table = coalition_table(2, 0, 4)
    assert torch.equal(masked_inputs(sample, baseline, custom, table), masked_inputs(sample, baseline, owned, table))


def test_a_custom_mask_cannot_spoil_its_arguments():
    def careless(sample, baseline, coalitions):
        sample[:], baseline[:], coalitions[:] = 1, 2, True
        return sample.expand(len(coalitions), -1)

    sample, baseline, table = torch.zeros(6), torch.zeros(6), coalition_table(2, 0, 4)
    masked_inputs(sample, baseline, CustomPlayers(2, careless).plan(sample, 0), table)
    assert not sample.any()
    assert not baseline.any()
    assert torch.equal(table, coalition_table(2, 0, 4))


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (lambda s, b, c: s, r"lambda.* returned shape \(6,\).*\[n_masks, \*sample\] is \(4, 6\)"),
        (lambda s, b, c: s.double().expand(4, 6), r"dtype torch.float64, on cpu;.*torch.float32"),
        (lambda s, b, c: s.new_full((4, 6), math.nan), "the result of the mask function .* holds 24 of 24 numbers"),
        (lambda s, b, c: None, r"returned a NoneType: a tensor \(4, 6\) is needed"),
    ],
)
def test_results_of_custom_masks_are_checked(mask, message):
    plan = CustomPlayers(2, mask).plan(torch.zeros(6), 0)
    with pytest.raises(InputError, match=message):
        masked_inputs(torch.zeros(6), torch.zeros(6), plan, coalition_table(2, 0, 4))


def test_custom_masks_have_no_background():
    plan = CustomPlayers(2, halves).plan(torch.zeros(6), 0)
    with pytest.raises(InputError, match=r"background_level=0.5 with a mask function"):
        masked_inputs(torch.zeros(6), torch.zeros(6), plan, coalition_table(2, 0, 4), 0.5)


def test_custom_settings():
    assert CustomPlayers(2, halves).settings() == {
        "players": "CustomPlayers", "mask": f"{__name__}.halves", "names": ["player 0", "player 1"],
    }  # fmt: skip
    assert CustomPlayers(2, partial(halves)).settings()["mask"] == "functools.partial"
    assert CustomPlayers(2, halves).background_levels == (1.0,)


def test_impossible_custom_players():
    with pytest.raises(InputError, match="n_players=40"):
        CustomPlayers(40, halves)
    with pytest.raises(InputError, match=r"names=\('a',\) does not name 2 players"):
        CustomPlayers(2, halves, ("a",))
