"""Memory: how much there is, how much to plan with, and whether an error means there was not enough."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch

from layerlore.errors import BudgetError, first_line

Result = TypeVar("Result")

SHARE = 0.5
"""Share of the available memory that work is planned with when no budget is given."""
_WORDS = ("can't allocate memory", "not enough memory")


def available_memory(device: torch.device) -> int:
    """Bytes that can be allocated on ``device`` now, as far as the system tells."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    # A container's own limit may be far below what the machine has.
    limits = [_available_in_system(), _available_in_container(Path("/sys/fs/cgroup"))]
    return max(0, min(limit for limit in limits if limit is not None))


def default_budget(device: torch.device) -> int:
    """Bytes to plan with on ``device``: half of what is available."""
    return int(SHARE * available_memory(device))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that an allocation was too large; a `BudgetError` means that none was tried."""
    if isinstance(error, BudgetError):
        return False
    if isinstance(error, MemoryError | torch.cuda.OutOfMemoryError):
        return True
    # The CPU allocator of torch raises a plain RuntimeError; the second wording is that of Windows.
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _WORDS)


def with_less(
    attempt: Callable[[int], Result],
    size: int,
    *,
    one: str,
    advice: str,
    on_less: Callable[[int, str], None] | None = None,
) -> Result:
    """What ``attempt(size)`` returns, with half of the size as often as memory runs out.

    Args:
        attempt: does all of the work, that many things at once.
        size: to begin with.
        one: what a single thing is called, for the error.
        advice: what to do where not even one fits.
        on_less: told each new size, and the reason in one line.

    Raises:
        BudgetError: not even one fits.
    """
    while True:
        try:
            return attempt(size)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            reason = first_line(error)
            if size == 1:
                raise BudgetError(f"a single {one} does not fit in memory ({reason}): {advice}") from error
        # Outside the except block, so that the failed attempt is not kept alive by its traceback.
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        size //= 2
        if on_less is not None:
            on_less(size, reason)


def readable(n_bytes: float) -> str:
    """A number of bytes for people.

    >>> readable(3.5 * 2**20)
    '3.5 MiB'
    """
    for unit in ("B", "KiB", "MiB", "GiB"):
        if n_bytes < 1024:
            return f"{n_bytes:.0f} {unit}" if unit == "B" else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1024
    return f"{n_bytes:.1f} TiB"


def _available_in_container(group: Path) -> int | None:
    try:
        limit = int((group / "memory.max").read_text())
        used = int((group / "memory.current").read_text())
        counts = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):
        return None
    # Pages of files that were read count as used and are given up on demand.
    return limit - used + int(counts.get("inactive_file", 0))


def _available_in_system() -> int:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (ValueError, OSError, AttributeError):
        return 4 * 2**30
