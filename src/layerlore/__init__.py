"""LayerLore: what every layer of a neural network knows, when it learned it, and what it forgets."""

from layerlore.dynamics import History, merge_histories
from layerlore.interactions.explain import explain
from layerlore.interactions.knowledge import Knowledge
from layerlore.interactions.ledger import Ledger
from layerlore.interactions.moebius import moebius, or_effects, or_zeta, reconstruct, zeta
from layerlore.interactions.sparsest import Split, sparsest
from layerlore.networks import capture, find_layers
from layerlore.players import Blur, Columns, CustomPlayers, ImagePatches, Superpixels
from layerlore.probes import Probes, fit_probes
from layerlore.report import report
from layerlore.results import load
from layerlore.version import __version__

__all__ = [
    "Blur",
    "Columns",
    "CustomPlayers",
    "History",
    "ImagePatches",
    "Knowledge",
    "Ledger",
    "Probes",
    "Split",
    "Superpixels",
    "__version__",
    "capture",
    "explain",
    "find_layers",
    "fit_probes",
    "load",
    "merge_histories",
    "moebius",
    "or_effects",
    "or_zeta",
    "reconstruct",
    "report",
    "sparsest",
    "zeta",
]
