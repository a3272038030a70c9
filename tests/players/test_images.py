import json
import math

import numpy as np
import pytest
import torch

from layerlore.errors import InputError
from layerlore.players import ImagePatches


def image(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def cells(plan):
    return [tuple(map(int, name.removeprefix("patch (").removesuffix(")").split(", "))) for name in plan.names]


def slow_owner(shape, patch, chosen):
    owner = torch.full(shape, -1)
    for row in range(shape[0]):
        for column in range(shape[1]):
            cell = (row // patch[0], column // patch[1])
            if cell in chosen:
                owner[row, column] = chosen.index(cell)
    return owner


@pytest.mark.parametrize("choose", ["foreground", "center", "random"])
@pytest.mark.parametrize(
    ("shape", "size", "count"),
    [((1, 28, 28), 3, 10), ((3, 32, 32), 4, 12), ((11, 17), (2, 5), 4), ((2, 8, 8), 4, None)],
)
def test_owner_against_a_pixel_loop(shape, size, count, choose):
    players = ImagePatches(size, count, choose)
    plan = players.plan(image(*shape), 3)
    patch = size if isinstance(size, tuple) else (size, size)
    chosen = cells(plan)
    assert chosen == sorted(set(chosen))
    assert plan.n_players == (count or 4)
    assert torch.equal(plan.owner, slow_owner(shape[-2:], patch, chosen))


def test_mnist_has_81_patches_and_a_background_border():
    # Each of the 9 x 9 patches can be chosen, as the only bright one beside the corner.
    for row in range(9):
        for column in range(9):
            digit = torch.zeros(1, 28, 28)
            digit[0, 0, 0] = digit[0, 3 * row + 1, 3 * column + 2] = 1
            second = (0, 1) if (row, column) == (0, 0) else (row, column)
            plan = ImagePatches(3, 2).plan(digit, 0)
            assert cells(plan) == [(0, 0), second]
            assert (plan.owner[27] == -1).all()
            assert (plan.owner[:, 27] == -1).all()
    with pytest.raises(InputError, match="n_players=81"):
        ImagePatches(3).plan(torch.zeros(1, 28, 28), 0)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 28, 28), (28, 28)])
def test_foreground_takes_the_patches_of_most_energy(shape):
    sample = image(*shape, seed=4)
    flat = sorted(sample.flatten().tolist())
    median = (flat[(len(flat) - 1) // 2] + flat[len(flat) // 2]) / 2
    planes = sample.reshape(-1, 28, 28)
    energy = {}
    for row in range(9):
        for column in range(9):
            patch = planes[:, 3 * row : 3 * row + 3, 3 * column : 3 * column + 3].flatten().tolist()
            energy[row, column] = math.fsum((value - median) ** 2 for value in patch)
    best = sorted(energy, key=lambda cell: -energy[cell])[:10]
    assert cells(ImagePatches(3, 10).plan(sample, 0)) == sorted(best)


def test_foreground_ties_go_by_position():
    # One pixel per patch; every seventh of 400 is bright, in five shades, the median dark.
    sample = torch.zeros(400)
    sample[::7] = torch.arange(58.0) % 5 + 1
    brightest = [position for position in range(400) if sample[position] == 5]
    second = [position for position in range(400) if sample[position] == 4][: 16 - len(brightest)]
    plan = ImagePatches(1, 16).plan(sample.reshape(20, 20), 0)
    assert [20 * row + column for row, column in cells(plan)] == sorted(brightest + second)


def test_center_is_nearest_to_the_centre_and_the_same_for_all():
    players = ImagePatches(4, 4, choose="center")
    assert cells(players.plan(image(3, 32, 32), 0)) == [(3, 3), (3, 4), (4, 3), (4, 4)]
    assert torch.equal(players.plan(image(3, 32, 32, seed=1), 7).owner, players.plan(image(3, 32, 32), 0).owner)
    # 28 pixels have their centre at 14, in the patch of 12 to 15: its neighbours above and left are farther off by 1.
    assert cells(ImagePatches(3, 3, choose="center").plan(image(28, 28), 0)) == [(4, 4), (4, 5), (5, 4)]


def test_within_takes_the_central_patches():
    plan = ImagePatches(4, choose="center", within=(2, 3)).plan(image(3, 32, 32), 0)
    assert cells(plan) == [(row, column) for row in (3, 4) for column in (2, 3, 4)]
    drawn = {
        cell for index in range(60) for cell in cells(ImagePatches(4, 12, "random", (6, 6)).plan(image(32, 32), index))
    }
    assert drawn == {(row, column) for row in range(1, 7) for column in range(1, 7)}


def test_random_depends_on_seed_and_index_only():
    players = ImagePatches(4, 12, "random", (6, 6), seed=5)
    names = players.plan(image(3, 32, 32), 2).names
    assert ImagePatches(4, 12, "random", (6, 6), seed=5).plan(image(3, 32, 32, seed=9), 2).names == names
    assert players.plan(image(3, 32, 32), 3).names != names
    assert ImagePatches(4, 12, "random", (6, 6), seed=6).plan(image(3, 32, 32), 2).names != names
    # Neither is one draw shifted by the other: (seed, index) and (index, seed) differ.
    assert ImagePatches(4, 12, "random", (6, 6), seed=2).plan(image(3, 32, 32), 5).names != names


def test_random_leaves_the_global_generators_alone():
    before, torch_before = np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
    ImagePatches(4, 12, "random").plan(torch.zeros(32, 32), 0)
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), torch_before)


