"""Samples that are images, and the outlines of their players, in a form that any page can show."""

from __future__ import annotations

import base64
import struct
import zlib
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int64, UInt8

from layerlore.interactions.knowledge import Knowledge

LONGEST_SIDE = 160
"""Pixels that a picture on a page has at most on its longer side."""

Image = Float32[np.ndarray, "height width"] | Float32[np.ndarray, "channels height width"]
Owner = Int64[np.ndarray, "height width"]


@dataclass(frozen=True)
class Outline:
    """Where a player lies in an image, in pixels from the top left corner.

    Attributes:
        path: its border, as the ``d`` of an SVG path.
        x: centre, from the left.
        y: centre, from the top.
        size: side of a square with its area.
    """

    path: str
    x: float
    y: float
    size: float


@dataclass(frozen=True)
class Picture:
    """An image with its players.

    Attributes:
        width: of the sample, in pixels.
        height: likewise; outlines are counted in these.
        source: a ``data:`` address of a PNG, channels stretched together to the sample's own range; a large image is
            reduced to at most `LONGEST_SIDE` pixels.
        outlines: one for each player.
    """

    width: int
    height: int
    source: str
    outlines: tuple[Outline, ...]


def picture(knowledge: Knowledge, sample: int) -> Picture | None:
    """A sample as an image with its players; None where it is none, or where pixels have no owner."""
    found = image_of(knowledge, sample)
    if found is None:
        return None
    image, owner = found
    height, width = owner.shape
    outlines = tuple(outline(owner, player) for player in range(knowledge.n_players))
    return Picture(width, height, png_address(reduced(image, LONGEST_SIDE)), outlines)


def image_of(knowledge: Knowledge, sample: int) -> tuple[UInt8[np.ndarray, "height width 3"], Owner] | None:
    """The pixels of a sample and the player that owns each; None where it is no image, or pixels have no owner."""
    owner, values = knowledge.owner(sample), knowledge.inputs(sample)
    if owner is None or values.ndim not in (2, 3) or owner.shape[-2:] != values.shape[-2:]:
        return None
    flat = owner.reshape(-1, *owner.shape[-2:])
    if min(flat.shape[-2:]) < 2 or (flat != flat[0]).any():
        return None
    return pixels(values), flat[0]


def pixels(values: Image) -> UInt8[np.ndarray, "height width 3"]:
    """Red, green and blue of an image; one channel is shown grey, other numbers than 3 as their mean."""
    channels = values.reshape(-1, *values.shape[-2:]).astype(np.float64)
    if len(channels) != 3:
        channels = np.repeat(channels.mean(axis=0, keepdims=True), 3, axis=0)
    low, high = channels.min(), channels.max()
    shares = (channels - low) / (high - low) if high > low else np.full_like(channels, 0.5)
    return np.moveaxis((255 * shares).round().astype(np.uint8), 0, -1)


def reduced(image: UInt8[np.ndarray, "height width 3"], longest: int) -> UInt8[np.ndarray, "rows columns 3"]:
    """An image of at most so many pixels on its longer side: the means of blocks of equal side, cut at the edges.

    >>> reduced(np.arange(8, dtype=np.uint8).repeat(3).reshape(2, 4, 3), 2)[..., 0]
    array([[2, 4]], dtype=uint8)
    """
    side = -(-max(image.shape[:2]) // longest)
    if side == 1:
        return image
    sums, counts = image.astype(np.float64), np.ones(image.shape)
    for axis in (0, 1):
        starts = np.arange(0, image.shape[axis], side)
        sums, counts = (np.add.reduceat(part, starts, axis=axis) for part in (sums, counts))
    return (sums / counts).round().astype(np.uint8)


def png_address(image: UInt8[np.ndarray, "height width 3"]) -> str:
    """An image as a ``data:`` address of a PNG file.

    Source: PNG specification (ISO/IEC 15948), colour type 2, 8 bits, no filter.
    """
    height, width, _ = image.shape
    # Every row of a PNG starts with the number of its filter.
    rows = np.concatenate([np.zeros((height, 1), np.uint8), image.reshape(height, -1)], axis=1)
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows.tobytes(), 9)),
        (b"IEND", b""),
    )
    file = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in parts
    )
    return "data:image/png;base64," + base64.b64encode(file).decode("ascii")


def outline(owner: Owner, player: int) -> Outline:
    """The border of a player's pixels and their centre."""
    inside = np.pad(owner == player, 1)
    across = [f"M{start} {row}H{stop}" for row, start, stop in _runs(inside[1:, 1:-1] != inside[:-1, 1:-1])]
    down = [f"M{column} {start}V{stop}" for column, start, stop in _runs((inside[1:-1, 1:] != inside[1:-1, :-1]).T)]
    rows, columns = np.nonzero(owner == player)
    return Outline(
        path="".join(across + down),
        x=float(columns.mean()) + 0.5,
        y=float(rows.mean()) + 0.5,
        size=float(np.sqrt(len(rows))),
    )


def _runs(edges: np.ndarray) -> list[tuple[int, int, int]]:
    """Unbroken stretches of True in each row: row, start, stop."""
    steps = np.diff(np.pad(edges.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    starts, stops = np.argwhere(steps == 1), np.argwhere(steps == -1)
    return [(int(row), int(start), int(stop)) for (row, start), (_, stop) in zip(starts, stops, strict=True)]
