"""Tables of a run through depth in which a claim is true, false or neither by construction."""

import numpy as np

from layerlore.zoo.studies.depth_tables import DepthTables, high_orders, low_orders


def tables_of(
    completeness, redundancy, *, n_samples=20, n_players=9, noise=0.05, seed=0, low=1.0, high=1.0, late=0.0, floor=0.1
):
    """Curves over layers, alike in every sample but for noise; ``low`` and ``high`` strengths of orders.

    Args:
        completeness: of each layer.
        redundancy: of each layer.
        n_samples: samples.
        n_players: orders.
        noise: standard deviation of each sample's curves.
        seed: of the noise.
        low: strength of the low orders together.
        high: of the high orders together.
        late: how much deeper high orders are first salient.
        floor: of completeness.
    """
    rng = np.random.default_rng(seed)
    completeness, redundancy = np.asarray(completeness, float), np.asarray(redundancy, float)
    n_layers = len(completeness)
    profile = np.ones(n_players)
    for part, whole in ((low_orders(n_players), low), (high_orders(n_players), high)):
        profile[part] = whole / (part.stop - part.start)
    share = profile / profile.sum()

    def curves(curve):
        return np.clip(curve + noise * rng.standard_normal((n_samples, n_layers)), 0, None)

    overlap = curves(completeness)[..., None] * share
    all_later = np.ones((n_samples, n_layers, 1)) * share
    all_earlier = np.ones((n_samples, n_layers, 1)) * share
    forget = curves(redundancy)[..., None] * share
    strength = profile * np.abs(1 + noise * rng.standard_normal((n_samples, n_layers + 1, n_players)))
    salient = np.full((n_samples, n_layers + 1, n_players), 2.0) + rng.integers(0, 2, (n_samples, 1, n_players))
    first = 0.4 + noise * rng.standard_normal((n_samples, n_players))
    first[:, high_orders(n_players)] += late
    return DepthTables(
        layers=tuple(f"layer{n}" for n in range(n_layers)),
        overlap=overlap,
        forget=forget,
        all_earlier=all_earlier,
        all_later=all_later,
        strength=strength,
        salient=salient,
        first=first,
        floor=np.full(n_layers, floor),
    )
