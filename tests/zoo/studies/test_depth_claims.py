"""Claims about depth where they are true by construction, false, and neither."""

import dataclasses
import warnings

import numpy as np
import pytest

from layerlore.errors import InputError
from layerlore.interactions.ledger import RATIOS
from layerlore.interactions.moebius import orders
from layerlore.zoo.studies import depth_claims as claims
from layerlore.zoo.studies import evidence
from layerlore.zoo.studies.depth_tables import DepthTables, depth_tables, high_orders, in_words, low_orders
from layerlore.zoo.studies.verdict import FAILS, HOLDS, OPEN
from report.tiny import tiny
from zoo.studies.tables import tables_of

RISING = np.linspace(0.1, 0.9, 9)
FALLING = RISING[::-1]
FLAT = np.full(9, 0.4)
HILL = 0.6 - 0.5 * np.linspace(-1, 1, 9) ** 2
EARLY = np.concatenate([np.linspace(0.7, 0.9, 5), np.full(4, 0.9)])
LATE = np.concatenate([np.full(4, 0.1), np.linspace(0.2, 0.9, 5)])


def verdict(test, *curves, **options):
    return test(tables_of(*curves, **options), "net").verdict


@pytest.mark.parametrize(
    ("test", "true", "false"),
    [
        (claims.completeness_above_floor, {"completeness": FLAT}, {"completeness": np.full(9, 0.02)}),
        (claims.completeness_rises_early, {"completeness": RISING}, {"completeness": FALLING}),
        (claims.redundancy_rises_then_falls, {"redundancy": HILL}, {"redundancy": RISING}),
        (claims.redundancy_rises_then_falls, {"redundancy": HILL}, {"redundancy": 0.8 - HILL}),
        (claims.learned_late, {"completeness": LATE}, {"completeness": EARLY}),
        (claims.learned_fast, {"completeness": EARLY}, {"completeness": LATE}),
        (claims.little_redundancy, {"redundancy": np.full(9, 0.1)}, {"redundancy": FLAT}),
        (claims.redundant_orders_dropped_late, {"redundancy": HILL}, {"redundancy": RISING}),
        (claims.low_orders_stronger, {"low": 3.0}, {"high": 3.0}),
        (claims.high_orders_late, {"late": 0.2}, {"late": -0.2}),
    ],
)
def test_true_and_false_by_construction(test, true, false):
    usual = {"completeness": FLAT, "redundancy": FLAT}
    assert verdict(test, **(usual | true)) == HOLDS
    assert verdict(test, **(usual | false)) == FAILS


@pytest.mark.parametrize(
    ("test", "null"),
    [
        (claims.completeness_above_floor, {"completeness": FLAT, "floor": 0.4}),
        (claims.completeness_rises_early, {"completeness": FLAT}),
        (claims.redundancy_rises_then_falls, {"redundancy": FLAT}),
        (claims.redundant_orders_dropped_late, {"redundancy": FLAT}),
        (claims.low_orders_stronger, {}),
        (claims.high_orders_late, {}),
    ],
)
def test_noise_is_rarely_decided(test, null, monkeypatch):
    """Where nothing is to be found, a verdict is given about as rarely as the level says: at most 5 % of seeds."""
    monkeypatch.setattr(evidence, "FLIPS", 399)
    monkeypatch.setattr(evidence, "RESAMPLES", 200)
    decided = 0
    for seed in range(200):
        options = {"completeness": FLAT, "redundancy": FLAT, "n_samples": 14, "seed": seed, "noise": 0.08} | null
        decided += verdict(test, **options) != OPEN
    # A rate of 5 % gives 10 of 200, with a standard deviation of 3.
    assert decided <= 19


def test_few_samples_decide_nothing():
    found = claims.depth_claims(tables_of(RISING, HILL, n_samples=4, low=3.0), "resnet20", "cifar10")
    assert {claim.verdict for claim in found} == {OPEN}


