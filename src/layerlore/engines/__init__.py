"""What the machine can give: memory, and progress of the work on it."""

from layerlore.engines.memory import available_memory, default_budget, is_out_of_memory, readable
from layerlore.engines.progress import Progress, progress_bars, silent

__all__ = ["Progress", "available_memory", "default_budget", "is_out_of_memory", "progress_bars", "readable", "silent"]
