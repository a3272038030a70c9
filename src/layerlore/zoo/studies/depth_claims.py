"""The claims about depth of METHODS A10, each tested on the samples of one network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from jaxtyping import Float64

from layerlore.errors import InputError
from layerlore.interactions.bootstrap import ratio
from layerlore.zoo.studies.depth_tables import DepthTables, high_orders, in_words, low_orders, same_samples
from layerlore.zoo.studies.evidence import Largest, Sampled, Smallest, mean_of, sampled
from layerlore.zoo.studies.verdict import Claim, Statement, judged, judged_within, undecided

PAPER = "Cheng et al. 2024"

SALIENT = {("mnist", 10): 21.8, ("cifar10", 12): 45.6}
"""Salient interactions per sample that the paper reports, by data and number of players (METHODS A10)."""

SAME_FACTOR = 1.25
"""Ratio up to which a number counts as the paper's."""
LITTLE = 0.25
"""Mean redundancy below which there is little of it."""
KAPPA_MARGIN = 0.05
"""Difference of a ratio below which results barely change."""

MIDDLE_LATE = ("mlp7", "vgg11")
LATE_DROP = ("resnet20", "resnet32", "minilm", "bert", "distilbert", "xlnet")
LANGUAGE = ("minilm", "bert", "distilbert", "xlnet")

Curve = Callable[[Float64[np.ndarray, "n_draws n_samples"]], Float64[np.ndarray, "n_draws n_layers"]]


def number_of_salient(tables: DepthTables, network: str, data: str, factor: float = SAME_FACTOR) -> Claim | None:
    """About as many salient interactions per sample at the output as the paper reports; None where it reports none.

    Args:
        tables: of the network.
        network: its name.
        data: name of the data set.
        factor: up to which ratio the numbers count as the same.
    """
    reported = {players: number for (name, players), number in SALIENT.items() if name == data}
    if not reported:
        return None
    (players, number) = next(iter(reported.items()))
    statement = Statement(
        "number_of_salient",
        f"a sample has about {number:g} salient interactions (within a factor of {factor:g})",
        PAPER,
        network,
        "interactions per sample",
        f"{number:g} for {players} players",
    )
    found = mean_of(tables.salient[:, -1].sum(-1))
    told = "the number of salient interactions per sample at the output"
    if players != tables.n_players:
        return undecided(
            statement,
            f"{told} is {found.value:.3g} for {tables.n_players} players, and the paper's number is for {players}",
            found,
        )
    return judged_within(statement, found, told, number / factor, number * factor)


def low_orders_stronger(tables: DepthTables, network: str) -> Claim:
    """Interactions of low order are stronger than those of high order, mean over layers and the output."""
    low, high = (tables.strength[..., part].sum(-1) for part in _ends(tables))
    contrast = ratio(low - high, low + high)
    statement = Statement(
        "low_orders_stronger",
        "interactions of low order are stronger than those of high order",
        PAPER,
        network,
        "share of both (-1 to 1)",
    )
    told = f"the strength of {_range(tables, 0)} less that of {_range(tables, 1)}, as a share of both together,"
    return judged(statement, mean_of(_mean_of_rows(contrast)), told)


def completeness_above_floor(tables: DepthTables, network: str) -> Claim:
    """The first third of the layers hold more of the output than an unrelated one would show.

    The floor is taken as it is: its own uncertainty, which is that of one pairing of samples, is not drawn again.
    """
    statement = Statement(
        "completeness_above_floor",
        "early layers already hold some of what the output uses",
        PAPER,
        network,
        "completeness above the floor",
    )
    early = np.arange(len(tables.layers))[_thirds(tables)[0]]
    early = early[np.isfinite(tables.floor[early])]
    if not len(early):
        return undecided(statement, "the floor is not known: it needs samples of at least two classes")
    measured = sampled(
        lambda weights: (tables.completeness(weights)[:, early] - tables.floor[early]).mean(axis=1), tables.n_samples
    )
    return judged(statement, measured, "mean completeness of the first third of the layers, less the floor,")


