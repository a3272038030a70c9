"""Through training: how much every weight changes, which layers move alike, and the health of a checkpoint series."""

from layerlore.dynamics.change import weight_change
from layerlore.dynamics.health import Finding, Health, check_history, check_series
from layerlore.dynamics.history import History
from layerlore.dynamics.kernels import kernel_in_use
from layerlore.dynamics.measures import MEASURES, ROBUST
from layerlore.dynamics.merge import merge_histories
from layerlore.dynamics.record import Event, Record, Sink, WeightInfo
from layerlore.dynamics.series import read_series
from layerlore.dynamics.tracker import WeightTracker
from layerlore.dynamics.trends import (
    Separation,
    Trends,
    TrendsAgreement,
    find_trends,
    match_trends,
    separation,
    trends_agreement,
    trends_over_time,
)

__all__ = [
    "MEASURES",
    "ROBUST",
    "Event",
    "Finding",
    "Health",
    "History",
    "Record",
    "Separation",
    "Sink",
    "Trends",
    "TrendsAgreement",
    "WeightInfo",
    "WeightTracker",
    "check_history",
    "check_series",
    "find_trends",
    "kernel_in_use",
    "match_trends",
    "merge_histories",
    "read_series",
    "separation",
    "trends_agreement",
    "trends_over_time",
    "weight_change",
]
