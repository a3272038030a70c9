"""All claims of a study, tested, with one correction for how many there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import TYPE_CHECKING

from layerlore.dynamics.history import History
from layerlore.interactions.knowledge import Knowledge
from layerlore.zoo.studies.depth_claims import KAPPA_MARGIN, and_or_sparser, depth_claims, kappa_barely_matters
from layerlore.zoo.studies.depth_tables import depth_tables
from layerlore.zoo.studies.order_claims import low_orders_shared, low_orders_stable, overlap_cells
from layerlore.zoo.studies.training_claims import training_claims
from layerlore.zoo.studies.verdict import Claim, corrected

if TYPE_CHECKING:
    import xarray as xr

MEASURES = ("rwc_l1", "rwc_elementwise")
"""Measures that training is judged by: the formula of the papers, and what their code computes (METHODS B1)."""


@dataclass(frozen=True, eq=False)
class Explained:
    """What a study found out about one network.

    Attributes:
        network: its name in the zoo.
        knowledge: explained with ``reference="final"``.
        layer: at which it is compared with others and given noise.
        stability: ``by_order`` of its `Stability` at that layer; None where it was not measured.
        by_kappa: the same scores split with other tolerances (from `resplit`).
        and_only: the same scores as AND interactions alone.
    """

    network: str
    knowledge: Knowledge
    layer: str = "output"
    stability: xr.Dataset | None = None
    by_kappa: Mapping[float, Knowledge] = field(default_factory=dict)
    and_only: Knowledge | None = None


def layerwise_claims(
    explained: Sequence[Explained], data: str, *, kappa: float = 0.04, margin: float = KAPPA_MARGIN
) -> tuple[Claim, ...]:
    """The claims of METHODS A10 on all networks of a study, after Holm's correction over all of them.

    Args:
        explained: the networks, on the same samples and players.
        data: name of the data set.
        kappa: tolerance that the explanations were made with.
        margin: difference of ratios below which results barely change.

    Raises:
        InputError: explanations with another reference than the output, or of other samples or players.
    """
    found: list[Claim] = []
    for one in explained:
        found += _of_network(one, data, kappa, margin)
    for first, second in combinations(explained, 2):
        cells = overlap_cells(first.knowledge, second.knowledge, (first.layer, second.layer))
        found += low_orders_shared(*cells, f"{first.network}, {second.network}")
    return corrected(found)


def weightscale_claims(
    histories: Mapping[tuple[str, str], Sequence[History]], measures: Sequence[str] = MEASURES
) -> tuple[Claim, ...]:
    """The claims of METHODS B3 on all trainings of a study, after Holm's correction over all of them.

    Args:
        histories: of each network and data set, one for each seed.
        measures: of change; each claim is tested with every one, and its unit says with which.

    Raises:
        InputError: trainings of one network and data set have different layers or steps; no such measure.
    """
    found: list[Claim] = []
    for place, measure in enumerate(measures):
        for claim in training_claims(histories, measure):
            if claim.n:
                found.append(replace(claim, unit=f"{claim.unit}; {measure}"))
            elif place == 0:
                # What was not tested says nothing of a measure.
                found.append(claim)
    return corrected(found)


def _of_network(one: Explained, data: str, kappa: float, margin: float) -> list[Claim]:
    tables = depth_tables(one.knowledge)
    found = list(depth_claims(tables, one.network, data))
    if one.by_kappa:
        others = {other: depth_tables(knowledge) for other, knowledge in one.by_kappa.items() if other != kappa}
        found.append(kappa_barely_matters({kappa: tables, **others}, one.network, kappa, margin))
    if one.and_only is not None:
        found.append(and_or_sparser(tables, depth_tables(one.and_only), one.network))
    if one.stability is not None:
        found.append(low_orders_stable(one.stability, one.network, one.layer))
    return found
