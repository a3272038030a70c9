"""Players of a sample, their coalitions, and the masked inputs of those (METHODS A1)."""

from layerlore.players.baselines import Baseline, baseline_settings, resolve_baseline
from layerlore.players.blur import Blur
from layerlore.players.coalitions import batches, check_players, coalition_table
from layerlore.players.custom import CustomPlayers, qualified_name
from layerlore.players.images import ImagePatches
from layerlore.players.masking import masked_inputs
from layerlore.players.plan import BACKGROUND_LEVELS, Plan, Players
from layerlore.players.points import PointGroups
from layerlore.players.samples import Sample, Samples, joined, named_parts
from layerlore.players.sentences import content_words
from layerlore.players.superpixels import Superpixels
from layerlore.players.tables import Columns
from layerlore.players.text import Words

__all__ = [
    "BACKGROUND_LEVELS",
    "Baseline",
    "Blur",
    "Columns",
    "CustomPlayers",
    "ImagePatches",
    "Plan",
    "Players",
    "PointGroups",
    "Sample",
    "Samples",
    "Superpixels",
    "Words",
    "baseline_settings",
    "batches",
    "check_players",
    "coalition_table",
    "content_words",
    "joined",
    "masked_inputs",
    "named_parts",
    "qualified_name",
    "resolve_baseline",
]
