"""Players of an image in colours: pictures that pages and print show alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64, UInt8

from layerlore.figures.explanation import sign_colour
from layerlore.figures.interactions import Interaction
from layerlore.figures.pictures import Owner

Pixels = UInt8[np.ndarray, "height width 3"]

STRENGTH = 0.85
"""How much of a player's pixels is its colour; the rest is the image. More of it would pass for another shade."""
FADED = 0.35
"""How much of the image is left where there is no colour; the rest is white."""


def tinted(image: Pixels, owner: Owner, colours: Sequence[str]) -> Pixels:
    """The image in grey with each player in its colour; the background is faded.

    Args:
        image: red, green and blue.
        owner: player that owns each pixel, -1 for background.
        colours: of the players, ``#rrggbb``.
    """
    grey = np.repeat(_grey(image)[..., None], 3, axis=-1)
    table = np.array([tuple(bytes.fromhex(colour[1:])) for colour in colours], np.float64).reshape(-1, 3)
    table = np.concatenate([table, [[255.0, 255.0, 255.0]]])
    weight = np.where(owner >= 0, STRENGTH, 1 - FADED)[..., None]
    return (weight * table[owner] + (1 - weight) * grey).round().astype(np.uint8)


def marked(image: Pixels, owner: Owner, shown: Interaction) -> Pixels:
    """The image in grey with the players of one interaction in the colour of its sign, all else faded."""
    members = np.isin(owner, shown.players)
    return tinted(image, np.where(members, 0, -1), [sign_colour(shown)])


def _grey(image: Pixels) -> Float64[np.ndarray, "height width"]:
    return image.astype(np.float64).mean(-1)
