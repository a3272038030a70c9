"""Memory: how much there is, how much to plan with, and whether an error means there was not enough."""

from __future__ import annotations

import os
from pathlib import Path

import torch

SHARE = 0.5
"""Share of the available memory that work is planned with when no budget is given."""


def available_memory(device: torch.device) -> int:
    """Bytes that can be allocated on ``device`` now, as far as the system tells."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    limits = [_available_in_system()]
    try:
        # A container's own limit may be far below what the machine has.
        used = int(Path("/sys/fs/cgroup/memory.current").read_text())
        limits.append(int(Path("/sys/fs/cgroup/memory.max").read_text()) - used)
    except (OSError, ValueError):
        pass
    return max(0, min(limits))


def default_budget(device: torch.device) -> int:
    """Bytes to plan with on ``device``: half of what is available."""
    return int(SHARE * available_memory(device))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that an allocation was too large."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    # The CPU allocator of torch raises a plain RuntimeError.
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)


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
