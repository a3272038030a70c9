"""LayerLore: what every layer of a neural network knows, when it learned it, and what it forgets."""

from layerlore.dynamics import (
    Health,
    History,
    Trends,
    WeightTracker,
    check_history,
    check_series,
    find_trends,
    match_trends,
    merge_histories,
    read_series,
    trends_over_time,
    weight_change,
)
from layerlore.interactions.agreement import Agreement, agreement
from layerlore.interactions.explain import explain
from layerlore.interactions.knowledge import Knowledge
from layerlore.interactions.ledger import Ledger
from layerlore.interactions.moebius import moebius, or_effects, or_zeta, reconstruct, zeta
from layerlore.interactions.resplit import resplit
from layerlore.interactions.sparsest import Split, sparsest
from layerlore.interactions.stability import Stability, stability
from layerlore.networks import capture, find_layers
from layerlore.players import Blur, Columns, CustomPlayers, ImagePatches, PointGroups, Superpixels, Words
from layerlore.probes import Probes, fit_probes
from layerlore.report import report
from layerlore.results import load
from layerlore.version import __version__

__all__ = [
    "Agreement",
    "Blur",
    "Columns",
    "CustomPlayers",
    "Health",
    "History",
    "ImagePatches",
    "Knowledge",
    "Ledger",
    "PointGroups",
    "Probes",
    "Split",
    "Stability",
    "Superpixels",
    "Trends",
    "WeightTracker",
    "Words",
    "__version__",
    "agreement",
    "capture",
    "check_history",
    "check_series",
    "explain",
    "find_layers",
    "find_trends",
    "fit_probes",
    "load",
    "match_trends",
    "merge_histories",
    "moebius",
    "or_effects",
    "or_zeta",
    "read_series",
    "reconstruct",
    "report",
    "resplit",
    "sparsest",
    "stability",
    "trends_over_time",
    "weight_change",
    "zeta",
]
