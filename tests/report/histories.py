"""Histories by hand, their trends known: two groups of layers, a frozen one, one with gaps, one that jumps."""

from functools import cache

import numpy as np

from layerlore import History
from layerlore.dynamics.trends import Trends, find_trends

N_LAYERS, N_STEPS = 24, 18
FROZEN, GAPS, JUMPY = 5, 7, 11
HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(2)</script>",
    "<b>a&amp;b</b>",
    "%{x}{{ 7*7 }}\u2028",
)
ATTACK = "<script>alert(3)</script>"


def values(n_layers: int = N_LAYERS, n_steps: int = N_STEPS) -> np.ndarray:
    """Odd layers change little and settle, even ones change much and do not."""
    draws = np.random.default_rng(0)
    odd = np.arange(n_layers)[:, None] % 2
    course = np.where(odd, 0.01 * np.geomspace(1, 0.2, n_steps), 0.3)
    found = course * np.exp(0.15 * draws.standard_normal((n_layers, n_steps)))
    if n_layers > JUMPY:
        found[FROZEN] = 0
        found[GAPS, :4] = np.nan
        found[JUMPY] = 50 * np.exp(draws.standard_normal(n_steps))
    return found


@cache
def history(kind: str = "plain") -> History:
    """A table of made-up changes: ``plain``, ``hostile`` (its words are attacks) or ``small`` (four layers)."""
    names = [f"block{number // 2}.{'conv' if number % 2 else 'proj'}.weight" for number in range(N_LAYERS)]
    if kind == "hostile":
        names[: len(HOSTILE)] = HOSTILE
    if kind == "small":
        names = names[:4]
    kinds = ["conv" if number % 2 else "pointwise" for number in range(len(names))]
    shapes = [(8, 4, 3, 3) if number % 2 else (8, 4, 1, 1) for number in range(len(names))]
    if kind == "hostile":
        kinds[0] = ATTACK
    found = History.from_table(names, values(len(names)), measure="rwc_l1", kinds=kinds, shapes=shapes)
    if kind == "hostile":
        found.manifest["settings"] |= {"name": "<u>Net</u>", "unit": "<i>lap</i>"}
        found.manifest["notes"] = [ATTACK]
    return found


@cache
def trends(kind: str = "plain", **options: object) -> Trends:
    """Its trends, with few resamples."""
    return find_trends(history(kind), resamples=10, **options)
