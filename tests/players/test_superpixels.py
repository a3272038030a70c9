import builtins
import json

import numpy as np
import pytest
import torch

from layerlore.errors import InputError, MissingExtraError
from layerlore.players import Superpixels
from layerlore.players.superpixels import in_raster_order, merged


def connected(mask):
    todo, seen = [tuple(np.argwhere(mask)[0])], set()
    while todo:
        row, column = todo.pop()
        inside = 0 <= row < mask.shape[0] and 0 <= column < mask.shape[1]
        if inside and mask[row, column] and (row, column) not in seen:
            seen.add((row, column))
            todo += [(row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)]
    return len(seen) == mask.sum()


def photo():
    datasets = pytest.importorskip("sklearn.datasets")
    pytest.importorskip("skimage")
    values = datasets.load_sample_image("china.jpg")[::8, ::8]
    return torch.tensor(values).permute(2, 0, 1).float() / 50 - 2


@pytest.mark.parametrize("count", [2, 5, 12, 24])
def test_exactly_count_connected_segments_cover_the_photo(count):
    sample = photo()
    plan = Superpixels(count).plan(sample, 0)
    owner = plan.owner.numpy()
    assert owner.shape == tuple(sample.shape[1:])
    assert plan.n_players == count
    assert sorted(np.unique(owner)) == list(range(count))
    assert all(connected(owner == player) for player in range(count))
    firsts = [int(np.flatnonzero(owner.ravel() == player)[0]) for player in range(count)]
    assert firsts == sorted(firsts)


@pytest.mark.parametrize("shape", [(1, 20, 20), (3, 16, 24), (5, 16, 16)])
def test_any_number_of_channels_and_noise(shape):
    pytest.importorskip("skimage")
    sample = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    plan = Superpixels(7).plan(sample, 0)
    assert len(plan.owner.unique()) == 7
    assert torch.equal(plan.owner, Superpixels(7).plan(sample, 5).owner)


def test_two_halves_of_two_colours_are_found():
    pytest.importorskip("skimage")
    sample = torch.zeros(3, 12, 30)
    sample[0, :, 13:] = 1
    owner = Superpixels(2, compactness=0.1).plan(sample, 0).owner
    assert torch.equal(owner, (torch.arange(30) >= 13).long().expand(12, 30))


def test_smallest_joins_its_nearest_colour_among_neighbours():
    labels = np.array([[0, 0, 1, 2, 2, 3]])
    # Segment 1 is smallest; 3 has its colour but does not touch it; 2 is nearer than 0.
    image = np.array([0.0, 0.0, 5.0, 6.0, 6.0, 5.0]).reshape(1, 6, 1)
    image[0, 5] = 5.0
    assert merged(image, labels, 3).tolist() == [[0, 0, 2, 2, 2, 3]]
    assert merged(image, labels, 2).tolist() == [[0, 0, 2, 2, 2, 2]]
    assert labels.tolist() == [[0, 0, 1, 2, 2, 3]]


def test_equal_colours_join_the_smaller_neighbour_then_the_lower_label():
    image = np.zeros((1, 6, 1))
    assert merged(image, np.array([[0, 0, 0, 1, 2, 2]]), 2).tolist() == [[0, 0, 0, 2, 2, 2]]
    assert merged(image[:, 1:], np.array([[0, 0, 1, 2, 2]]), 2).tolist() == [[0, 0, 0, 2, 2]]


def test_raster_order():
    assert in_raster_order(np.array([[7, 7, 2], [2, 9, 9]])).tolist() == [[0, 0, 1], [1, 2, 2]]


def test_too_few_pixels_for_count():
    pytest.importorskip("skimage")
    with pytest.raises(InputError, match=r"SLIC finds at most \d+ segments in an image of 2 x 3 pixels, and count=12"):
        Superpixels(12).plan(torch.zeros(3, 2, 3), 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"count": 1}, "n_players=1"),
        ({"count": 25}, "n_players=25"),
        ({"count": 8, "compactness": 0.0}, r"compactness=0.0: it must be above 0"),
        ({"count": 8, "sigma": -1.0}, "sigma=-1.0"),
        ({"count": 8, "sigma": float("nan")}, "sigma=nan"),
    ],
)
def test_impossible_settings(arguments, message):
    with pytest.raises(InputError, match=message):
        Superpixels(**arguments)


def test_impossible_samples():
    with pytest.raises(InputError, match=r"needs samples \[C, H, W\]; sample 3 has shape \(8, 8\)"):
        Superpixels(4).plan(torch.zeros(8, 8), 3)
    with pytest.raises(InputError, match="sample 3 holds 64 of 64 numbers that are NaN"):
        Superpixels(4).plan(torch.full((1, 8, 8), float("inf")), 3)


def test_missing_package_names_the_extra(monkeypatch):
    real = builtins.__import__

    def without_skimage(name, *rest, **keywords):
        if name.startswith("skimage"):
            raise ImportError(name)
        return real(name, *rest, **keywords)

    monkeypatch.setattr(builtins, "__import__", without_skimage)
    with pytest.raises(MissingExtraError, match=r"pip install 'layerlore\[images\]'"):
        Superpixels(4).plan(torch.zeros(1, 8, 8), 0)


def test_settings():
    players = Superpixels(8, compactness=3)
    assert json.loads(json.dumps(players.settings())) == {
        "players": "Superpixels", "count": 8, "compactness": 3, "sigma": 0.0,
    }  # fmt: skip
    assert players.n_players == 8
    assert players.background_levels == (1.0,)
