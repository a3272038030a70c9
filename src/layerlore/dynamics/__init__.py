"""Through training: how much every weight changes, which layers move alike, and the health of a checkpoint series."""

from layerlore.dynamics.history import History
from layerlore.dynamics.measures import MEASURES, ROBUST
from layerlore.dynamics.merge import merge_histories
from layerlore.dynamics.record import Event, Record, Sink, WeightInfo

__all__ = ["MEASURES", "ROBUST", "Event", "History", "Record", "Sink", "WeightInfo", "merge_histories"]
