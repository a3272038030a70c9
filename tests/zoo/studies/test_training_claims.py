"""Claims about training where they are true by construction, false, and neither."""

import math

import numpy as np
import pytest

from layerlore.dynamics.history import History
from layerlore.errors import InputError
from layerlore.zoo.studies import evidence
from layerlore.zoo.studies import training_claims as claims
from layerlore.zoo.studies.claims import weightscale_claims
from layerlore.zoo.studies.verdict import FAILS, HOLDS, OPEN

N_LAYERS, N_STEPS = 18, 10
MEASURES = ("rwc_l1",)
DEPTH = np.linspace(0, 1, N_LAYERS)
NAMES = tuple(f"layer{n}" for n in range(N_LAYERS))


def history(profile, *, drift=0.0, noise=0.1, seed=0, kinds=None, sizes=None):
    """Changes of each layer: its own level, a drift over the steps that grows with depth, and noise."""
    rng = np.random.default_rng(seed)
    time = np.linspace(-0.5, 0.5, N_STEPS)
    levels = np.log(profile)[:, None] + drift * DEPTH[:, None] * time
    # Noise of the layer, which does not average out over steps, and of each step.
    levels = levels + noise * rng.standard_normal((N_LAYERS, 1)) + 0.1 * rng.standard_normal((N_LAYERS, N_STEPS))
    shapes = [[8]] * N_LAYERS if sizes is None else [[size] for size in sizes]
    return History.from_table(NAMES, np.exp(levels), kinds=kinds, shapes=shapes, measure="rwc_l1")


def course(*profiles, **options):
    return claims.course_of([history(profile, seed=seed, **options) for seed, profile in enumerate(profiles)])


RISING, FALLING, FLAT = 0.1 * np.exp(2 * DEPTH), 0.1 * np.exp(-2 * DEPTH), np.full(N_LAYERS, 0.1)


@pytest.mark.parametrize(("profile", "expected"), [(RISING, HOLDS), (FALLING, FAILS)])
def test_later_layers_change_more(profile, expected):
    claim = claims.later_layers_change_more(course(profile, profile), "net")
    assert claim.verdict == expected
    assert claim.n == N_LAYERS
    assert "mean of 2 seeds" in claim.why


@pytest.mark.parametrize(("profile", "expected"), [(FALLING, HOLDS), (RISING, FAILS)])
def test_early_and_middle_layers_change_most(profile, expected):
    found = course(profile, noise=0.0)
    claim = claims.early_and_middle_change_most(found, "net")
    assert claim.verdict == expected
    change = found.change()
    by_hand = np.exp(np.log(change[:12]).mean() - np.log(change[12:]).mean())
    assert claim.number == pytest.approx(by_hand)
    assert claim.low < claim.number < claim.high


@pytest.mark.parametrize(("easy", "hard", "expected"), [(FLAT, RISING, HOLDS), (RISING, FLAT, FAILS)])
def test_harder_data_recruits_later_layers(easy, hard, expected):
    claim = claims.harder_data_recruits_later(course(easy), course(hard), "net", ("cifar10", "cifar100"))
    assert claim.verdict == expected
    first, second = (found.change() for found in (course(easy), course(hard)))
    assert claim.number == pytest.approx((DEPTH @ second) / second.sum() - (DEPTH @ first) / first.sum())


def test_the_last_layer_of_another_size_is_left_out():
    sizes = [8] * N_LAYERS
    huge = RISING.copy()
    huge[-1] = 1000.0
    harder = claims.course_of([history(huge, sizes=[*sizes[:-1], 80])])
    easier = claims.course_of([history(huge, sizes=sizes)])
    claim = claims.harder_data_recruits_later(easier, harder, "net", ("cifar10", "cifar100"))
    assert claim.n == N_LAYERS - 1
    assert claim.number == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize(("drift", "expected"), [(2.0, HOLDS), (-2.0, FAILS)])
def test_later_layers_are_used_late(drift, expected):
    claim = claims.later_layers_used_late(course(FLAT, drift=drift), "net")
    assert claim.verdict == expected
    values = course(FLAT, drift=drift).values
    centroids = (DEPTH[:, None] * values).sum(0) / values.sum(0)
    assert claim.number == pytest.approx(np.polyfit(np.linspace(0, 1, N_STEPS), centroids, 1)[0])


@pytest.mark.parametrize(("level", "expected"), [(0.1, HOLDS), (10.0, FAILS), (1.0, OPEN)])
def test_depthwise_convolutions(level, expected):
    kinds = ["conv", "depthwise", "pointwise"] * 6
    profile = np.where([kind == "depthwise" for kind in kinds], level, 1.0) * 0.1
    claim = claims.depthwise_barely_change(course(profile, kinds=kinds, noise=0.3), "net")
    assert claim.verdict == expected
    assert claim.paper.startswith("0.03 against 0.40")


