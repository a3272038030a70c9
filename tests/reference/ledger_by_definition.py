"""METHODS A2, A5, A6 and A9 as written: sets of players, one interaction at a time. Slow, obvious, and the judge.

Nothing here knows how the library does it, but for the solver, which is handed one game at a time. Sums are exactly
rounded (`math.fsum`).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from decimal import MAX_EMAX, MIN_EMIN, Decimal, localcontext

import numpy as np

from layerlore.interactions.sparsest import Split, sparsest

Players = frozenset[int]
Effects = dict[Players, float]
"""Effects of one op by interaction, the empty set left out."""

SUMS = ("overlap", "forget", "new", "all_earlier", "all_later")


def players_of(index: int) -> Players:
    """The coalition at a position of an array: player ``i`` is bit ``i``."""
    return frozenset(player for player in range(int(index).bit_length()) if index & (1 << player))


def by_interaction(effects: np.ndarray) -> Effects:
    """Effects ``[2**n]`` of one op, by interaction."""
    return {players_of(index): float(effects[index]) for index in range(1, len(effects))}


def n_players_of(effects: np.ndarray) -> int:
    """Players of effects ``[..., 2**n]``."""
    return len(players_of(effects.shape[-1] - 1))


def log_odds(logits: Iterable[float], target: int) -> float:
    """``log p - log(1 - p)`` of the softmax in 100 digits; with one logit, of the sigmoid or its complement."""
    with localcontext() as context:
        context.prec, context.Emax, context.Emin = 100, MAX_EMAX, MIN_EMIN
        exact = [Decimal(float(value)) for value in logits]
        if len(exact) == 1:
            exact = [Decimal(0), *exact]
        others = sum((value.exp() for position, value in enumerate(exact) if position != target), Decimal(0))
        return float(exact[target] - others.ln())


def threshold(samples: Iterable[np.ndarray]) -> float:
    """``0.05 * max |I(S)|`` over samples ``[2, 2**n]``, ops and non-empty ``S``."""
    return 0.05 * max(abs(effect) for effects in samples for op in effects for effect in by_interaction(op).values())


def normaliser(games: Iterable[np.ndarray]) -> float:
    """``E |v(N) - v(empty)|``."""
    reaches = [abs(float(game[-1]) - float(game[0])) for game in games]
    return math.fsum(reaches) / len(reaches)


def salient(effects: Effects, level: float) -> set[Players]:
    """Interactions whose absolute effect exceeds the threshold."""
    return {players for players, effect in effects.items() if abs(effect) > level}


def shared(S: Players, earlier: Effects, later: Effects, in_earlier: set[Players], in_later: set[Players]) -> float:
    """What both layers hold of one interaction, with its sign."""
    if S not in in_earlier or S not in in_later:
        return 0.0
    if (earlier[S] > 0) != (later[S] > 0):
        return 0.0
    return min(earlier[S], later[S], key=abs)


def compare(
    earlier: np.ndarray, later: np.ndarray, earlier_threshold: float, later_threshold: float
) -> dict[str, np.ndarray]:
    """The five sums of METHODS A6, each ``[op, order - 1]``, of effects ``[2, 2**n]`` in units of their layers."""
    n_players = n_players_of(earlier)
    sums = {name: np.zeros((2, n_players)) for name in SUMS}
    for op in range(2):
        here, there = by_interaction(earlier[op]), by_interaction(later[op])
        in_here, in_there = salient(here, earlier_threshold), salient(there, later_threshold)
        for order in range(1, n_players + 1):
            omega_here = [S for S in in_here if len(S) == order]
            omega_there = [S for S in in_there if len(S) == order]
            common = [S for S in omega_here if S in omega_there]
            both = {S: shared(S, here, there, in_here, in_there) for S in (*omega_here, *omega_there)}
            place = op, order - 1
            sums["all_earlier"][place] = math.fsum(abs(here[S]) for S in omega_here)
            sums["all_later"][place] = math.fsum(abs(there[S]) for S in omega_there)
            sums["overlap"][place] = math.fsum(abs(both[S]) for S in common)
            sums["forget"][place] = math.fsum(abs(here[S] - both[S]) for S in omega_here)
            sums["new"][place] = math.fsum(abs(there[S] - both[S]) for S in omega_there)
    return sums


def divided(part: float, whole: float) -> float:
    """``part / whole``; 0/0 is NaN."""
    return part / whole if whole else math.nan


def pooled(samples: list[Mapping[str, float]]) -> dict[str, float]:
    """Means over samples of the five sums, and the two ratios of sums pooled over samples."""
    found = {name: math.fsum(float(sample[name]) for sample in samples) for name in SUMS}
    ratios = {
        "completeness": divided(found["overlap"], found["all_later"]),
        "redundancy": divided(found["forget"], found["all_earlier"]),
    }
    return {name: value / len(samples) for name, value in found.items()} | ratios


def shapley(game: np.ndarray) -> np.ndarray:
    """Average over all orders of arrival of what each player adds."""
    n_players = n_players_of(game)
    added: list[list[float]] = [[] for _ in range(n_players)]
    for arrival in itertools.permutations(range(n_players)):
        present = 0
        for player in arrival:
            added[player].append(float(game[present | 1 << player]) - float(game[present]))
            present |= 1 << player
    return np.array([math.fsum(values) / len(values) for values in added])


def rebuilt(effects: np.ndarray, empty: float, kept: tuple[set[Players], set[Players]]) -> np.ndarray:
    """The game that ``v(empty)`` and the kept AND and OR interactions of ``[2, 2**n]`` make."""
    and_, or_ = by_interaction(effects[0]), by_interaction(effects[1])
    game = []
    for index in range(effects.shape[-1]):
        T = players_of(index)
        acting = [and_[S] for S in kept[0] if S <= T] + [or_[S] for S in kept[1] if S & T]
        game.append(math.fsum([empty, *acting]))
    return np.array(game)


def rebuild_error(game: np.ndarray, effects: np.ndarray, level: float) -> tuple[float, float]:
    """Lemma 3.4: RMS of ``v - rebuilt`` and of ``v - delta - rebuilt``, relative to ``|v(N) - v(empty)|``."""
    ops = [by_interaction(op) for op in effects]
    kept = rebuilt(effects, float(game[0]), (salient(ops[0], level), salient(ops[1], level)))
    matched = rebuilt(effects, float(game[0]), (set(ops[0]), set(ops[1])))
    reach = abs(float(game[-1]) - float(game[0]))
    if not reach:
        return math.nan, math.nan

    def relative_rms(difference: np.ndarray) -> float:
        return math.sqrt(math.fsum(difference**2) / len(game)) / reach

    return relative_rms(game - kept), relative_rms(matched - kept)


def pairs_of(reference: str | int, n_layers: int) -> list[tuple[int, int]]:
    """Which layer is compared with which, in the order of the ledger's rows: (layer, the one it is pulled toward)."""
    if reference == "previous":
        return [(layer, layer + 1) for layer in range(n_layers - 1)]
    guide = n_layers - 1 if reference == "final" else int(reference)
    return [(layer, guide) for layer in range(n_layers) if layer != guide]


