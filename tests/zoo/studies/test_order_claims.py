"""Claims about orders: agreement between networks, and stability under noise."""

import numpy as np
import pytest
import xarray as xr

from layerlore.errors import InputError
from layerlore.zoo.studies import evidence
from layerlore.zoo.studies.claims import Explained, layerwise_claims
from layerlore.zoo.studies.order_claims import low_orders_shared, low_orders_stable, overlap_cells
from layerlore.zoo.studies.verdict import FAILS, HOLDS, OPEN
from report.tiny import tiny

N_PLAYERS = 9


def cells(profile, *, n_samples=20, noise=0.1, seed=0):
    rng = np.random.default_rng(seed)
    return np.clip(np.asarray(profile) + noise * rng.standard_normal((n_samples, 2, N_PLAYERS)), 0, 1)


FALLING, FLAT = np.linspace(0.8, 0.3, N_PLAYERS), np.full(N_PLAYERS, 0.5)


def test_true_and_false_by_construction():
    chance = np.full((20, 2, N_PLAYERS), 0.1)
    assert {claim.verdict for claim in low_orders_shared(cells(FALLING), chance, "a, b")} == {HOLDS}
    assert {claim.verdict for claim in low_orders_shared(cells(FALLING[::-1]), chance, "a, b")} == {FAILS}


def test_chance_can_explain_the_raw_difference_away():
    """Low orders have few subsets, so they coincide by chance: raw IoU falls with the order, corrected it does not."""
    chance = np.broadcast_to((FALLING - 0.2) / 0.8, (20, 2, N_PLAYERS)).copy()
    # (iou - chance) / (1 - chance) = 0.2 at every order.
    iou = chance + 0.2 * (1 - chance)
    rng = np.random.default_rng(0)
    raw, corrected = low_orders_shared(iou + 0.02 * rng.standard_normal(iou.shape), chance, "a, b")
    assert (raw.verdict, corrected.verdict) == (HOLDS, OPEN)
    assert corrected.number == pytest.approx(0, abs=0.03)
    assert raw.id != corrected.id


def test_numbers_are_means_of_what_is_defined():
    iou, chance = cells(FALLING), np.full((20, 2, N_PLAYERS), 0.1)
    iou[:, 1, 0] = np.nan
    iou[3] = np.nan
    chance[np.isnan(iou)] = np.nan
    raw, corrected = low_orders_shared(iou, chance, "a, b")
    means = np.array(
        [
            [np.nanmean(iou[:, op, m]) if not np.isnan(iou[:, op, m]).all() else np.nan for m in range(9)]
            for op in range(2)
        ]
    )
    assert raw.number == pytest.approx(np.nanmean(means[:, :3]) - np.nanmean(means[:, 5:]))
    fixed = (means - 0.1) / 0.9
    assert corrected.number == pytest.approx(np.nanmean(fixed[:, :3]) - np.nanmean(fixed[:, 5:]))


def test_low_and_high_are_counted_up_to_the_highest_order_with_a_number():
    """Networks without complex interactions have no IoU at high orders, and are judged on the orders they have."""
    iou, chance = cells(FALLING), np.full((20, 2, N_PLAYERS), 0.1)
    iou[:, :, 6:] = chance[:, :, 6:] = np.nan
    raw, _ = low_orders_shared(iou, chance, "a, b")
    assert raw.number == pytest.approx(iou[:, :, :2].mean() - iou[:, :, 3:6].mean())
    assert (raw.verdict, "orders 4 to 6" in raw.why) == (HOLDS, True)
    iou[:, :, 2:] = np.nan
    assert low_orders_shared(iou, chance, "a, b")[0].verdict == OPEN


def test_noise_is_rarely_decided(monkeypatch):
    monkeypatch.setattr(evidence, "FLIPS", 399)
    monkeypatch.setattr(evidence, "RESAMPLES", 200)
    chance = np.full((14, 2, N_PLAYERS), 0.1)
    decided = sum(
        low_orders_shared(cells(FLAT, n_samples=14, seed=seed), chance, "a, b")[1].verdict != OPEN
        for seed in range(200)
    )
    # 5 % of 200 is 10, standard deviation 3.
    assert decided <= 19


def stability(profile, noise=0.05, seed=0):
    values = np.asarray(profile) + noise * np.random.default_rng(seed).standard_normal((1, 2, N_PLAYERS))
    values[0, 1, 0] = np.nan
    coords = {"layer": ["relu"], "op": ["and", "or"], "order": list(range(1, N_PLAYERS + 1))}
    return xr.Dataset({"mean": (("layer", "op", "order"), values)}, coords)


@pytest.mark.parametrize(("profile", "expected"), [(FALLING, HOLDS), (FALLING[::-1], FAILS)])
def test_stability_of_low_orders(profile, expected):
    claim = low_orders_stable(stability(profile), "net", "relu")
    assert claim.verdict == expected
    assert claim.n == 2 * N_PLAYERS - 1


def test_stability_that_is_nowhere_defined():
    nothing = stability(FLAT) * np.nan
    assert low_orders_stable(nothing, "net", "relu").verdict == OPEN


def test_stability_of_another_layer():
    with pytest.raises(InputError, match="has the layers relu"):
        low_orders_stable(stability(FLAT), "net", "conv")
    with pytest.raises(InputError, match="measures mean"):
        low_orders_stable(stability(FLAT), "net", "relu", "aligned_mean")


def test_a_network_agrees_with_itself_at_every_order():
    knowledge = tiny("table")
    iou, chance = overlap_cells(knowledge, knowledge, ("tanh1", "tanh1"))
    assert iou.shape == (knowledge.n_samples, 2, knowledge.n_players)
    assert np.all(iou[np.isfinite(iou)] == 1)
    assert np.array_equal(np.isfinite(iou), np.isfinite(chance))
    with pytest.raises(InputError, match="there is no layer 'tanh3'"):
        overlap_cells(knowledge, knowledge, ("tanh3", "output"))


def test_all_claims_of_a_study():
    knowledge = tiny("table")
    explained = [
        Explained("mlp7", knowledge, by_kappa={0.04: knowledge, 0.03: knowledge}, and_only=knowledge),
        Explained("vgg11", knowledge),
    ]
    found = layerwise_claims(explained, "cifar10")
    assert [claim.network for claim in found if claim.id.startswith("low_orders_shared")] == ["mlp7, vgg11"] * 2
    assert {claim.id for claim in found if claim.network == "mlp7"} >= {"kappa_barely_matters", "and_or_sparser"}
    assert next(claim for claim in found if claim.id == "kappa_barely_matters").number == 0
    assert all(claim.adjusted_p >= claim.p_value for claim in found if np.isfinite(claim.p_value))
