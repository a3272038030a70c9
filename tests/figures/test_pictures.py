"""Images and outlines, read back by a library that knows PNG and by counting pixels."""

import base64
import io
import re

import numpy as np
import pytest

from layerlore.figures.pictures import outline, picture, pixels, png_address, reduced
from report.tiny import tiny


def read_png(address):
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.removeprefix("data:image/png;base64,")))))


def test_a_png_holds_its_pixels():
    image = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8)
    np.testing.assert_array_equal(read_png(png_address(image)), image)


@pytest.mark.parametrize(("shape", "longest", "side"), [((5, 7), 7, 1), ((5, 7), 4, 2), ((7, 3), 2, 4), ((9, 9), 1, 9)])
def test_a_reduced_image_holds_the_means_of_blocks(shape, longest, side):
    image = np.random.default_rng(2).integers(0, 256, (*shape, 3)).astype(np.uint8)
    found = reduced(image, longest)
    assert max(found.shape[:2]) <= longest
    for row, column in np.ndindex(found.shape[:2]):
        block = image[row * side : (row + 1) * side, column * side : (column + 1) * side].reshape(-1, 3)
        np.testing.assert_array_equal(found[row, column], block.mean(0).round())
    assert found.shape[:2] == tuple(-(-length // side) for length in shape)


def test_a_large_image_keeps_its_own_pixels_for_outlines(monkeypatch):
    small = picture(tiny("image"), 1)
    monkeypatch.setattr("layerlore.figures.pictures.LONGEST_SIDE", 3)
    found = picture(tiny("image"), 1)
    assert read_png(found.source).shape == (3, 3, 3)
    assert (found.width, found.height, found.outlines) == (6, 6, small.outlines)


def test_grey_and_colour():
    grey = pixels(np.array([[[0.0, 1.0], [0.5, 0.25]]], dtype=np.float32))
    np.testing.assert_array_equal(grey[..., 0], [[0, 255], [128, 64]])
    assert (grey == grey[..., :1]).all()
    colour = np.zeros((3, 2, 2), dtype=np.float32)
    colour[1] = 1.0
    np.testing.assert_array_equal(pixels(colour)[0, 0], [0, 255, 0])
    np.testing.assert_array_equal(pixels(np.ones((2, 2), dtype=np.float32)), np.full((2, 2, 3), 128))


def edges(path):
    """The unit edges of an outline."""
    found = set()
    for x, y, move, stop in re.findall(r"M(\d+) (\d+)([HV])(\d+)", path):
        for step in range(int(x if move == "H" else y), int(stop)):
            found.add(("H", step, int(y)) if move == "H" else ("V", int(x), step))
    return found


def test_an_outline_is_every_edge_between_inside_and_outside():
    owner = np.random.default_rng(1).integers(-1, 2, (6, 9))
    for player in range(2):
        expected = set()
        for row in range(7):
            for column in range(10):
                inside = lambda r, c: 0 <= r < 6 and 0 <= c < 9 and owner[r, c] == player  # noqa: E731, B023
                if inside(row, column) != inside(row - 1, column):
                    expected.add(("H", column, row))
                if inside(row, column) != inside(row, column - 1):
                    expected.add(("V", column, row))
        assert edges(outline(owner, player).path) == expected


def test_the_middle_of_a_patch():
    owner = np.full((8, 8), -1)
    owner[2:4, 4:6] = 0
    found = outline(owner, 0)
    assert (found.x, found.y, found.size) == (5, 3, 2)


def test_a_sample_that_is_an_image():
    knowledge = tiny("image")
    found = picture(knowledge, 1)
    assert (found.width, found.height, len(found.outlines)) == (6, 6, 4)
    values = knowledge._run.read("inputs", 1)
    shown = read_png(found.source)[..., 0].astype(float)
    # Pixels are stretched to 0 ... 255 and rounded.
    np.testing.assert_allclose(shown / 255, ((values - values.min()) / np.ptp(values))[0], atol=0.5 / 255 + 1e-9)


@pytest.mark.parametrize("kind", ["table", "custom"])
def test_samples_that_are_no_images(kind):
    assert picture(tiny(kind), 0) is None