def test_numbers_are_those_of_the_curves():
    tables = tables_of(RISING, HILL, noise=0.0)
    half = np.polyfit(np.linspace(0, 1, 9)[:5], RISING[:5], 1)[0]
    assert claims.completeness_rises_early(tables, "net").number == pytest.approx(half)
    square, linear, _ = np.polyfit(np.linspace(0, 1, 9), HILL, 2)
    expected = min(linear, -(linear + 2 * square))
    assert claims.redundancy_rises_then_falls(tables, "net").number == pytest.approx(expected)
    assert claims.little_redundancy(tables, "net").number == pytest.approx(HILL.mean())
    assert claims.learned_fast(tables, "net").number == pytest.approx(RISING[:3].mean() / 0.9)
    assert claims.completeness_above_floor(tables, "net").number == pytest.approx(RISING[:3].mean() - 0.1)


def test_number_of_salient_interactions():
    tables = tables_of(FLAT, FLAT, n_players=10, n_samples=30)

    def with_number(number):
        salient = np.full((30, 10, 10), number / 10) + np.random.default_rng(0).normal(0, 0.05, (30, 10, 10))
        return claims.number_of_salient(dataclasses.replace(tables, salient=salient), "net", "mnist")

    assert with_number(22.0).verdict == HOLDS
    assert with_number(60.0).verdict == FAILS
    assert with_number(27.25).verdict == OPEN
    assert with_number(22.0).paper == "21.8 for 10 players"
    assert claims.number_of_salient(tables, "net", "svhn") is None


def test_another_number_of_players_cannot_be_compared():
    claim = claims.number_of_salient(tables_of(FLAT, FLAT, n_players=9), "net", "mnist")
    assert claim.verdict == OPEN
    assert np.isfinite([claim.number, claim.low, claim.high]).all()
    assert "the paper's number is for 10" in claim.why


@pytest.mark.parametrize(("shift", "expected"), [(0.0, HOLDS), (0.01, HOLDS), (0.2, FAILS), (0.05, OPEN)])
def test_kappa_within_a_margin(shift, expected):
    usual = tables_of(FLAT, FLAT, n_samples=30)
    moved = tables_of(FLAT + shift * (np.arange(9) == 4), FLAT, n_samples=30)
    claim = claims.kappa_barely_matters({0.04: usual, 0.05: moved, 0.03: usual}, "net")
    assert claim.number == pytest.approx(shift, abs=1e-12)
    assert claim.verdict == (expected if shift != 0.05 else claim.verdict)
    if shift == 0.05:
        # Exactly at the margin, no side may be claimed.
        assert claim.verdict == OPEN


def test_kappa_needs_the_same_samples():
    usual = tables_of(FLAT, FLAT)
    with pytest.raises(InputError, match="different layers, samples or players"):
        claims.kappa_barely_matters({0.04: usual, 0.05: tables_of(FLAT, FLAT, n_samples=5)}, "net")
    with pytest.raises(InputError, match=r"kappa=0.04 is to be compared with others"):
        claims.kappa_barely_matters({0.04: usual}, "net")


def test_and_alone_needs_more():
    usual = tables_of(FLAT, FLAT)
    more = dataclasses.replace(usual, salient=usual.salient + 1 + np.random.default_rng(0).random(usual.salient.shape))
    assert claims.and_or_sparser(usual, more, "net").verdict == HOLDS
    assert claims.and_or_sparser(more, usual, "net").verdict == FAILS
    assert claims.and_or_sparser(usual, usual, "net").verdict == OPEN


def test_claims_are_made_for_the_networks_that_the_paper_names():
    tables = tables_of(FLAT, FLAT)

    def ids(network, data):
        return {claim.id for claim in claims.depth_claims(tables, network, data)}

    late, little, drop = "learned_in_middle_and_high_layers", "little_redundancy", "high_orders_dropped_late"
    assert ids("mlp7", "cifar10") >= {late, little, "number_of_salient"}
    assert drop in ids("resnet20", "mnist") & ids("minilm", "sst2")
    assert not {late, little, drop} & ids("mlp7", "mnist")
    assert ids("mlp7", "census") >= {"learned_fast", little}


