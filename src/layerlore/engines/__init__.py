"""What the machine can give: memory, and what to do when it is not enough."""

from layerlore.engines.memory import available_memory, default_budget, is_out_of_memory, readable

__all__ = ["available_memory", "default_budget", "is_out_of_memory", "readable"]