def completeness_rises_early(tables: DepthTables, network: str) -> Claim:
    """Completeness rises within the first half of the layers."""
    statement = Statement(
        "completeness_rises_early",
        "completeness starts to rise at early layers",
        PAPER,
        network,
        "completeness per network depth",
    )
    n_half = max(3, -(-len(tables.layers) // 2))
    if len(tables.layers) < 3:
        return undecided(statement, f"a slope needs 3 layers, and there are {len(tables.layers)}")
    half = slice(0, n_half)
    contrast = _slope(tables.depth()[half])
    measured = sampled(lambda weights: tables.completeness(weights)[:, half] @ contrast, tables.n_samples)
    return judged(statement, measured, f"the slope of completeness over the first {n_half} layers")


def redundancy_rises_then_falls(tables: DepthTables, network: str) -> Claim:
    """A parabola through redundancy over depth rises at the first layer and falls at the last."""
    statement = Statement(
        "redundancy_rises_then_falls",
        "redundancy rises, then falls",
        PAPER,
        network,
        "redundancy per network depth",
    )
    if len(tables.layers) < 4:
        return undecided(statement, f"a rise and a fall need 4 layers, and there are {len(tables.layers)}")
    begins, ends = _ends_of_parabola(tables.depth())
    rise = sampled(lambda weights: tables.redundancy(weights) @ begins, tables.n_samples)
    fall = sampled(lambda weights: -(tables.redundancy(weights) @ ends), tables.n_samples)
    curve = tables.redundancy(_alike(tables))[0]
    peak = "" if not np.isfinite(curve).any() else f" (the highest is {tables.layers[int(np.nanargmax(curve))]})"
    told = (
        f"the smaller of the rise at the first layer and the fall at the last, of a parabola through redundancy{peak},"
    )
    return judged(statement, Smallest((rise, fall)), told)


def high_orders_late(tables: DepthTables, network: str) -> Claim:
    """Interactions of very high order are first salient in later layers than those of low order."""
    statement = Statement(
        "high_orders_late",
        "very high orders appear late",
        PAPER,
        network,
        "difference of relative depth",
    )
    low, high = (_mean_of_rows(tables.first[:, part]) for part in _ends(tables))
    told = f"the depth at which {_range(tables, 1)} are first salient, less that of {_range(tables, 0)},"
    return judged(statement, mean_of(high - low), told)


def learned_late(tables: DepthTables, network: str) -> Claim:
    """More than half of what the last layer holds of the output is not there yet in the first third."""
    statement = Statement(
        "learned_in_middle_and_high_layers",
        "most of what the output uses is learned in middle and high layers",
        PAPER,
        network,
        "share of the last layer's completeness",
    )
    told = "the share of the last layer's completeness that comes after the first third of the layers"
    return _by_layers(tables, statement, told, lambda weights: 1 - _early_share(tables, weights), null=0.5)


def learned_fast(tables: DepthTables, network: str) -> Claim:
    """More than half of what the last layer holds of the output is there in the first third."""
    statement = Statement(
        "learned_fast",
        "the network learns fast: most of what the output uses is there in the first third of the layers",
        PAPER,
        network,
        "share of the last layer's completeness",
    )
    told = "completeness of the first third of the layers as a share of the last layer's"
    return _by_layers(tables, statement, told, lambda weights: _early_share(tables, weights), null=0.5)


def little_redundancy(tables: DepthTables, network: str, little: float = LITTLE) -> Claim:
    """Mean redundancy of the layers is below a stated share."""
    statement = Statement(
        "little_redundancy",
        f"there is little redundancy (below {little:g})",
        PAPER,
        network,
        "mean redundancy",
    )
    measured = sampled(lambda weights: tables.redundancy(weights).mean(axis=1), tables.n_samples)
    return judged(statement, measured, "redundancy, mean over the layers,", side=-1, null=little)


def redundant_orders_dropped_late(tables: DepthTables, network: str) -> Claim:
    """Strength of high orders that the output lacks falls from the middle third of the layers to the last."""
    statement = Statement(
        "high_orders_dropped_late",
        "redundant interactions of high order are dropped in late layers",
        PAPER,
        network,
        "strength, in units of the layer",
    )
    _, middle, late = _thirds(tables)
    surplus = tables.forget[..., high_orders(tables.n_players)].sum(-1)
    measured = mean_of(surplus[:, middle].mean(axis=1) - surplus[:, late].mean(axis=1))
    told = f"strength of {_range(tables, 1)} that the output lacks, middle third of the layers less the last,"
    return _by_layers(tables, statement, told, measured)


def kappa_barely_matters(
    by_kappa: Mapping[float, DepthTables], network: str, kappa: float = 0.04, margin: float = KAPPA_MARGIN
) -> Claim:
    """Completeness and redundancy of every layer differ by less than a margin between tolerances of the splits.

    Args:
        by_kappa: tables of the same samples and layers by tolerance, ``kappa`` among them.
        network: its name.
        kappa: the tolerance that the others are compared with.
        margin: difference below which results count as the same.

    Raises:
        InputError: ``kappa`` is missing, there is no other, or the tables do not fit together.
    """
    others = {found: tables for found, tables in by_kappa.items() if found != kappa}
    if kappa not in by_kappa or not others:
        raise InputError(f"kappa={kappa:g} is to be compared with others, and there are {sorted(by_kappa)}")
    same_samples(list(by_kappa.values()))
    names = ", ".join(f"{found:g}" for found in sorted(by_kappa))
    statement = Statement(
        "kappa_barely_matters",
        f"results barely change for kappa {names} (ratios by less than {margin:g})",
        PAPER,
        network,
        "largest absolute difference",
    )
    usual = by_kappa[kappa]
    parts: list[Sampled] = []
    for tables in others.values():
        for name in ("completeness", "redundancy"):
            parts += _differences(getattr(usual, name), getattr(tables, name), len(usual.layers), usual.n_samples)
    told = "the largest difference of completeness or redundancy, over layers and tolerances,"
    if not parts:
        return undecided(statement, f"{told} is not defined for these samples")
    return judged(statement, Largest(tuple(parts)), told, side=-1, null=margin)


def and_or_sparser(tables: DepthTables, and_only: DepthTables, network: str) -> Claim:
    """AND alone needs more salient interactions than AND and OR together, at the output."""
    same_samples([tables, and_only])
    statement = Statement(
        "and_or_sparser",
        "AND and OR together need fewer salient interactions than AND alone",
        f"{PAPER}, against its plain form",
        network,
        "interactions per sample",
    )
    more = and_only.salient[:, -1].sum(-1) - tables.salient[:, -1].sum(-1)
    return judged(statement, mean_of(more), "the number of salient interactions of AND alone, less that of both,")


def depth_claims(tables: DepthTables, network: str, data: str, kind: str | None = None) -> tuple[Claim, ...]:
    """All claims about one network that need nothing but its tables.

    Those that the paper makes for some networks only are tested on those.

    Args:
        tables: of the network.
        network: its name, as the claim shows it.
        data: name of the data set.
        kind: name of the network in the zoo; None takes ``network``.
    """
    kind = network if kind is None else kind
    number = number_of_salient(tables, network, data)
    found = [] if number is None else [number]
    tests: list[Callable[[DepthTables, str], Claim]] = [
        low_orders_stronger,
        completeness_above_floor,
        completeness_rises_early,
        redundancy_rises_then_falls,
        high_orders_late,
    ]
    if kind in MIDDLE_LATE and data == "cifar10":
        tests += [learned_late, little_redundancy]
    if kind in LATE_DROP:
        tests.append(redundant_orders_dropped_late)
    if data == "census":
        tests += [learned_fast, little_redundancy]
    return (*found, *(test(tables, network) for test in tests))


def _by_layers(
    tables: DepthTables, statement: Statement, told: str, measured: Sampled | Callable, null: float = 0.0
) -> Claim:
    if len(tables.layers) < 3:
        return undecided(statement, f"thirds need 3 layers, and there are {len(tables.layers)}")
    if not isinstance(measured, Sampled):
        measured = sampled(measured, tables.n_samples)
    return judged(statement, measured, told, null=null)


def _early_share(tables: DepthTables, weights: Float64[np.ndarray, "n_draws n_samples"]) -> np.ndarray:
    curve = tables.completeness(weights)
    return ratio(curve[:, _thirds(tables)[0]].mean(axis=1), curve[:, -1])


def _differences(first: Curve, second: Curve, n_layers: int, n_samples: int) -> list[Sampled]:
    """Differences of two curves and their negatives, layer by layer: the largest of all is the largest absolute one."""

    def at(layer: int, sign: int, weights: Float64[np.ndarray, "n_draws n_samples"]) -> np.ndarray:
        return sign * (first(weights)[:, layer] - second(weights)[:, layer])

    found = [sampled(partial(at, layer, sign), n_samples, seed=layer) for layer in range(n_layers) for sign in (1, -1)]
    return [part for part in found if np.isfinite(part.value)]


def _ends(tables: DepthTables) -> tuple[slice, slice]:
    return low_orders(tables.n_players), high_orders(tables.n_players)


def _range(tables: DepthTables, end: int) -> str:
    return in_words(_ends(tables)[end])


def _thirds(tables: DepthTables) -> tuple[slice, slice, slice]:
    n = len(tables.layers)
    third = max(1, round(n / 3))
    return slice(0, third), slice(third, max(third + 1, n - third)), slice(max(0, n - third), n)


def _alike(tables: DepthTables) -> Float64[np.ndarray, "1 n_samples"]:
    return np.full((1, tables.n_samples), 1 / tables.n_samples)


def _mean_of_rows(values: Float64[np.ndarray, "n_samples n_rows"]) -> Float64[np.ndarray, " n_samples"]:
    """Mean of what is defined in each row; NaN where nothing is."""
    defined = np.isfinite(values)
    return ratio(np.where(defined, values, 0.0).sum(axis=1), defined.sum(axis=1).astype(np.float64))


def _slope(depth: Float64[np.ndarray, " n_layers"]) -> Float64[np.ndarray, " n_layers"]:
    """What a curve is multiplied with to give the slope of its least-squares line."""
    away = depth - depth.mean()
    return away / (away @ away)


def _ends_of_parabola(depth: Float64[np.ndarray, " n_layers"]) -> tuple[np.ndarray, np.ndarray]:
    """Likewise for the slopes of its least-squares parabola at the first layer and at the last."""
    _, linear, square = np.linalg.pinv(np.stack([np.ones_like(depth), depth, depth**2], axis=1))
    return linear + 2 * square * depth[0], linear + 2 * square * depth[-1]
