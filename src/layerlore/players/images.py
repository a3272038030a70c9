"""Players of images: patches on a grid."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor

from layerlore.errors import InputError, check_choice
from layerlore.players.checks import check_finite, check_sides
from layerlore.players.coalitions import check_players
from layerlore.players.plan import BACKGROUND, Plan, Players, levels_of

Pair = tuple[int, int]
CHOICES = ("foreground", "center", "random")


@final
@dataclass(frozen=True)
class ImagePatches(Players):
    """Patches on a grid from pixel 0, numbered in raster order.

    Samples are ``[H, W]`` or ``[C, H, W]``; a patch owns its pixels in all channels. Rows and
    columns left over at the bottom and right, and patches not chosen, are background.

    Attributes:
        size: pixels of a patch: side of a square, or (height, width).
        count: number of players, 2 to 24; None takes all candidates.
        choose: which ``count`` of the candidates, ties by position in raster order:
            ``"foreground"`` (default): the largest ``sum (x - median)**2`` over the patch, the median over
            the whole sample, all channels together;
            ``"center"``: the nearest to the centre of the image, the same for every sample;
            ``"random"``: drawn anew for each sample from ``seed`` and the sample's index.
        within: candidates are the central (rows, columns) of the grid; None takes the whole grid. An odd
            remainder leaves the extra row below and the extra column on the right.
        same_for_all: ``"random"`` draws as for index 0 every time, so that players are aligned over samples.
        seed: of ``"random"``, at least 0.
        background: ``"keep"``, ``"mask"`` or ``"average"``, see `BACKGROUND_LEVELS`.

    Raises:
        InputError: a value is out of range; in `plan`, the image is too small for it.

    Source: METHODS A1: MNIST is ``ImagePatches(3, 10)``, CIFAR-10
    ``ImagePatches(4, 12, choose="random", within=(6, 6))``.

    >>> plan = ImagePatches(2, 2, choose="center").plan(torch.zeros(5, 5), index=0)
    >>> plan.names
    ('patch (0, 1)', 'patch (1, 1)')
    >>> plan.owner[0].tolist()
    [-1, -1, 0, 0, -1]
    """

    size: int | Pair
    count: int | None = None
    choose: str = "foreground"
    within: Pair | None = None
    same_for_all: bool = False
    seed: int = 0
    background: str = "keep"

    def __post_init__(self) -> None:
        check_sides(self._patch, "size")
        check_choice(self.choose, CHOICES, "choose")
        levels_of(self.background)
        if self.count is not None:
            check_players(self.count)
        if self.within is not None:
            check_sides(self.within, "within")
            self._check_enough(*self.within)
        if self.same_for_all and self.choose != "random":
            raise InputError(f"same_for_all=True has no effect on choose={self.choose!r}: it is for choose='random'")
        if self.seed < 0:
            raise InputError(f"seed={self.seed}: a seed is at least 0")

    @property
    def n_players(self) -> int:
        """Number of players: ``count``, or all candidates where ``within`` says how many they are."""
        if self.count is not None:
            return self.count
        if self.within is not None:
            return self.within[0] * self.within[1]
        raise InputError(
            "count=None takes all patches of an image, so that only an image tells how many players there are: "
            "give count=, or read plan(sample, index).n_players"
        )

    @property
    def background_levels(self) -> tuple[float, ...]:
        """Shares of the background of the sample to show."""
        return levels_of(self.background)

    def plan(self, sample: Tensor, index: int) -> Plan:
        """The patches of one image, see the class and `Players.plan`."""
        if sample.dim() not in (2, 3):
            raise InputError(
                f"ImagePatches needs samples [H, W] or [C, H, W]; sample {index} has shape {tuple(sample.shape)}"
            )
        grid = self._grid(sample)
        candidates = _central(grid, self.within)
        chosen = self._chosen(sample, index, candidates)
        owner = torch.full(sample.shape[-2:], BACKGROUND)
        height, width = self._patch
        for player, (row, column) in enumerate(chosen):
            owner[row * height : (row + 1) * height, column * width : (column + 1) * width] = player
        return Plan(tuple(f"patch ({row}, {column})" for row, column in chosen), owner.to(sample.device))

    def settings(self) -> dict[str, object]:
        """All attributes, by name."""
        within = None if self.within is None else list(self.within)
        return {"players": "ImagePatches", **asdict(self), "size": list(self._patch), "within": within}

    @property
    def _patch(self) -> Pair:
        return self.size if isinstance(self.size, tuple) else (self.size, self.size)

    def _grid(self, sample: Tensor) -> Pair:
        (image_height, image_width), (height, width) = sample.shape[-2:], self._patch
        rows, columns = image_height // height, image_width // width
        if not rows or not columns:
            raise InputError(
                f"a patch of {height} x {width} pixels does not fit into an image of {image_height} x {image_width}: "
                "use a smaller size"
            )
        if self.within is not None and (self.within[0] > rows or self.within[1] > columns):
            raise InputError(
                f"within={self.within} exceeds the grid of {rows} x {columns} patches that an image of "
                f"{image_height} x {image_width} pixels has: use a smaller within or a smaller size"
            )
        self._check_enough(*(self.within or (rows, columns)))
        return rows, columns

    def _check_enough(self, rows: int, columns: int) -> None:
        if self.count is None:
            check_players(rows * columns)
        elif self.count > rows * columns:
            raise InputError(
                f"count={self.count} players were asked for, but there are only {rows} x {columns} = "
                f"{rows * columns} patches to choose from: use a smaller count or smaller patches"
            )

    def _chosen(self, sample: Tensor, index: int, candidates: list[Pair]) -> list[Pair]:
        if self.count is None:
            return candidates
        if self.choose == "random":
            ranks = _draws(len(candidates), [self.seed, 0 if self.same_for_all else index])
        elif self.choose == "center":
            ranks = _distances(sample.shape[-2:], self._patch, candidates)
        else:
            ranks = -_energies(sample, index, self._patch, candidates)
        first = np.argsort(ranks, kind="stable")[: self.count]
        return [candidates[position] for position in sorted(first)]


def _central(grid: Pair, within: Pair | None) -> list[Pair]:
    rows, columns = within or grid
    top, left = (grid[0] - rows) // 2, (grid[1] - columns) // 2
    return [(row, column) for row in range(top, top + rows) for column in range(left, left + columns)]


def _draws(n_candidates: int, entropy: list[int]) -> np.ndarray:
    # Ranks of plain uniform draws: unlike shuffles, NumPy has kept these streams over its versions.
    return np.random.default_rng(entropy).random(n_candidates)


def _distances(image: torch.Size, patch: Pair, candidates: list[Pair]) -> np.ndarray:
    # Twice the offset of the centres, in pixels: whole numbers, so that ties are exact.
    offsets = (2 * np.array(candidates) + 1) * np.array(patch) - np.array(image)
    return (offsets**2).sum(-1)


def _energies(sample: Tensor, index: int, patch: Pair, candidates: list[Pair]) -> np.ndarray:
    check_finite(sample, f"sample {index}")
    values = sample.detach().cpu().double().numpy().reshape(-1, *sample.shape[-2:])
    height, width = patch
    squares = (values - np.median(values)) ** 2
    return np.array(
        [
            squares[:, row * height : (row + 1) * height, column * width : (column + 1) * width].sum()
            for row, column in candidates
        ]
    )
