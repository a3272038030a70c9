"""What was measured and how: the settings and the provenance of a run, as rows of words."""

from __future__ import annotations

import numpy as np

from layerlore.figures import certified_gaps
from layerlore.interactions.bootstrap import RESAMPLES
from layerlore.interactions.knowledge import Knowledge
from layerlore.interactions.ledger import Ledger
from layerlore.report.words import percent, setting

SCORES = {
    "log_odds": "log-odds of the target class",
    "logit": "logit of the target class",
}
REFERENCES = {"final": "the network's output", "previous": "the layer before"}


def measured(knowledge: Knowledge, ledger: Ledger) -> list[tuple[str, str]]:
    """Rows of a name and what it was in this run; hostile text, to be escaped by who shows it."""
    settings, identity = knowledge.manifest["settings"], knowledge.manifest["identity"]
    score = str(identity["score"])
    floor = knowledge.noise_floor()
    return [
        ("network", f"{settings['network']}, on {settings['device']}; digest {identity['network'][:12]}"),
        ("score", SCORES.get(score, f"the function {score}")),
        ("samples", _samples(knowledge)),
        ("players", f"{knowledge.n_players} in each sample ({setting(identity['players'])})"),
        ("masked inputs", f"2^{knowledge.n_players} = {1 << knowledge.n_players:,} coalitions of each sample"),
        ("baseline", setting(identity["baseline"])),
        ("compared with", REFERENCES.get(ledger.reference, f"layer {ledger.reference}")),
        ("splits", _splits(knowledge)),
        ("games solved", _games(knowledge)),
        ("ceiling", f"scores of the reference with {percent(identity['noise'], 1)} % noise, seed {identity['seed']}"),
        ("intervals", f"{percent(ledger.confidence)} % bootstrap over samples, {RESAMPLES:,} resamples"),
        (
            "noise floor",
            "not measured" if floor is None else f"at most {np.nanmax(floor.values):.2g} of a layer's unit",
        ),
        ("date", knowledge.manifest["created"][:19].replace("T", " ") + " UTC"),
        ("versions", ", ".join(f"{name} {version}" for name, version in knowledge.manifest["versions"].items())),
    ]


def worst_gap(knowledge: Knowledge) -> float:
    """Largest certified gap of all games, of the problems that were solved; NaN if one of them has none."""
    targets = range(int(knowledge.data.sizes["target"]))
    return float(np.max([certified_gaps(knowledge, target).max() for target in targets]))


def _samples(knowledge: Knowledge) -> str:
    coords = knowledge.manifest["coords"]
    classes = sorted({target for row in coords["target_class"] for target in row})
    words = f"{knowledge.n_samples}, with {len(classes)} target classes"
    if coords["label"] is None:
        return words
    right = sum(label == found for label, found in zip(coords["label"], coords["predicted"], strict=True))
    return f"{words}; the network is right on {right}"


def _splits(knowledge: Knowledge) -> str:
    split = knowledge.split_settings
    pull = f"pull {split.pull:g}" if split.pull else "no pull toward the reference"
    return f"solver {split.solver}, kappa {split.kappa:g}, {pull}, tolerance {percent(split.tolerance, 1)} %"


def _games(knowledge: Knowledge) -> str:
    converged = knowledge.data["converged"].values
    plain = percent(float(knowledge.data["gap"].values.max()), 2)
    return (
        f"{converged.size:,} (one for each sample, target and layer), {int(converged.sum()):,} within the tolerance; "
        f"worst certified gap {percent(worst_gap(knowledge), 2)} %, {plain} % against the sparsest split without pull"
    )