def test_pointwise_convolutions():
    kinds = ["depthwise", "pointwise"] * 9
    assert claims.pointwise_active_late(course(RISING, kinds=kinds), "net").verdict == HOLDS
    assert claims.pointwise_active_late(course(FALLING, kinds=kinds), "net").verdict == FAILS


def test_what_a_study_does_not_have_is_not_decidable():
    found = {claim.id: claim for claim in weightscale_claims({("resnet20", "cifar10"): [history(FLAT)]}, MEASURES)}
    for name, words in {
        "depthwise_barely_change": "no network of this study has depthwise",
        "pointwise_active_late": "no network of this study has depthwise",
        "later_layers_used_as_accuracy_nears_its_best": "nothing was trained on svhn",
    }.items():
        assert found[name].verdict == OPEN
        assert words in found[name].why.lower()
        assert math.isnan(found[name].number)
        assert found[name].n == 0
    assert "harder_data_recruits_later_layers" not in found


@pytest.mark.parametrize(
    "test",
    [
        claims.later_layers_change_more,
        claims.early_and_middle_change_most,
        claims.later_layers_used_late,
        None,
    ],
)
def test_noise_is_rarely_decided(test, monkeypatch):
    """At most about 5 % of 200 seeds (10, standard deviation 3): layers whose levels have nothing to do with depth."""
    monkeypatch.setattr(evidence, "FLIPS", 399)
    monkeypatch.setattr(evidence, "RESAMPLES", 200)
    decided = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        found, other = (
            claims.Course(NAMES, ("conv",) * N_LAYERS, (8,) * N_LAYERS, values, 1)
            for values in np.exp(
                0.3 * rng.normal(size=(2, N_LAYERS, 1)) + 0.1 * rng.normal(size=(2, N_LAYERS, N_STEPS))
            )
        )
        if test is None:
            claim = claims.harder_data_recruits_later(found, other, "net", ("cifar10", "cifar100"))
        else:
            claim = test(found, "net")
        decided += claim.verdict != OPEN
    assert decided <= 19


def test_all_claims_of_a_study_are_corrected_together():
    trainings = {
        ("resnet20", data): [history(profile, seed=seed) for seed in range(3)]
        for data, profile in {"cifar10": FALLING, "cifar100": RISING, "svhn": FLAT}.items()
    }
    found = weightscale_claims(trainings, MEASURES)
    tested = [claim for claim in found if math.isfinite(claim.p_value)]
    assert len(tested) == 6
    smallest = min(tested, key=lambda claim: claim.p_value)
    assert smallest.adjusted_p == pytest.approx(6 * smallest.p_value)
    assert {claim.network for claim in tested} >= {"resnet20, cifar10", "resnet20"}


def test_every_measure_is_tested_and_what_cannot_be_tested_is_said_once():
    trainings = {("resnet20", "cifar10"): [history(RISING)]}
    once, twice = (weightscale_claims(trainings, MEASURES * times) for times in (1, 2))
    tested = [claim for claim in once if claim.n]
    assert [claim for claim in tested if claim.unit.endswith("; rwc_l1")] == tested
    assert sum(claim.n > 0 for claim in twice) == 2 * len(tested)
    assert sum(claim.n == 0 for claim in twice) == sum(claim.n == 0 for claim in once) == 3
    with pytest.raises(InputError, match="rwc_elementwise"):
        weightscale_claims(trainings)


def test_few_layers_are_said():
    few = History.from_table(["a", "b", "c"], np.random.default_rng(0).random((3, 5)) + 0.1)
    claim = claims.later_layers_change_more(claims.course_of([few]), "net")
    assert claim.verdict == OPEN
    assert "needs 6 layers, and there are 3" in claim.why


def test_undefined_changes_are_left_out():
    values = np.exp(np.random.default_rng(0).normal(size=(12, 6)) * 0.1)
    values[3], values[5, 2], values[7] = np.nan, np.inf, 0.0
    found = claims.course_of([History.from_table([f"layer{n}" for n in range(12)], values)])
    assert np.isnan(found.change()[3])
    assert found.change()[5] == pytest.approx(values[5][np.isfinite(values[5])].mean())
    assert claims.later_layers_change_more(found, "net").n == 11
    assert claims.later_layers_used_late(found, "net").n == 10
    assert claims.early_and_middle_change_most(found, "net").n == 10


def test_seeds_are_averaged_and_must_fit():
    first, second = history(FLAT, seed=0), history(RISING, seed=1)
    np.testing.assert_allclose(claims.course_of([first, second]).values, (first.values() + second.values()) / 2)
    with pytest.raises(InputError, match="different layers or steps"):
        claims.course_of([first, History.from_table(["a"], np.ones((1, N_STEPS)))])
    with pytest.raises(InputError, match="histories is empty"):
        claims.course_of([])
