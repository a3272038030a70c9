"""Speed of the exact transforms, each beside its baseline in one run.

Medians of at least five repetitions after a warm-up, ours and the baseline in
turn, float64, one thread. Every pair is first compared: a fast wrong answer
would stop the run.

    OMP_NUM_THREADS=1 python benchmarks/transforms.py
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

import layerlore as ll
from layerlore.interactions.moebius import orders

REPETITIONS = 7
SHORTEST = 0.05
"""Seconds that one repetition lasts at least, so that the clock does not matter."""
UNITS = (("s", 1.0), ("ms", 1e-3), ("us", 1e-6))


@dataclass(frozen=True)
class Row:
    """One line of the table: seconds of both sides, and the ratio that is wanted of them."""

    what: str
    ours: float
    baseline: float
    wanted: str
    ratio: float
    met: bool


def random_game(n_players: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=1 << n_players)


def calls_per_repetition(function: Callable[[], object]) -> int:
    function()
    start = time.perf_counter()
    function()
    return max(1, int(SHORTEST / (time.perf_counter() - start)))


def side_by_side(ours: Callable[[], object], baseline: Callable[[], object]) -> tuple[float, float]:
    """Median seconds per call of both, measured in turn."""
    sides = [(function, calls_per_repetition(function), []) for function in (ours, baseline)]
    for _ in range(REPETITIONS):
        for function, calls, seconds in sides:
            start = time.perf_counter()
            for _ in range(calls):
                function()
            seconds.append((time.perf_counter() - start) / calls)
    return statistics.median(sides[0][2]), statistics.median(sides[1][2])


def dense_matrices(n_players: int) -> tuple[np.ndarray, np.ndarray]:
    """Matrices that take a game to its AND and its OR effects, ``float64[2**n, 2**n]``, without a Python loop."""
    coalition = np.arange(1 << n_players)
    sign = 1.0 - 2.0 * (orders(n_players) % 2)
    inside = (coalition[:, None] & coalition) == coalition
    and_matrix = inside * np.multiply.outer(sign, sign)
    or_matrix = -and_matrix[:, ::-1]
    or_matrix[0] = 0
    return and_matrix, or_matrix


def both_transforms_by_matrix(game: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    and_matrix, or_matrix = dense_matrices(len(game).bit_length() - 1)
    return and_matrix @ game, or_matrix @ game


def against_dense_matrices() -> list[Row]:
    game = random_game(12)
    and_effects, or_effects = both_transforms_by_matrix(game)
    assert np.allclose(and_effects, ll.moebius(game))
    assert np.allclose(or_effects, ll.or_effects(game))
    and_matrix, or_matrix = dense_matrices(12)

    def ours() -> object:
        return ll.moebius(game), ll.or_effects(game)

    seconds, baseline = side_by_side(ours, lambda: both_transforms_by_matrix(game))
    rows = [at_least(1000, "AND + OR, n = 12, against dense matrices, built and applied", seconds, baseline)]
    seconds, baseline = side_by_side(ours, lambda: (and_matrix @ game, or_matrix @ game))
    return [*rows, at_least(1, "the same, against matrices already built", seconds, baseline)]


def against_shapiq() -> list[Row]:
    from shapiq import ExactComputer  # slow to import

    n_players = 14
    game = random_game(n_players)
    place = 1 << np.arange(n_players)

    def tabulated(coalitions: np.ndarray) -> np.ndarray:
        return game[coalitions.astype(np.int64) @ place]

    def shapiq_moebius() -> dict[tuple[int, ...], float]:
        # A new computer each time: it would answer a second question from its memory.
        return ExactComputer(tabulated, n_players).moebius_transform.dict_values

    effects = ll.moebius(game)
    theirs = shapiq_moebius()
    assert all(np.isclose(value, effects[sum(1 << p for p in players)]) for players, value in theirs.items())
    seconds, baseline = side_by_side(lambda: ll.moebius(game), shapiq_moebius)
    return [at_least(1000, "Moebius, n = 14, against shapiq.ExactComputer", seconds, baseline)]


def against_memory() -> list[Row]:
    n_players = 20
    game = random_game(n_players)
    passes = game.copy()
    # Our time includes the copy that keeps the game: in place, over and over, the numbers would outgrow float64.
    seconds, baseline = side_by_side(
        lambda: ll.moebius(game), lambda: [np.negative(passes, out=passes) for _ in range(n_players)]
    )
    ratio = seconds / baseline
    return [
        Row(
            "Moebius, n = 20, against 20 passes of np.negative over the array",
            seconds,
            baseline,
            "ours within 4x",
            ratio,
            ratio <= 4,
        )
    ]


def at_least(factor: int, what: str, ours: float, baseline: float) -> Row:
    ratio = baseline / ours
    return Row(what, ours, baseline, f"{factor}x faster", ratio, ratio >= factor)


def main() -> None:
    """Measure all rows and print them as a table."""
    torch.set_num_threads(1)
    print("| what | ours | baseline | ratio | wanted | met |")
    print("|---|---|---|---|---|---|")
    for rows in (against_dense_matrices(), against_shapiq(), against_memory()):
        for row in rows:
            met = "yes" if row.met else "NO"
            cells = (row.what, duration(row.ours), duration(row.baseline), f"{row.ratio:,.3g}", row.wanted, met)
            print("| " + " | ".join(cells) + " |", flush=True)


def duration(seconds: float) -> str:
    """Three digits and the unit that suits them.

    >>> duration(0.00123)
    '1.23 ms'
    """
    unit, scale = next((pair for pair in UNITS if seconds >= pair[1]), UNITS[-1])
    return f"{seconds / scale:.3g} {unit}"


if __name__ == "__main__":
    main()
