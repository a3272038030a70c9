"""Players of point clouds: clusters of points around centres that lie far from each other."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import final

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from layerlore.errors import InputError, check_choice
from layerlore.players.checks import check_finite
from layerlore.players.coalitions import check_players
from layerlore.players.plan import Plan, Players

LAYOUTS = ("points_first", "channels_first")

Points = Float64[Tensor, "n_points n_coordinates"]
"""Coordinates of the points of one cloud."""


@final
@dataclass(frozen=True)
class PointGroups(Players):
    """Clusters of the points of each cloud, every point with its nearest of ``count`` centres.

    The centres are points of the cloud, found by farthest-point sampling: the first is the point farthest from the
    cloud's centre (the mean of its points), each further one the point farthest from all centres so far; of equals
    the one with the lowest index. A point as near to two centres goes to the one found first. Players are numbered
    in the order of their centres, so another order of the points gives the same clusters under the same numbers,
    unless points are equally far; they are not aligned over samples. Distances are Euclidean, in float64.

    A player owns its points with all their channels. Use the method `centre` as the baseline: a hidden point lies in
    the cloud's centre, its further channels (colour, normal) at their means, so that it says nothing but that it is
    there; a number of points that varies would be another input. There is no background.

    Attributes:
        count: number of players, 2 to 24.
        layout: of a sample: ``"points_first"``, ``[points, channels]``, or ``"channels_first"``,
            ``[channels, points]``.
        n_coordinates: how many of the channels, from the first on, are coordinates; the distances are over these.

    Raises:
        InputError: a value is out of range; in `plan`, a sample is no such cloud, has fewer (different) points
            than players, or holds numbers that are not finite.

    Source: METHODS A1; Eldar et al. 1997, "The Farthest Point Strategy for Progressive Image Sampling"; first used
    for networks by Qi et al. 2017, "PointNet++" (arXiv 1706.02413), whose random first point is replaced.

    >>> cloud = torch.tensor([[0.0, 0, 0], [1, 0, 0], [9, 0, 0], [8, 0, 0]])
    >>> PointGroups(2).plan(cloud, index=0).owner.flatten().tolist()
    [0, 0, 1, 1]
    """

    count: int
    layout: str = "points_first"
    n_coordinates: int = 3

    def __post_init__(self) -> None:
        check_players(self.count)
        check_choice(self.layout, LAYOUTS, "layout")
        if self.n_coordinates < 1:
            raise InputError(f"n_coordinates={self.n_coordinates}: at least 1 channel is a coordinate")

    @property
    def n_players(self) -> int:
        """Number of players."""
        return self.count

    def plan(self, sample: Tensor, index: int) -> Plan:
        """The clusters of one cloud, see the class and `Players.plan`."""
        what = f"sample {index}"
        if sample.dim() != 2:
            raise InputError(f"PointGroups needs samples {self._shape()}; {what} has shape {tuple(sample.shape)}")
        check_finite(sample, what)
        # On the CPU, so that ties are broken alike on every device.
        cloud = (sample if self.layout == "points_first" else sample.T).detach().cpu().double()
        n_points, n_channels = cloud.shape
        if n_channels < self.n_coordinates:
            raise InputError(
                f"{what} has shape {tuple(sample.shape)}, which layout={self.layout!r} reads as {n_points} points of "
                f"{n_channels} channels, fewer than n_coordinates={self.n_coordinates}: is it the other layout?"
            )
        if n_points < self.count:
            raise InputError(f"{what} has {n_points} points, fewer than the {self.count} players: ask for fewer")
        points = cloud[:, : self.n_coordinates]
        owner = nearest(points, points[farthest_points(points, self.count, what)])
        shape = (-1, 1) if self.layout == "points_first" else (1, -1)
        return Plan(tuple(f"cluster {player}" for player in range(self.count)), owner.view(shape).to(sample.device))

    def centre(self, samples: Float[Tensor, "n_samples _ _"]) -> Float[Tensor, "n_samples _ _"]:
        """Baselines for these clouds, ``baseline=players.centre``: every point at the mean of its cloud's points.

        Args:
            samples: clouds ``[n_samples, *sample]`` in this layout.

        Returns:
            Clouds of the same shape and dtype, all points alike; means computed in float64.
        """
        axis = 1 if self.layout == "points_first" else 2
        return samples.double().mean(axis, keepdim=True).to(samples.dtype).expand_as(samples).clone()

    def settings(self) -> dict[str, object]:
        """All attributes, by name."""
        return {"players": "PointGroups", **asdict(self)}

    def _shape(self) -> str:
        return "[points, channels]" if self.layout == "points_first" else "[channels, points]"


def farthest_points(points: Points, count: int, what: str) -> Int64[Tensor, " count"]:
    """Indices of ``count`` points, each the farthest from those before it, the first from the mean of all.

    Raises:
        InputError: there are fewer different points; ``what`` names the cloud.
    """
    distance = (points - points.mean(0)).square().sum(1)
    chosen: list[int] = []
    for _ in range(count):
        # `argmax` promises no order among equals.
        farthest = int((distance == distance.max()).nonzero()[0])
        if chosen and distance[farthest] == 0:
            raise InputError(f"{what} has {len(chosen)} different points, fewer than the {count} players")
        step = (points - points[farthest]).square().sum(1)
        distance = torch.minimum(distance, step) if chosen else step
        chosen.append(farthest)
    return torch.tensor(chosen)


def nearest(points: Points, centres: Float64[Tensor, "count n_coordinates"]) -> Int64[Tensor, " n_points"]:
    """The centre nearest to each point, the first of equals."""
    distance = torch.stack([(points - centre).square().sum(1) for centre in centres])
    owner = torch.zeros(len(points), dtype=torch.int64)
    best = distance[0].clone()
    for player, row in enumerate(distance[1:], 1):
        closer = row < best
        owner[closer], best[closer] = player, row[closer]
    return owner
