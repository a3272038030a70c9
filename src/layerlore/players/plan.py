"""What players are: an interface that gives each sample its plan, who owns which number of the input."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Int64
from torch import Tensor, nn

from layerlore.errors import InputError, check_choice
from layerlore.players.coalitions import check_players
from layerlore.players.samples import Samples

Mask = Callable[[Any, Any, Tensor], Any]
"""``mask(sample, baseline, coalitions)``: masked inputs ``[n_masks, *sample]`` of ``Bool[n_masks, n_players]``.

Sample, baseline and result are tensors, or named tensors where the network takes such.
"""

BACKGROUND = -1
"""Owner of the numbers that belong to no player."""

BACKGROUND_LEVELS: dict[str, tuple[float, ...]] = {
    "keep": (1.0,),
    "mask": (0.0,),
    # Midpoints of five equal parts of [0, 1]: the midpoint rule for the mean over intensities.
    "average": (0.1, 0.3, 0.5, 0.7, 0.9),
}
"""Shares of the background of the sample that are shown; the rest is baseline.

``"average"`` is METHODS A1's average over background intensities between baseline
and image (``integrated_bg`` in the lab's code); the scores are averaged, not the inputs.
"""


@dataclass(frozen=True, eq=False)
class Plan:
    """The players of one sample. Exactly one of ``owner`` and ``mask`` is given.

    Attributes:
        names: one for each player, player 0 first.
        owner: int64, broadcastable to the sample: the player that owns each number, -1 for background.
        mask: makes the masked inputs where no owner can say them.
        pieces: text of each owned number, such as the tokens of a sentence; one for each entry of ``owner``.

    Raises:
        InputError: the number of players is not 2 to 24, an owner is no player, a player owns nothing, or the pieces
            are not as many as the owner's entries.
    """

    names: tuple[str, ...]
    owner: Int64[Tensor, "*owned"] | None = None
    mask: Mask | None = None
    pieces: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        check_players(self.n_players)
        if (self.owner is None) == (self.mask is None):
            raise InputError("a plan has either owner or mask: give exactly one of them")
        if self.owner is not None:
            _check_owner(self.owner, self.names)
        n_owned = 0 if self.owner is None else self.owner.numel()
        if self.pieces is not None and len(self.pieces) != n_owned:
            raise InputError(f"{len(self.pieces)} pieces for {n_owned} owned numbers: give one text for each")

    @property
    def n_players(self) -> int:
        """Number of players."""
        return len(self.names)


def _check_owner(owner: Tensor, names: tuple[str, ...]) -> None:
    lowest, highest = int(owner.min()), int(owner.max())
    if lowest < BACKGROUND or highest >= len(names):
        raise InputError(
            f"owner holds values from {lowest} to {highest}; with {len(names)} players they lie in "
            f"{BACKGROUND} (background) to {len(names) - 1}"
        )
    owned = torch.bincount(owner.flatten() + 1, minlength=len(names) + 1)[1:]
    if not owned.all():
        player = int((owned == 0).nonzero()[0])
        raise InputError(f"player {player} ({names[player]!r}) owns no number of the sample: leave it out")


def levels_of(background: str) -> tuple[float, ...]:
    """Background levels of a background option: ``"keep"``, ``"mask"`` or ``"average"``.

    Raises:
        InputError: no such option.
    """
    check_choice(background, BACKGROUND_LEVELS, "background")
    return BACKGROUND_LEVELS[background]


class Players(ABC):
    """How samples are divided into players. Subclasses are final; write your own for a new modality."""

    @property
    @abstractmethod
    def n_players(self) -> int:
        """Number of players of every sample.

        Raises:
            InputError: only a sample can tell; read ``plan(sample, index).n_players``.
        """

    @property
    def background_levels(self) -> tuple[float, ...]:
        """Shares of the sample's background to show; the caller averages scores over them."""
        return BACKGROUND_LEVELS["keep"]

    @property
    def takes_named(self) -> bool:
        """Whether `plan` takes samples of named tensors, too."""
        return False

    @property
    def default_baseline(self) -> str:
        """The baseline where the user names none."""
        return "mean"

    def baselines(self, baseline: Any, samples: Samples) -> Samples | None:  # noqa: ARG002
        """Baselines that only these players know, such as a token's; None where `resolve_baseline` knows them.

        Raises:
            InputError: the baseline does not go with these samples.
        """
        return None

    def check_model(self, model: nn.Module, samples: Samples) -> None:  # noqa: B027
        """Raise `InputError` where the network cannot take these samples and it can be told beforehand."""

    @abstractmethod
    def plan(self, sample: Any, index: int) -> Plan:
        """The players of one sample ``[*sample]`` (with `takes_named` also named tensors), owner on its device.

        The same for the same sample, ``index`` (its position in the data, which
        random choices depend on) and settings.

        Raises:
            InputError: the sample cannot be divided as asked.
        """

    @abstractmethod
    def settings(self) -> dict[str, object]:
        """All that decides the plans, in types that JSON knows; recorded in manifests."""
