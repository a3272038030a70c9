"""A check that all builders of networks share."""

from __future__ import annotations

from layerlore.errors import InputError


def check_sizes(**sizes: int) -> None:
    """Raise `InputError` unless every size is at least 1; the message has its name."""
    for name, size in sizes.items():
        if size < 1:
            raise InputError(f"{name}={size} must be at least 1")
