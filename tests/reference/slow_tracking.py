"""What a tracker should record, the slow way: a NumPy copy of every weight at every step, and the formulas as written.

The loop of copies is that of the published code (METHODS B1); so is ``rwc_elementwise`` where no weight is 0.
"""

import numpy as np
from torch import nn


def copies_of(model: nn.Module) -> dict[str, np.ndarray]:
    named = model.named_parameters()
    return {name: weight.detach().double().numpy().copy() for name, weight in named if weight.dim() > 1}


def angle(first: np.ndarray, second: np.ndarray) -> float:
    u, v = first.ravel() / np.linalg.norm(first), second.ravel() / np.linalg.norm(second)
    return 2 * np.arctan2(np.linalg.norm(u - v), np.linalg.norm(u + v))


def change(earlier: np.ndarray, later: np.ndarray, initial: np.ndarray) -> dict[str, float]:
    ratios = (np.abs(earlier - later) / np.abs(earlier))[earlier != 0]
    return {
        "rwc_l1": np.abs(earlier - later).sum() / np.abs(earlier).sum(),
        "rwc_l2": np.linalg.norm(earlier - later) / np.linalg.norm(earlier),
        "rwc_elementwise": ratios.mean(),
        "update_to_weight": (later - earlier).std() / earlier.std(),
        "rotation": angle(earlier, later),
        "rotation_from_init": angle(initial, later),
        "distance_from_init": np.linalg.norm(later - initial) / np.linalg.norm(initial),
        "rwc_median": np.median(ratios),
        "zero_weights": (earlier == 0).sum(),
    }
