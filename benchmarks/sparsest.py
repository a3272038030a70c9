"""Speed, sparsity and stability of `sparsest`; every ratio is between numbers of one run, on one thread.

    OMP_NUM_THREADS=1 python benchmarks/sparsest.py                  # all sections, about 15 minutes
    OMP_NUM_THREADS=1 python benchmarks/sparsest.py speed --steps 2000
    OMP_NUM_THREADS=1 python benchmarks/sparsest.py growth fourteen aligned

Games are those of ``tests/reference/digits_games.py``: a seven-layer perceptron on scikit-learn's digits, log-odds
of three probed layers and of the output.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from layerlore.interactions.solvers import paper
from layerlore.interactions.sparsest import Split, sparsest
from reference.digits_games import completeness, digits_games, noisy, other_class, salient, stacked
from reference.linear_programme import least_norm

KAPPA = 0.04


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """The result and the seconds of processor time: one thread's, whatever else the machine does."""
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


def effects_of(split: Split) -> np.ndarray:
    return stacked(np.asarray(split.and_effects), np.asarray(split.or_effects))


def speed(steps: int) -> None:
    games = digits_games(10, 16)[0].reshape(-1, 1024)
    split, own = timed(lambda: sparsest(games))
    effects, measured = timed(lambda: paper.solve(torch.from_numpy(games.T.copy()), KAPPA, steps))
    published = measured * paper.STEPS / steps
    norm = effects[1:].abs().sum((0, 1)).numpy()
    merged = effects.clone()
    single = [1 << player for player in range(10)]
    merged[single, 0] += merged[single, 1]
    merged[single, 1] = 0
    merged_norm = merged[1:].abs().sum((0, 1)).numpy()
    note = "" if steps == paper.STEPS else f", scaled from {steps} measured steps ({measured:.1f} s)"
    print(f"speed: n=10, {len(games)} games")
    print(f"  certified {own / len(games) * 1e3:.1f} ms/game, worst gap {split.gap.max():.4f}")
    print(f"  published {published / len(games) * 1e3:.0f} ms/game ({paper.STEPS} steps, 3 rates, float32{note})")
    print(f"  ratio {published / own:.0f}x")
    ratio, merged_ratio = norm / split.objective, merged_norm / split.objective
    print(f"  L1 of the published splits / ours after {steps} steps: mean {ratio.mean():.3f}, least {ratio.min():.3f};")
    print(f"  with order 1 merged: mean {merged_ratio.mean():.3f}, least {merged_ratio.min():.3f}")


def growth() -> None:
    print("growth: 10 to 12 players")
    per_iteration, per_game = [], []
    for n_players, n_samples in ((10, 16), (12, 8)):
        games = digits_games(n_players, n_samples)[0]
        split, seconds = timed(lambda games=games: sparsest(games))
        per_iteration.append(seconds / split.iterations.sum())
        per_game.append(seconds / split.gap.size)
        print(
            f"  n={n_players}: {per_iteration[-1] * 1e6:.1f} us/iteration, {split.iterations.mean():.0f} iterations, "
            f"{per_game[-1] * 1e3:.1f} ms/game, worst gap {split.gap.max():.4f} ({split.gap.size} games)"
        )
    print(f"  iteration {per_iteration[1] / per_iteration[0]:.2f}x, same certificate {per_game[1] / per_game[0]:.2f}x")


def fourteen() -> None:
    game = digits_games(14, 1)[0][0, -1]
    split, seconds = timed(lambda: sparsest(game))
    print(f"n=14, one game: {seconds:.2f} s, gap {float(split.gap):.4f}, {int(split.iterations)} iterations")


