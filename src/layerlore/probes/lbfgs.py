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
Flags = Bool[Tensor, "n_problems"]
Pair = tuple[Points, Points, Values]

DECREASE = 1e-4
"""Share of the decrease that the slope promises which a step must bring."""
PLATEAU = 0.01
"""Relative decrease, in units of the values' rounding, below which a step counts as none; two in a row are the end."""


class Minimiser:
    """Minimises smooth functions of ``n_numbers`` each.

    Args:
        start: first points, all of which are evaluated.
        tolerance: largest gradient entry at which a problem is solved.
        history: steps remembered for each problem.
        rounding: relative rounding of the values that will be told.

    Attributes:
        trial: points to evaluate next.
        point: best points so far.
        done: problems that need no further evaluation: they met the tolerance, or no step brings them on.
    """

    def __init__(
        self, start: Points, tolerance: float, history: int = 8, rounding: float = torch.finfo(torch.float64).eps
    ) -> None:
        self.trial: Points = start.clone()
        self.point: Points = start.clone()
        self.tolerance, self.history, self._plateau = tolerance, history, PLATEAU * rounding
        n_problems = len(start)
        self.done: Flags = torch.zeros(n_problems, dtype=torch.bool, device=start.device)
        self._value = torch.full((n_problems,), torch.inf, dtype=torch.float64, device=start.device)
        self._gradient = torch.zeros_like(start)
        self._direction = torch.zeros_like(start)
        self._length = torch.ones_like(self._value)
        self._slope = torch.zeros_like(self._value)
        self._still = torch.zeros_like(self._value)
        # A ring of steps and changes of gradient for each problem, so that what one problem does never costs another
        # its memory. Pairs that are not there yet have inverse curvature 0 and weigh nothing.
        self._steps = start.new_zeros(history, *start.shape)
        self._changes = torch.zeros_like(self._steps)
        self._inverses = start.new_zeros(history, n_problems)
        self._newest = torch.zeros(n_problems, dtype=torch.int64, device=start.device)
        self._rows = torch.arange(n_problems, device=start.device)

    @property
    def met(self) -> Flags:
        """Problems whose best point has no gradient entry above the tolerance."""
        return torch.isfinite(self._value) & (self._gradient.abs().amax(1) <= self.tolerance)

    def tell(self, value: Values, gradient: Points) -> None:
        """Take the values and gradients at ``trial``, and move ``trial`` on."""
        fits = torch.isfinite(value) & torch.isfinite(gradient).all(1)
        enough = value <= self._value + DECREASE * self._length * self._slope
        # Where the promised decrease is below rounding, a value that does not rise is all one can ask for.
        flat = (value - self._value).abs() <= 1e-14 * self._value.abs()
        accept = fits & (enough | flat) & ~self.done
        self._remember(accept, gradient)
        gained = (self._value - value) / value.abs().clamp_min(1e-300)
        self._still = torch.where(accept, torch.where(gained < self._plateau, self._still + 1, 0), self._still)
        self.point[accept], self._gradient[accept] = self.trial[accept], gradient[accept]
        self._value[accept] = value[accept]
        self.done |= accept & ((self._gradient.abs().amax(1) <= self.tolerance) | (self._still >= 2))
        self._length = torch.where(accept, 1.0, self._length * 0.4)
        # A step that cannot be found at this length is lost in rounding.
        self.done |= self._length < 1e-12
        direction = self._descent()
        self._direction = torch.where(accept[:, None], direction, self._direction)
        self._slope = (self._direction * self._gradient).sum(1)
        # Before curvature is known, the first step has length 1 at most.
        size = self._gradient.norm(dim=1).clamp_min(1e-300)
        blind = accept & ~self._inverses.any(0)
        self._length = torch.where(blind, torch.clamp(1 / size, max=1.0), self._length)
        self.trial = torch.where(self.done[:, None], self.point, self.point + self._length[:, None] * self._direction)

    def _remember(self, accept: Flags, gradient: Points) -> None:
        known = (accept & torch.isfinite(self._value))[:, None]
        step = torch.where(known, self.trial - self.point, 0.0)
        change = torch.where(known, gradient - self._gradient, 0.0)
        curvature = (step * change).sum(1)
        sound = curvature > 1e-10 * (change * change).sum(1).sqrt() * (step * step).sum(1).sqrt()
        self._newest = torch.where(sound, (self._newest + 1) % self.history, self._newest)
        slots, rows = self._newest[sound], self._rows[sound]
        self._steps[slots, rows], self._changes[slots, rows] = step[sound], change[sound]
        self._inverses[slots, rows] = 1 / curvature[sound]

    def _pair(self, age: int) -> Pair:
        slots = (self._newest - age) % self.history
        rows = self._rows
        return self._steps[slots, rows], self._changes[slots, rows], self._inverses[slots, rows]

    def _descent(self) -> Points:
        """The two-loop recursion."""
        direction = -self._gradient
        shares = []
        for age in range(self.history):
            step, change, inverse = self._pair(age)
            share = inverse * (step * direction).sum(1)
            direction = direction - share[:, None] * change
            shares.append(share)
        direction = direction * self._scale()[:, None]
        for age in reversed(range(self.history)):
            step, change, inverse = self._pair(age)
            direction = direction + (shares[age] - inverse * (change * direction).sum(1))[:, None] * step
        return direction

    def _scale(self) -> Values:
        _, change, inverse = self._pair(0)
        size = (change * change).sum(1)
        return torch.where(inverse > 0, 1 / (inverse * size).clamp_min(1e-300), 1.0)
