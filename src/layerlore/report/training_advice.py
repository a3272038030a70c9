"""What to do about a finding."""

from __future__ import annotations

ADVICE = {
    "unreadable": "Copy this checkpoint again, or leave it out: what is said of its neighbours skips over it.",
    "missing": "Look whether the tensor was renamed or added on the way; its change is known only where both "
    "checkpoints have it.",
    "shape": "The layer was resized, or the checkpoint is of another network: look at where the series begins anew.",
    "equal": "One of the two may be a copy under another name: remove it, or the change there is 0 by accident.",
    "swapped": "Look at the steps in the names of these files: two of them seem to be exchanged.",
    "gap": "A change over a gap is larger than its neighbours for that reason alone: find the missing checkpoints, or "
    "read the numbers there with care.",
    "nonfinite": "Training broke there: go back to the checkpoint before, and lower the learning rate or clip "
    "gradients.",
    "dead": "Look at the initial weights of this layer, and whether any gradient reaches it.",
    "frozen": "If it was not frozen on purpose, look whether the optimiser has this weight and any gradient reaches "
    "it; if it was, all is well.",
    "exploding": "Look at the loss around this step; lower the learning rate, warm up longer, or clip gradients.",
    "empty": "Nothing can change here: leave the tensor out, or look at how the layer was made.",
}
"""For each check of `layerlore.dynamics.health.CHECKS`."""


def advice_of(check: str) -> str:
    """What to do about a finding of a check; empty where nothing is known, as for checks of newer versions."""
    return ADVICE.get(check, "")