def test_too_few_layers_are_said():
    found = {claim.id: claim for claim in claims.depth_claims(tables_of(FLAT[:2], FLAT[:2]), "resnet20", "cifar10")}
    assert "a slope needs 3 layers, and there are 2" in found["completeness_rises_early"].why.lower()
    assert "need 4 layers" in found["redundancy_rises_then_falls"].why
    assert found["high_orders_dropped_late"].verdict == OPEN


def test_an_unknown_floor_is_said():
    tables = dataclasses.replace(tables_of(FLAT, FLAT), floor=np.full(9, np.nan))
    assert "floor is not known" in claims.completeness_above_floor(tables, "net").why


@pytest.mark.parametrize(("n", "low", "high"), [(10, {1, 2, 3}, {7, 8, 9, 10}), (12, {1, 2, 3, 4}, {8, 9, 10, 11, 12})])
def test_low_and_high_orders(n, low, high):
    every = np.arange(1, n + 1)
    assert set(every[low_orders(n)]) == low
    assert set(every[high_orders(n)]) == high
    assert in_words(low_orders(n)) == f"orders 1 to {max(low)}"


def test_tables_are_sums_of_the_ledger():
    """The tables pooled over samples and orders give the ratios that the ledger of the run gives."""
    knowledge = tiny("table")
    tables = depth_tables(knowledge)
    total = knowledge.ledger("final").total.isel(target=0)
    alike = np.full((1, knowledge.n_samples), 1 / knowledge.n_samples)
    for name in RATIOS:
        np.testing.assert_allclose(getattr(tables, name)(alike)[0], total[name].values, rtol=1e-12)
    np.testing.assert_allclose(tables.floor, total["floor_completeness"].values)
    salient = knowledge.salient().isel(target=0)
    by_hand = np.zeros(tables.salient.shape)
    first = np.full((knowledge.n_samples, knowledge.n_players), np.nan)
    order = orders(knowledge.n_players)
    depth = np.linspace(0, 1, len(knowledge.layers))
    for sample in range(knowledge.n_samples):
        begun = {}
        for layer in range(len(knowledge.layers)):
            for op in range(2):
                for coalition in np.flatnonzero(salient.values[sample, layer, op]):
                    by_hand[sample, layer, order[coalition] - 1] += 1
                    begun.setdefault((op, coalition), depth[layer])
        for m in range(1, knowledge.n_players + 1):
            found = [start for (_, coalition), start in begun.items() if order[coalition] == m]
            first[sample, m - 1] = np.mean(found) if found else np.nan
    np.testing.assert_array_equal(tables.salient, by_hand)
    np.testing.assert_allclose(tables.first, first)
    np.testing.assert_allclose(tables.strength[:, :-1], tables.all_earlier)
    np.testing.assert_allclose(tables.strength[:, -1], tables.all_later[:, 0])


def test_tables_need_the_output_as_reference():
    knowledge = tiny("table")
    manifest = knowledge.manifest | {"settings": knowledge.manifest["settings"] | {"reference": "previous"}}
    with pytest.raises(InputError, match="explain with reference='final'"):
        depth_tables(dataclasses.replace(knowledge, manifest=manifest))
    with pytest.raises(InputError, match="target=3 is out of range"):
        depth_tables(knowledge, 3)


def test_nothing_salient_is_not_decidable():
    tables = tables_of(FLAT, FLAT)
    nothing = {name: np.zeros_like(getattr(tables, name)) for name in ("overlap", "forget", "all_earlier", "all_later")}
    nothing |= {"strength": 0 * tables.strength, "salient": 0 * tables.salient, "first": np.nan * tables.first}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = claims.depth_claims(DepthTables(**(vars(tables) | nothing)), "resnet20", "census")
    assert {claim.verdict for claim in found} == {OPEN}
