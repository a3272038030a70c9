"""A series of saved checkpoints as a history."""

from layerlore.dynamics.series.read import read_series

__all__ = ["read_series"]
