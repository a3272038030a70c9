"""Limited-memory BFGS on many independent problems at once, one evaluation of all of them per round.

The caller evaluates all trial points in one pass over its data and tells the
values and gradients; each problem then accepts its step or shortens it. So the
data are read once per round, however many problems there are.

Source: Nocedal and Wright, Numerical Optimization, 2nd ed., algorithm 7.5, with
backtracking to sufficient decrease.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float64
from torch import Tensor

Points = Float64[Tensor, "n_problems n_numbers"]
Values = Float64[Tensor, "n_problems"]

DECREASE = 1e-4
"""Share of the decrease that the slope promises which a step must bring."""
PLATEAU = 1e-9
"""Relative decrease below which a step counts as none; two in a row end a problem."""


class Minimiser:
    """Minimises smooth functions of ``n_numbers`` each.

    Attributes:
        trial: points to evaluate next.
        point: best points so far.
        done: problems that have converged.
    """

    def __init__(self, start: Points, tolerance: float, history: int = 8) -> None:
        self.trial: Points = start.clone()
        self.point: Points = start.clone()
        self.tolerance, self.history = tolerance, history
        n_problems = len(start)
        self.done: Bool[Tensor, "n_problems"] = torch.zeros(n_problems, dtype=torch.bool, device=start.device)
        self._value = torch.full((n_problems,), torch.inf, dtype=torch.float64, device=start.device)
        self._gradient = torch.zeros_like(start)
        self._direction = torch.zeros_like(start)
        self._length = torch.ones_like(self._value)
        self._slope = torch.zeros_like(self._value)
        self._still = torch.zeros_like(self._value)
        self._pairs: list[tuple[Points, Points, Values]] = []

    def tell(self, value: Values, gradient: Points) -> None:
        """Take the values and gradients at ``trial``, and move ``trial`` on."""
        fits = torch.isfinite(value) & torch.isfinite(gradient).all(1)
        enough = value <= self._value + DECREASE * self._length * self._slope
        # Where the promised decrease is below rounding, a value that does not rise is all one can ask for.
        flat = (value - self._value).abs() <= 1e-14 * self._value.abs()
        accept = fits & (enough | flat) & ~self.done
        self._remember(accept, gradient)
        gained = (self._value - value) / value.abs().clamp_min(1e-300)
        self._still = torch.where(accept, torch.where(gained < PLATEAU, self._still + 1, 0), self._still)
        self.point[accept], self._gradient[accept] = self.trial[accept], gradient[accept]
        self._value[accept] = value[accept]
        self.done |= accept & ((self._gradient.abs().amax(1) <= self.tolerance) | (self._still >= 2))
        self._length = torch.where(accept, 1.0, self._length * 0.4)
        # A step that cannot be found at this length is lost in rounding.
        self.done |= self._length < 1e-12
        direction = self._descent()
        self._direction = torch.where(accept[:, None], direction, self._direction)
        self._slope = (self._direction * self._gradient).sum(1)
        if not self._pairs:
            size = self._gradient.norm(dim=1).clamp_min(1e-300)
            self._length = torch.where(accept, torch.clamp(1 / size, max=1.0), self._length)
        self.trial = torch.where(
            self.done[:, None], self.point, self.point + self._length[:, None] * self._direction
        )

    def _remember(self, accept: Tensor, gradient: Points) -> None:
        if not torch.isfinite(self._value).all():
            return
        step = torch.where(accept[:, None], self.trial - self.point, 0.0)
        change = torch.where(accept[:, None], gradient - self._gradient, 0.0)
        curvature = (step * change).sum(1)
        sound = curvature > 1e-10 * (change * change).sum(1).sqrt() * (step * step).sum(1).sqrt()
        if not sound.any():
            return
        inverse = torch.where(sound, 1 / curvature.where(sound, torch.ones_like(curvature)), 0.0)
        self._pairs.append((step, change, inverse))
        del self._pairs[: -self.history]

    def _descent(self) -> Points:
        """The two-loop recursion; pairs that a problem did not accept weigh nothing."""
        direction = -self._gradient
        shares = []
        for step, change, inverse in reversed(self._pairs):
            share = inverse * (step * direction).sum(1)
            direction = direction - share[:, None] * change
            shares.append(share)
        direction = direction * self._scale()[:, None]
        for (step, change, inverse), share in zip(self._pairs, reversed(shares), strict=True):
            direction = direction + (share - inverse * (change * direction).sum(1))[:, None] * step
        return direction

    def _scale(self) -> Values:
        scale = torch.ones_like(self._value)
        for _, change, inverse in self._pairs:
            size = (change * change).sum(1)
            scale = torch.where(inverse > 0, 1 / (inverse * size).clamp_min(1e-300), scale)
        return scale