def test_random_draws_are_pinned():
    # Published results name their draw by seed and index; a change of this list would silently change them.
    small = ImagePatches(4, 3, "random", (2, 2)).plan(torch.zeros(8, 8), 0)
    assert cells(small) == [(0, 1), (1, 0), (1, 1)]
    large = ImagePatches(4, 4, "random", (6, 6), seed=7).plan(torch.zeros(32, 32), 1)
    assert [6 * (row - 1) + column - 1 for row, column in cells(large)] == [11, 22, 25, 29]


def test_same_for_all_draws_once():
    players = ImagePatches(4, 12, "random", (6, 6), same_for_all=True)
    names = {players.plan(image(3, 32, 32, seed=index), index).names for index in range(5)}
    assert len(names) == 1
    assert ImagePatches(4, 12, "random", (6, 6), True, seed=1).plan(image(3, 32, 32), 0).names not in names


def test_number_of_players_before_any_sample():
    assert ImagePatches(4, 12).n_players == 12
    assert ImagePatches(4, within=(2, 3)).n_players == 6
    with pytest.raises(InputError, match=r"count=None takes all patches.*give count=, or read plan"):
        _ = ImagePatches(4).n_players


def test_background_levels_and_settings():
    players = ImagePatches((4, 2), 12, "random", (6, 6), seed=3, background="average")
    assert players.background_levels == (0.1, 0.3, 0.5, 0.7, 0.9)
    assert ImagePatches(4).background_levels == (1.0,)
    assert json.loads(json.dumps(players.settings())) == players.settings()
    assert players.settings() == {
        "players": "ImagePatches", "size": [4, 2], "count": 12, "choose": "random", "within": [6, 6],
        "same_for_all": False, "seed": 3, "background": "average",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 0}, r"size=\(0, 0\): two whole numbers of at least 1"),
        ({"size": (4, -1)}, r"size=\(4, -1\)"),
        ({"size": 4, "count": 1}, "n_players=1"),
        ({"size": 4, "count": 25}, "n_players=25"),
        ({"size": 4, "choose": "centre"}, "choose='centre' is not known; did you mean 'center'"),
        ({"size": 4, "within": (0, 6)}, r"within=\(0, 6\)"),
        ({"size": 4, "within": (6, 6)}, "n_players=36"),
        ({"size": 4, "count": 12, "within": (2, 3)}, r"count=12 players.*only 2 x 3 = 6 patches"),
        ({"size": 4, "same_for_all": True}, "same_for_all=True has no effect on choose='foreground'"),
        ({"size": 4, "seed": -1}, "seed=-1"),
        ({"size": 4, "background": "blur"}, "background='blur' is not known"),
    ],
)
def test_impossible_settings(arguments, message):
    with pytest.raises(InputError, match=message):
        ImagePatches(**arguments)


@pytest.mark.parametrize(
    ("arguments", "shape", "message"),
    [
        ({"size": 9}, (1, 8, 20), r"patch of 9 x 9 pixels does not fit into an image of 8 x 20"),
        ({"size": 4, "count": 5}, (8, 8), r"count=5 players.*only 2 x 2 = 4 patches.*smaller"),
        ({"size": 2, "count": 5, "within": (3, 5)}, (9, 9), r"within=\(3, 5\) exceeds the grid of 4 x 4"),
        ({"size": 8}, (8, 8), "n_players=1"),
        ({"size": 2}, (8,), r"sample 6 has shape \(8,\)"),
        ({"size": 2}, (1, 3, 8, 8), r"sample 6 has shape \(1, 3, 8, 8\)"),
    ],
)
def test_impossible_images(arguments, shape, message):
    with pytest.raises(InputError, match=message):
        ImagePatches(**arguments).plan(torch.zeros(shape), 6)


def test_foreground_refuses_nan():
    sample = torch.zeros(1, 8, 8)
    sample[0, 2, 3] = math.nan
    with pytest.raises(InputError, match=r"sample 4 holds 1 of 64 numbers that are NaN.*first at \(0, 2, 3\)"):
        ImagePatches(2, 4).plan(sample, 4)
