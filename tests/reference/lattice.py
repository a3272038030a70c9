"""METHODS A3 as written: double loops over coalitions, one game at a time. Slow, obvious, and the judge.

Nothing here knows how the library does it. Sums are exactly rounded (`math.fsum`).
"""

from __future__ import annotations

import math

import numpy as np


def size(coalition: int) -> int:
    """Number of players in a coalition."""
    return bin(coalition).count("1")


def inside(part: int, whole: int) -> bool:
    """Whether every player of ``part`` is in ``whole``."""
    return part & whole == part


def and_effects(game: np.ndarray) -> np.ndarray:
    """``I_and(S) = sum over T inside S of (-1)**(|S|-|T|) v(T)``."""
    coalitions = range(len(game))
    return np.array(
        [
            math.fsum((-1) ** (size(S) - size(T)) * float(game[T]) for T in coalitions if inside(T, S))
            for S in coalitions
        ]
    )


def or_effects(game: np.ndarray) -> np.ndarray:
    """``I_or(S) = -sum over T inside S of (-1)**(|S|-|T|) v(N without T)``, and 0 at the empty set."""
    coalitions = range(len(game))
    everyone = len(game) - 1
    effects = [
        -math.fsum((-1) ** (size(S) - size(T)) * float(game[everyone - T]) for T in coalitions if inside(T, S))
        for S in coalitions
    ]
    return np.array([0.0, *effects[1:]])


def rebuilt(and_: np.ndarray, or_: np.ndarray) -> np.ndarray:
    """``v(T) = sum of I_and(S) over S inside T + sum of I_or(S) over S that meet T``."""
    coalitions = range(len(and_))
    return np.array(
        [
            math.fsum(
                [float(and_[S]) for S in coalitions if inside(S, T)] + [float(or_[S]) for S in coalitions if S & T != 0]
            )
            for T in coalitions
        ]
    )
