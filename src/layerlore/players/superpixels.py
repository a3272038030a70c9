"""Players of images: superpixels, exactly as many as asked for, from SLIC, which meets a number only roughly."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from layerlore.errors import InputError, missing_extra
from layerlore.players.checks import check_finite
from layerlore.players.coalitions import check_players
from layerlore.players.plan import Plan, Players

Image = Float64[np.ndarray, "height width n_channels"]
Labels = Int64[np.ndarray, "height width"]


@final
@dataclass(frozen=True)
class Superpixels(Players):
    """Segments of like colour, found by SLIC for each image, numbered in raster order of their first pixel.

    Samples are ``[C, H, W]``; every pixel belongs to a player, so there is no background. Players are not
    aligned over samples. SLIC meets a number of segments only roughly: it is asked for more and more until it
    gives at least ``count``; then the smallest segment is merged into the neighbour of the nearest mean colour,
    again and again, until ``count`` are left.

    Attributes:
        count: number of players, 2 to 24.
        compactness: of SLIC: weight of nearness in space against nearness in colour.
        sigma: of SLIC: width of the Gaussian that smooths the image first, in pixels.

    Raises:
        InputError: a value is out of range; in `plan`, SLIC never finds ``count`` segments in the image.
        MissingExtraError: scikit-image is not installed.

    Source: METHODS A1; SLIC of scikit-image, which scales the values of an image to 0 ... 1 first, and takes
    three channels as RGB.
    """

    count: int
    compactness: float = 10.0
    sigma: float = 0.0

    def __post_init__(self) -> None:
        check_players(self.count)
        if not self.compactness > 0:
            raise InputError(f"compactness={self.compactness}: it must be above 0")
        if not self.sigma >= 0:
            raise InputError(f"sigma={self.sigma}: a width in pixels is at least 0")

    @property
    def n_players(self) -> int:
        """Number of players."""
        return self.count

    def plan(self, sample: Tensor, index: int) -> Plan:
        """The superpixels of one image, see the class and `Players.plan`."""
        if sample.dim() != 3:
            raise InputError(f"Superpixels needs samples [C, H, W]; sample {index} has shape {tuple(sample.shape)}")
        check_finite(sample, f"sample {index}")
        image = sample.detach().cpu().double().permute(1, 2, 0).contiguous().numpy()
        labels = exactly(image, self.count, self.compactness, self.sigma)
        return Plan(
            tuple(f"superpixel {player}" for player in range(self.count)), torch.from_numpy(labels).to(sample.device)
        )

    def settings(self) -> dict[str, object]:
        """All attributes, by name."""
        return {"players": "Superpixels", **asdict(self)}


def exactly(image: Image, count: int, compactness: float, sigma: float) -> Labels:
    """Segments 0 to ``count - 1`` of an image, in raster order of their first pixel.

    Raises:
        InputError: SLIC finds fewer segments, however many it is asked for.
        MissingExtraError: scikit-image is not installed.
    """
    return in_raster_order(merged(image, at_least(image, count, compactness, sigma), count))


def at_least(image: Image, count: int, compactness: float, sigma: float) -> Labels:
    """SLIC segments, ``count`` or somewhat more of them, each connected."""
    try:
        from skimage.segmentation import slic
    except ImportError as error:
        raise missing_extra("scikit-image", "images", "Superpixels") from error
    most, asked, n_pixels = 0, count, image.shape[0] * image.shape[1]
    while asked <= n_pixels:
        labels = slic(image, n_segments=asked, compactness=compactness, sigma=sigma, start_label=0, channel_axis=-1)
        found = len(np.unique(labels))
        if found >= count:
            return labels.astype(np.int64)
        most, asked = max(most, found), asked + asked // 4 + 1
    raise InputError(
        f"SLIC finds at most {most} segments in an image of {image.shape[0]} x {image.shape[1]} pixels, and "
        f"count={count} were asked for: use a larger compactness or sigma, a smaller count, or ImagePatches"
    )


def merged(image: Image, labels: Labels, count: int) -> Labels:
    """Segments after the smallest has joined its most similar neighbour, until ``count`` are left.

    Similar: least Euclidean distance between mean colours; ties go to the smaller neighbour, then the lower label.
    """
    labels = labels.copy()
    while len(present := np.unique(labels)) > count:
        sizes = np.bincount(labels.ravel())
        smallest = int(present[np.argmin(sizes[present])])
        mean = image[labels == smallest].mean(0)
        likeness = [
            (float(np.linalg.norm(image[labels == other].mean(0) - mean)), int(sizes[other]), other)
            for other in _touching(labels, smallest)
        ]
        labels[labels == smallest] = min(likeness)[2]
    return labels


def _touching(labels: Labels, label: int) -> set[int]:
    pairs = np.concatenate(
        [
            np.stack([labels[:-1].ravel(), labels[1:].ravel()], 1),
            np.stack([labels[:, :-1].ravel(), labels[:, 1:].ravel()], 1),
        ]
    )
    return {int(other) for other in np.unique(pairs[(pairs == label).any(1)])} - {label}


def in_raster_order(labels: Labels) -> Labels:
    """The same segments, numbered from 0 in the order in which a raster scan meets them."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse].reshape(labels.shape).astype(np.int64)
