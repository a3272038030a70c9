"""Learning trends: layers grouped by how they change through training."""

from layerlore.dynamics.trends.agreement import TrendsAgreement, trends_agreement
from layerlore.dynamics.trends.find import find_trends
from layerlore.dynamics.trends.matching import match_trends, trends_over_time
from layerlore.dynamics.trends.result import Trends
from layerlore.dynamics.trends.separation import Separation, separation
from layerlore.dynamics.trends.spectrum import explained_variance

__all__ = [
    "Separation",
    "Trends",
    "TrendsAgreement",
    "explained_variance",
    "find_trends",
    "match_trends",
    "separation",
    "trends_agreement",
    "trends_over_time",
]