def split(game: np.ndarray, toward: np.ndarray | None = None) -> np.ndarray:
    """Effects ``[2, 2**n]`` of one game, 0 at the empty set, pulled toward effects."""
    found = sparsest(game[None], toward=None if toward is None else Split.of_effects(toward[:1], toward[1:]))
    effects = np.concatenate([np.asarray(found.and_effects), np.asarray(found.or_effects)])
    effects[:, 0] = 0
    return effects


def aligned(games: np.ndarray, units: np.ndarray, reference: str | int) -> np.ndarray:
    """Effects ``[layer, 2, 2**n]`` of the games of one sample, each layer pulled toward the one it is compared with."""
    guides = dict(pairs_of(reference, len(games)))
    effects: dict[int, np.ndarray] = {}
    # A guide comes after what it guides, or has no guide itself.
    for layer in sorted(range(len(games)), key=lambda layer: (layer in guides, -layer)):
        guide = guides.get(layer)
        toward = None if guide is None else effects[guide] * (units[layer] / units[guide])
        effects[layer] = split(games[layer], toward)
    return np.stack([effects[layer] for layer in range(len(games))])


def compare_in_order(first: tuple[int, np.ndarray, float], second: tuple[int, np.ndarray, float]) -> dict:
    """`compare` of two (depth, effects, threshold), the shallower as the earlier."""
    earlier, later = sorted((first, second), key=lambda layer: layer[0])
    return compare(earlier[1], later[1], earlier[2], later[2])


def ledger_sums(
    scores: np.ndarray, reference: str | int, other: np.ndarray, noise: float, seed: int
) -> dict[str, list[list[list[dict[str, np.ndarray] | None]]]]:
    """Sums by line (``own``, ``ceiling``, ``floor``), target, row and sample.

    ``scores`` are ``[sample, target, layer, 2**n]``.
    ``other`` says which sample of another class the floor takes, -1 for none, whose sums are None.
    """
    n_samples, n_targets, n_layers, n_coalitions = scores.shape
    lines: dict = {name: [] for name in ("own", "ceiling", "floor")}
    for target in range(n_targets):
        games = scores[:, target]
        units = np.array([normaliser(games[:, layer]) for layer in range(n_layers)])
        effects = np.stack([aligned(sample, units, reference) for sample in games])
        levels = [threshold(effects[:, layer]) / units[layer] for layer in range(n_layers)]
        for line in lines.values():
            line.append([])
        for layer, guide in pairs_of(reference, n_layers):
            own, high, low = [], [], []
            for sample in range(n_samples):
                kept = (guide, effects[sample, guide] / units[guide], levels[guide])
                own.append(compare_in_order((layer, effects[sample, layer] / units[layer], levels[layer]), kept))

                game = games[sample, guide]
                draws = np.random.default_rng([seed, sample, guide]).standard_normal((n_targets, n_coalitions))[target]
                copy = split(game + noise * abs(game[-1] - game[0]) * draws, effects[sample, guide])
                high.append(compare_in_order((layer, copy / units[guide], levels[guide]), kept))

                stranger = int(other[sample, target])
                if stranger < 0:
                    low.append(None)
                    continue
                theirs = effects[stranger, guide]
                pulled = split(games[sample, layer], theirs * (units[layer] / units[guide]))
                low.append(
                    compare_in_order(
                        (layer, pulled / units[layer], levels[layer]), (guide, theirs / units[guide], levels[guide])
                    )
                )
            for name, part in zip(lines, (own, high, low), strict=True):
                lines[name][target].append(part)
    return lines
