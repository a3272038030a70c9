"""The health of a checkpoint series: what is wrong with it, with evidence."""

from layerlore.dynamics.health.checks import check_series
from layerlore.dynamics.health.findings import CHECKS, HEALTH, Finding, Health
from layerlore.dynamics.health.of_history import check_history

__all__ = ["CHECKS", "HEALTH", "Finding", "Health", "check_history", "check_series"]
