"""Reports: a finished run folder in, one page out that needs no network."""

from layerlore.report.page import report

__all__ = ["report"]
