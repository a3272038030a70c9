"""What the machine can give: memory, and progress of the work on it."""

from layerlore.engines.memory import available_memory, default_budget, is_out_of_memory, readable, with_less
from layerlore.engines.progress import Counter, Progress, progress_bars, silent
from layerlore.engines.threads import one_thread

__all__ = [
    "Counter",
    "Progress",
    "available_memory",
    "default_budget",
    "is_out_of_memory",
    "one_thread",
    "progress_bars",
    "readable",
    "silent",
    "with_less",
]
