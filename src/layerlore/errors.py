"""One family of errors and warnings.

Every error says what was wrong, with its value, where, and what to do. All
derive from `LayerLoreError`, so ``except ll.LayerLoreError`` catches what the
library raises on purpose and nothing else. Each class also derives from the
built-in that a reader expects (`ValueError`, `KeyError`, ...), and carries the
exit code that the command line ends with.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class LayerLoreError(Exception):
    """Base of all errors that LayerLore raises on purpose."""

    exit_code = 1


class InputError(LayerLoreError, ValueError):
    """An argument or an array has a value that cannot give a meaningful result."""

    exit_code = 2


class LayerError(LayerLoreError, ValueError):
    """A layer does not exist, is not called, or returns something that is no tensor."""

    exit_code = 2


class ProbeError(LayerLoreError, ValueError):
    """Probes do not belong to this network, or cannot be trained as asked."""

    exit_code = 2


class BudgetError(LayerLoreError, MemoryError):
    """The work does not fit the memory it was given."""

    exit_code = 3


class RunError(LayerLoreError, OSError):
    """A run folder is missing, foreign, half-written, or belongs to something else."""

    exit_code = 4


class ConfigError(LayerLoreError, ValueError):
    """A configuration file is not valid."""

    exit_code = 2


class MissingExtraError(LayerLoreError, ImportError):
    """An optional package is needed and not installed."""

    exit_code = 5


class LayerLoreWarning(UserWarning):
    """Base of all warnings; what it says also reaches the report."""


class ConvergenceWarning(LayerLoreWarning):
    """A result misses its tolerance."""


class QualityWarning(LayerLoreWarning):
    """A result was computed but something limits what it can tell."""


def missing_extra(package: str, extra: str, purpose: str) -> MissingExtraError:
    """The error for an optional package that is not installed."""
    return MissingExtraError(
        f"{purpose} needs the package {package!r}, which is not installed. "
        f"Install it with: pip install 'layerlore[{extra}]'"
    )


def first_line(error: BaseException) -> str:
    """What an error says, in one line; its kind where it says nothing."""
    return next(iter(str(error).splitlines()), type(error).__name__)


def closest(name: str, known: Iterable[str], limit: int = 3) -> str:
    """A clause that names the known words closest to a misspelt one.

    >>> closest("foreground", ["center", "foregroud", "random"])
    "did you mean 'foregroud'?"
    >>> closest("x", ["alpha", "beta"])
    "the known ones are 'alpha', 'beta'"
    """
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=limit, cutoff=0.6)
    if near:
        return "did you mean " + " or ".join(repr(word) for word in near) + "?"
    if not known:
        return "there are none"
    shown = ", ".join(repr(word) for word in known[:20])
    more = f" and {len(known) - 20} more" if len(known) > 20 else ""
    return f"the known ones are {shown}{more}"


def check_choice(value: object, choices: Iterable[str], what: str) -> None:
    """Raise `InputError` unless ``value`` is one of ``choices``."""
    choices = list(choices)
    if value not in choices:
        raise InputError(f"{what}={value!r} is not known; {closest(str(value), choices)}")