def _choices(games: np.ndarray, solve: Callable[[np.ndarray], np.ndarray], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Norm and number of salient effects of each game, ``[n_samples, n_layers]``; prints their means and stability."""
    clean, again = solve(games), solve(noisy(games, 0))
    before, after = (
        np.stack([salient(effects[:, layer]) for layer in range(games.shape[1])], 1) for effects in (clean, again)
    )
    both, either = (before & after).sum((-1, -2)), (before | after).sum((-1, -2))
    norm, count = np.abs(clean).sum((-1, -2)), before.sum((-1, -2))
    print(f"    {name:10} L1 {norm.mean():7.3f}  salient {count.mean():6.2f}  IoU {(both / either).mean():.3f}")
    return norm, count


def _by_split(solver: Literal["certified", "paper"]) -> Callable[[np.ndarray], np.ndarray]:
    def solve(games: np.ndarray) -> np.ndarray:
        split = sparsest(games, KAPPA, solver)
        return np.stack([split.and_effects, split.or_effects], axis=-2) * (np.arange(games.shape[-1]) > 0)

    return solve


def _by_vertex(games: np.ndarray) -> np.ndarray:
    flat = [least_norm(game, KAPPA).effects for game in games.reshape(-1, games.shape[-1])]
    return np.stack(flat).reshape(*games.shape[:-1], 2, -1)


def stability() -> None:
    print("choice: mean L1 norm, salient interactions, and IoU of the salient sets under 1 % noise on the scores")
    for n_players, n_samples in ((6, 16), (8, 16), (10, 4)):
        games = digits_games(n_players, n_samples)[0]
        print(f"  n={n_players}, {games[..., 0].size} games")
        norm, count = _choices(games, _by_split("certified"), "certified")
        paper_norm, paper_count = _choices(games, _by_split("paper"), "paper")
        if n_players <= 8:
            _choices(games, _by_vertex, "LP vertex")
        print(
            f"    certified against paper: L1 not larger in {(norm <= paper_norm).sum()} of {norm.size} games "
            f"(worst {(norm / paper_norm).max():.4f}x, mean {(norm / paper_norm).mean():.4f}x); "
            f"no more salient in {(count <= paper_count).sum()} (worst +{(count - paper_count).max()}); "
            f"both in {((norm <= paper_norm) & (count <= paper_count)).sum()}"
        )


def aligned() -> None:
    print("aligned: a copy with 1 % noise, n=10, 20 games (output layer), pull 0.1")
    games, classes = digits_games(10, 20)
    games = games[:, -1]
    reference = sparsest(games)
    strength = effects_of(reference)
    alone, pulled, rises, worst = [], [], [], []
    for seed in range(5):
        copies = noisy(games, seed)
        without, with_pull = sparsest(copies), sparsest(copies, toward=reference)
        alone.append(completeness(effects_of(without), strength))
        pulled.append(completeness(effects_of(with_pull), strength))
        rises.append(with_pull.objective.sum() / without.objective.sum() - 1)
        worst.append((with_pull.objective / without.objective - 1).max())
        print(f"  seed {seed}: independent {alone[-1]:.3f}, aligned {pulled[-1]:.3f}, L1 {100 * rises[-1]:+.2f} %")
    print(
        f"  mean: independent {np.mean(alone):.3f}, aligned {np.mean(pulled):.3f}, L1 {100 * np.mean(rises):+.2f} % "
        f"(worst game {100 * max(worst):+.2f} %)"
    )
    other = other_class(classes)
    floor = completeness(strength, strength[other])
    raised = completeness(effects_of(sparsest(games, toward=reference[other])), strength[other])
    print(f"  against a sample of another class: overlap {floor:.3f} without pull, {raised:.3f} with")


SECTIONS = {"growth": growth, "fourteen": fourteen, "stability": stability, "aligned": aligned}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", help=f"any of speed, {', '.join(SECTIONS)}; all when none is named")
    parser.add_argument(
        "--steps", type=int, default=paper.STEPS, help="steps of the published solver to measure in 'speed'"
    )
    arguments = parser.parse_args()
    unknown = set(arguments.sections) - {"speed", *SECTIONS}
    if unknown:
        parser.error(f"no section {', '.join(sorted(unknown))}; there are speed, {', '.join(SECTIONS)}")
    torch.set_num_threads(1)
    digits_games(6, 1)
    for name in arguments.sections or ["speed", *SECTIONS]:
        speed(arguments.steps) if name == "speed" else SECTIONS[name]()
        sys.stdout.flush()


if __name__ == "__main__":
    main()
