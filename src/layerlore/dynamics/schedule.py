"""When to record: every k steps, at steps that lie evenly on a logarithmic scale, or when a function says so."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from functools import partial

from layerlore.errors import InputError, check_choice

PER_DECADE = 10
"""Points of the logarithmic schedule between one power of ten and the next."""

Every = int | str | Callable[[int], bool]
Due = Callable[[int, int], bool]
"""Takes the step that was seen before and the step seen now, and says whether to record now."""


def schedule_of(every: Every) -> Due:
    """The schedule that ``every`` means.

    Args:
        every: a number k: whenever a multiple of k has been reached. ``"log"``: whenever one of `log_points` has been
            reached. A function: whenever it returns True for the step.

    Returns:
        A function of the step seen before and the step seen now. *Reached* means since the step before: where steps
        come in strides, no point is missed for falling between two of them.

    Raises:
        InputError: anything else.

    >>> due = schedule_of(100)
    >>> due(99, 100), due(100, 101), due(64, 128)
    (True, False, True)
    """
    if callable(every):
        return partial(_function_due, every)
    if isinstance(every, str):
        check_choice(every, ("log",), "every")
        return _log_due
    try:
        stride = operator.index(every)
    except TypeError:
        stride = 0
    if isinstance(every, bool) or stride < 1:
        raise InputError(f"every={every!r} must be a whole number from 1, 'log', or a function of the step")
    return partial(_multiple_due, stride)


def log_points(last: int) -> list[int]:
    """The points of the logarithmic schedule: ``10**(i / 10)`` rounded, for i = 0, 1, 2, ...

    Args:
        last: the largest that is wanted.

    >>> log_points(100)
    [1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 32, 40, 50, 63, 79, 100]
    """
    points: dict[int, None] = {}
    number = 0
    while (point := _point(number)) <= last:
        points[point] = None
        number += 1
    return list(points)


def described(every: Every) -> int | str:
    """The schedule in a word, for a manifest; a function is known by its name."""
    if callable(every):
        return f"function {getattr(every, '__qualname__', type(every).__name__)}"
    return every if isinstance(every, str) else int(every)


def whole_step(step: object) -> int:
    """A step as a whole number from 0.

    Raises:
        InputError: it is something else.
    """
    try:
        found = operator.index(step)  # type: ignore[arg-type]
    except TypeError:
        found = -1
    if isinstance(step, bool) or found < 0:
        raise InputError(f"step={step!r} must be a whole number from 0")
    return found


def _point(number: int) -> int:
    return round(10 ** (number / PER_DECADE))


def _multiple_due(stride: int, before: int, step: int) -> bool:
    return step // stride > before // stride


def _log_due(before: int, step: int) -> bool:
    if step < 1:
        return False
    number = math.ceil(PER_DECADE * math.log10(step)) + 1
    while _point(number) > step:
        number -= 1
    return _point(number) > before


def _function_due(function: Callable[[int], bool], before: int, step: int) -> bool:  # noqa: ARG001 (a `Due`)
    return bool(function(step))
