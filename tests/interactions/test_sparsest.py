"""The certified splits of real games, judged by the linear programme and by what METHODS A3 and A4 promise."""

import inspect
import warnings
from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from layerlore.errors import ConvergenceWarning, InputError
from layerlore.interactions.moebius import or_zeta, reconstruct, zeta
from layerlore.interactions.solvers import certified, paper
from layerlore.interactions.sparsest import Split, sparsest
from reference.digits_games import completeness, digits_games, noisy, other_class, stacked
from reference.linear_programme import SLACK, least_norm

KAPPA = 0.04
FIELDS = [field.name for field in fields(Split)]


def flat_games(n_players: int, n_samples: int) -> np.ndarray:
    return digits_games(n_players, n_samples)[0].reshape(-1, 1 << n_players)


def effects_of(split: Split) -> np.ndarray:
    return stacked(np.asarray(split.and_effects), np.asarray(split.or_effects))


def same_bits(left: Split, right: Split) -> bool:
    return all(np.array_equal(getattr(left, name), getattr(right, name), equal_nan=True) for name in FIELDS)


def rounding(games: np.ndarray, split: Split) -> np.ndarray:
    """How far sums of all effects may be off: about ``2n`` additions of numbers no larger than their L1 norm."""
    n_players = games.shape[-1].bit_length() - 1
    eps = np.finfo(np.float64).eps
    return 2 * (n_players + 1) * eps * (np.asarray(split.objective) + np.abs(games).max(-1))


def random_games(n_players: int, n_games: int) -> np.ndarray:
    return np.random.default_rng(n_players).standard_normal((n_games, 1 << n_players))


def sparse_games(n_players: int, n_games: int) -> tuple[np.ndarray, np.ndarray]:
    """Games made of five AND and OR effects of order 3 or more, and the effects ``[n_games, 2, 2**n]``."""
    generator = np.random.default_rng(5)
    effects = np.zeros((n_games, 2, 1 << n_players))
    high = [S for S in range(1 << n_players) if S.bit_count() >= 3]
    for game in effects:
        for S in generator.choice(high, 5, replace=False):
            game[generator.integers(2), S] = generator.choice([-1, 1]) * generator.uniform(1, 3)
    return reconstruct(np.ascontiguousarray(effects[:, 0]), np.ascontiguousarray(effects[:, 1])), effects


ORACLE_GAMES = {
    "n=1": (lambda: random_games(1, 6), KAPPA),
    "n=2": (lambda: random_games(2, 10), KAPPA),
    "n=3": (lambda: random_games(3, 10), KAPPA),
    "n=6": (lambda: flat_games(6, 24)[::2], KAPPA),
    "n=6, exact": (lambda: flat_games(6, 24)[::8], 0.0),
    "n=6, narrow": (lambda: flat_games(6, 24)[::8], 0.004),
    "n=6, wide": (lambda: flat_games(6, 24)[::8], 0.3),
    "n=6, noise": (lambda: random_games(6, 12), KAPPA),
    "n=8": (lambda: flat_games(8, 24)[::6], KAPPA),
    # The programme takes several seconds for each of these two.
    "n=10": (lambda: flat_games(10, 20)[[7, 11]], KAPPA),
}


@pytest.mark.parametrize("case", ORACLE_GAMES)
def test_objective_and_gap_against_the_linear_programme(case):
    make, kappa = ORACLE_GAMES[case]
    games = make()
    split = sparsest(games, kappa)
    best = np.array([least_norm(game, kappa).value for game in games])
    assert (split.objective <= 1.01 * best).all()
    # Residuals may pass the radius by rounding, and the programme has its own slack.
    assert (split.objective >= best * (1 - SLACK)).all()
    assert (split.gap >= 1 - best / split.objective - SLACK).all()
    assert (split.gap <= 0.02).all()
    assert split.converged.all()


@pytest.mark.parametrize("tolerance", [0.1, 0.005])
def test_a_tolerance_is_met_and_means_work(tolerance):
    games = flat_games(6, 24)[::4]
    split = sparsest(games, tolerance=tolerance)
    best = np.array([least_norm(game, KAPPA).value for game in games])
    assert (split.gap <= tolerance).all()
    assert (split.objective <= best / (1 - tolerance)).all()
    default = sparsest(games)
    assert (split.iterations.sum() > default.iterations.sum()) == (tolerance < 0.02)


@pytest.mark.parametrize("kappa", [0.0, KAPPA])
@pytest.mark.parametrize("n_players", [1, 2, 3, 6, 8])
def test_universal_matching_and_the_meaning_of_each_field(n_players, kappa):
    games = flat_games(n_players, 12) if n_players > 3 else random_games(n_players, 12)
    split = sparsest(games, kappa)
    slack = rounding(games, split)
    off = np.abs(reconstruct(split.and_effects, split.or_effects) - (games - split.delta)).max(-1)
    assert (off <= 1e-9 * np.abs(games).max(-1)).all()
    assert (off <= slack).all()
    assert (np.abs(split.delta).max(-1) <= kappa * np.abs(games[:, -1] - games[:, 0]) + slack).all()
    assert (split.delta[:, 0] == 0).all()
    half = (games - split.delta) / 2
    assert (np.abs(zeta(split.and_effects) - (half + split.gamma)).max(-1) <= slack).all()
    assert (np.abs(or_zeta(split.or_effects) - (half - split.gamma)).max(-1) <= slack).all()
    assert np.array_equal(split.gamma[:, 0], games[:, 0] / 2)
    assert np.array_equal(split.and_effects[:, 0], games[:, 0])
    low = [S for S in range(1 << n_players) if S.bit_count() <= 1]
    assert (split.or_effects[:, low] == 0).all()
    pairs = [S for S in range(1 << n_players) if S.bit_count() == 2]
    assert (split.and_effects[:, pairs] * split.or_effects[:, pairs] <= 0).all()
    norm = np.abs(split.and_effects[:, 1:]).sum(-1) + np.abs(split.or_effects[:, 1:]).sum(-1)
    assert np.allclose(split.objective, norm, rtol=1e-13)


def test_delta_uses_the_tolerance_and_is_more_than_nothing():
    games = flat_games(6, 12)
    assert (sparsest(games).objective < sparsest(games, 0.0).objective).all()


@pytest.mark.parametrize("factor", [1e-6, 0.01, 100, 1e6])
def test_scores_in_another_unit_give_effects_in_that_unit(factor):
    games = flat_games(8, 24)[::4]
    split, scaled = sparsest(games), sparsest(games * factor)
    assert np.array_equal(split.iterations, scaled.iterations)
    assert np.allclose(split.gap, scaled.gap, rtol=0, atol=1e-9)
    difference = np.abs(effects_of(scaled) / factor - effects_of(split)).max((1, 2))
    assert (difference <= 1e-9 * np.abs(effects_of(split)).max((1, 2))).all()


def test_a_unit_that_is_a_power_of_two_or_negative_changes_no_bit():
    games = flat_games(8, 24)[::4]
    split = effects_of(sparsest(games))
    assert np.array_equal(effects_of(sparsest(games * 1024)), split * 1024)
    assert np.array_equal(effects_of(sparsest(-games)), -split)


@pytest.mark.parametrize("constant", [-3.0, 1000.0])
def test_a_constant_added_to_the_scores_moves_the_empty_set_alone(constant):
    games = flat_games(6, 12)
    split, moved = sparsest(games), sparsest(games + constant)
    assert np.array_equal(split.iterations, moved.iterations)
    # Scores of 1,000 carry 1e-13; the iteration is not expansive.
    assert np.abs(effects_of(split) - effects_of(moved)).max() <= 1e-9
    assert np.allclose(moved.and_effects[:, 0], split.and_effects[:, 0] + constant, rtol=1e-14)


def test_same_bits_again_alone_in_any_batch_and_in_any_order():
    games = flat_games(8, 16)
    together = sparsest(games)
    assert same_bits(sparsest(games), together)
    for index in (0, 13, 63):
        assert same_bits(sparsest(games[index]), together[index])
    assert same_bits(sparsest(games[20:27]), together[20:27])
    order = np.random.default_rng(0).permutation(len(games))
    assert same_bits(sparsest(games[order]), together[order])
    shaped = sparsest(games.reshape(16, 4, -1))
    assert shaped.objective.shape == shaped.gap.shape == shaped.iterations.shape == (16, 4)
    assert same_bits(shaped[3], together[12:16])


def test_same_bits_when_games_wait_for_a_place(monkeypatch):
    games = flat_games(6, 10)
    together = sparsest(games)
    monkeypatch.setattr(certified, "BATCH_NUMBERS", 5 * 64)
    assert same_bits(sparsest(games), together)


def test_same_bits_in_pools(monkeypatch):
    games = flat_games(6, 10)
    together = sparsest(games)
    monkeypatch.setattr("layerlore.interactions.sparsest.POOL_BYTES", 7 * 64 * 8 * 12)
    assert same_bits(sparsest(games), together)


def test_numpy_and_torch_agree_in_bits_and_in_kind():
    games = flat_games(6, 10)
    arrays, tensors = sparsest(games), sparsest(torch.from_numpy(games))
    assert all(isinstance(getattr(arrays, name), np.ndarray) for name in FIELDS)
    assert all(isinstance(getattr(tensors, name), torch.Tensor) for name in FIELDS)
    assert same_bits(arrays, Split(**{name: getattr(tensors, name).numpy() for name in FIELDS}))
    narrow = games.astype(np.float32)
    assert same_bits(sparsest(narrow), sparsest(narrow.astype(np.float64)))


def test_the_game_is_left_alone():
    games = flat_games(6, 3)
    before = games.copy()
    sparsest(games)
    assert np.array_equal(games, before)


@pytest.mark.parametrize("value", [0.0, -2.5])
def test_constant_games_have_no_effects(value):
    games = np.stack([np.full(16, value), np.arange(16.0), np.full(16, value)])
    split = sparsest(games)
    for index in (0, 2):
        assert (effects_of(split)[index] == 0).all()
        assert split.and_effects[index, 0] == value
        assert split.objective[index] == split.gap[index] == split.iterations[index] == 0
        assert split.converged[index]
        assert (split.delta[index] == 0).all()
    assert split.objective[1] > 0


def test_a_batch_of_constant_games():
    split = sparsest(np.ones((2, 3, 8)))
    assert split.gap.shape == (2, 3)
    assert split.converged.all()
    assert (effects_of(split) == 0).all()


def test_a_single_player_keeps_what_the_tolerance_leaves():
    split = sparsest(np.array([1.0, 3.0]), kappa=0.1)
    assert split.and_effects[0] == 1.0
    assert split.and_effects[1] == pytest.approx(1.8, rel=0.01)
    assert split.gap <= 0.02


def test_no_games_at_all():
    split = sparsest(np.zeros((0, 8)))
    assert split.and_effects.shape == (0, 8)
    assert split.gap.shape == (0,)


def test_equal_ends_mean_exact_matching():
    games = random_games(6, 8)
    games[:, -1] = games[:, 0]
    split = sparsest(games, kappa=0.3)
    assert (np.abs(split.delta).max(-1) <= rounding(games, split)).all()
    assert split.converged.all()


def test_few_interactions_are_found_again():
    games, truth = sparse_games(8, 10)
    split = sparsest(games, kappa=0.0)
    assert np.array_equal(np.abs(effects_of(split)) > 0.1, truth != 0)
    fine = sparsest(games[:1], kappa=0.0, tolerance=1e-3)
    # The gap bounds the norm, not each effect; a hundredth of the largest is ten times the gap asked for.
    assert np.abs(effects_of(fine) - truth[:1]).max() <= 1e-2 * np.abs(truth).max()


@pytest.fixture(scope="module")
def layers() -> tuple[np.ndarray, np.ndarray]:
    """Output games of eight samples, n = 10, and their classes."""
    games, classes = digits_games(10, 20)
    return games[:8, -1], classes[:8]


@pytest.fixture(scope="module")
def reference(layers) -> Split:
    return sparsest(layers[0])


@pytest.mark.parametrize("seed", [0, 1])
def test_a_noisy_copy_shares_its_splits_when_aligned(layers, reference, seed):
    copies = noisy(layers[0], seed)
    alone, pulled = sparsest(copies), sparsest(copies, toward=reference, pull=0.1)
    target = effects_of(reference)
    assert completeness(effects_of(pulled), target) >= 0.92
    assert completeness(effects_of(pulled), target) >= completeness(effects_of(alone), target) + 0.03
    assert pulled.objective.mean() <= 1.01 * alone.objective.mean()
    assert pulled.converged.all()
    assert (pulled.aligned_gap <= 0.02).all()


def test_little_is_imitated_that_is_not_there(layers, reference):
    games, classes = layers
    strangers = reference[other_class(classes)]
    target = effects_of(strangers)
    floor = completeness(effects_of(reference), target)
    pulled = sparsest(games, toward=strangers)
    assert 0 <= completeness(effects_of(pulled), target) - floor <= 0.05
    assert pulled.converged.all()


def test_aligned_gap_and_gap_against_the_linear_programmes():
    games = flat_games(6, 24)[::6]
    reference = sparsest(games)
    copies = noisy(games, 0, share=0.05)
    target = effects_of(reference)
    split = sparsest(copies, toward=reference, pull=0.3)
    cost = np.abs(effects_of(split)).sum((1, 2)) + 0.3 * np.abs(effects_of(split) - target).sum((1, 2))
    best = [least_norm(game, KAPPA, goal, 0.3).value for game, goal in zip(copies, target, strict=True)]
    plain = [least_norm(game, KAPPA).value for game in copies]
    # The problem solved also has a price on the residual, so its gap bounds the distance only up to that price,
    # which is part of the norm; here it costs less than half a percent.
    assert (1 - best / cost <= split.aligned_gap + 0.005).all()
    assert (cost >= np.array(best) * (1 - SLACK)).all()
    assert (split.aligned_gap <= 0.02).all()
    assert (split.gap >= 1 - plain / split.objective - SLACK).all()
    assert (np.abs(split.delta).max(-1) <= KAPPA * np.abs(copies[:, -1] - copies[:, 0]) + rounding(copies, split)).all()


def test_no_pull_is_no_target():
    games = flat_games(6, 3)
    assert same_bits(sparsest(games, toward=sparsest(games[::-1].copy()), pull=0.0), sparsest(games))


def test_one_game_of_a_batch_is_still_a_split_of_arrays():
    games = flat_games(6, 3)
    one = sparsest(games)[0]
    assert all(isinstance(getattr(one, name), np.ndarray) for name in FIELDS)
    assert one.gap.shape == ()
    assert same_bits(sparsest(games, toward=one)[0], sparsest(games[0], toward=one))


def test_a_target_broadcasts_over_the_batch():
    games = flat_games(6, 3)
    target = sparsest(games[0])
    wide = replace(target, **{name: np.stack([getattr(target, name)] * len(games)) for name in FIELDS})
    assert same_bits(sparsest(games, toward=target), sparsest(games, toward=wide))


def test_effects_alone_are_a_target():
    games = flat_games(6, 3)
    target = sparsest(games)
    bare = Split.of_effects(target.and_effects, target.or_effects)
    assert np.array_equal(bare.gamma, target.gamma)
    assert np.allclose(bare.objective, target.objective, rtol=1e-13)
    assert np.isnan(bare.gap).all()
    assert not bare.converged.any()
    assert same_bits(sparsest(games, toward=bare), sparsest(games, toward=target))


def test_only_the_meaning_of_a_target_counts():
    games = flat_games(6, 3)
    target = sparsest(games)
    shuffled = replace(target, and_effects=target.and_effects.copy(), or_effects=target.or_effects.copy())
    shuffled.and_effects[:, 0] = 77
    shuffled.or_effects[:, 0] = 77
    shuffled.and_effects[:, 4] -= 0.25
    shuffled.or_effects[:, 4] += 0.25
    left, right = sparsest(games, toward=target), sparsest(games, toward=shuffled)
    assert np.abs(effects_of(left) - effects_of(right)).max() <= 1e-9


def test_certified_is_sparser_than_the_published_solver_at_eight_players():
    games = flat_games(8, 16)[::16]
    # Objectives fall with the steps; a quarter of them takes two seconds. The benchmark runs them all.
    effects = paper.solve(torch.from_numpy(games.T.copy()), KAPPA, steps=5000)
    published = effects[1:].abs().sum((0, 1)).numpy()
    assert (sparsest(games).objective <= published).all()


GAME = np.arange(8.0)
BAD_OPTIONS = [
    ({"kappa": -0.1}, r"kappa=-0\.1 must be a finite number of at least 0"),
    ({"kappa": float("nan")}, "kappa=nan must be a finite number"),
    ({"kappa": float("inf")}, "kappa=inf must be a finite number"),
    ({"tolerance": 0.0}, r"tolerance=0\.0 must lie between 0 and 1"),
    ({"tolerance": 1.0}, r"tolerance=1\.0 must lie between 0 and 1"),
    ({"max_iterations": 0}, "max_iterations=0 must be at least 1"),
    ({"pull": -0.1}, r"pull=-0\.1 must lie between 0 and 1"),
    ({"pull": 1.5}, r"pull=1\.5 must lie between 0 and 1"),
]


@pytest.mark.parametrize(("options", "message"), BAD_OPTIONS)
def test_options_out_of_range(options, message):
    with pytest.raises(InputError, match=message):
        sparsest(GAME, **options)


def test_a_misspelt_solver():
    # Unwrapped: under test the declared type would reject it first.
    with pytest.raises(InputError, match="solver='certifed' is not known; did you mean 'certified'"):
        inspect.unwrap(sparsest)(GAME, solver="certifed")


@pytest.mark.parametrize(
    ("value", "shown"), [(np.nan, "nan"), (np.inf, "inf"), (-np.inf, "-inf")], ids=["nan", "inf", "-inf"]
)
def test_a_score_that_is_not_finite_is_named(value, shown):
    games = np.zeros((2, 3, 8))
    games[1, 2, 5] = value
    with pytest.raises(InputError, match=rf"game holds {shown} at coalition 5 of game \(1, 2\)"):
        sparsest(games)
    with pytest.raises(InputError, match=rf"game holds {shown} at coalition 5: every score"):
        sparsest(games[1, 2])


@pytest.mark.parametrize("length", [0, 3, 12])
def test_a_length_that_is_no_power_of_two(length):
    with pytest.raises(InputError, match=f"the last axis of game has length {length}, which is no power of two"):
        sparsest(np.zeros((2, length)))


@pytest.mark.parametrize("n_players", [0, 25])
def test_too_few_and_too_many_players(n_players):
    # Expanded from one number, so that 25 players take no memory.
    game = torch.zeros(1, dtype=torch.float64).expand(1 << n_players)
    with pytest.raises(InputError, match=f"game has {n_players} players: sparsest takes 1 to 24"):
        sparsest(game)


def test_a_target_of_the_wrong_shape_is_refused():
    with pytest.raises(
        InputError, match=r"toward.and_effects has shape \(4,\), which does not broadcast to game's \(8,"
    ):
        sparsest(GAME, toward=sparsest(np.arange(4.0)))
    with pytest.raises(InputError, match=r"has shape \(2, 8\), which does not broadcast to game's \(3, 8\)"):
        sparsest(np.stack([GAME] * 3), toward=sparsest(np.stack([GAME] * 2)))


def test_a_target_that_is_not_finite_is_refused():
    target = sparsest(GAME)
    target.and_effects[3] = np.nan
    with pytest.raises(InputError, match="toward holds nan at coalition 3"):
        sparsest(GAME, toward=target)


def test_the_published_solver_has_no_pull():
    with pytest.raises(InputError, match="toward= needs solver='certified'"):
        sparsest(GAME, solver="paper", toward=sparsest(GAME))


def test_too_few_iterations_warn_with_how_many_and_how_far():
    games = flat_games(8, 3)
    with pytest.warns(ConvergenceWarning) as caught:
        split = sparsest(games, tolerance=1e-4, max_iterations=100)
    missed = int((~split.converged).sum())
    message = str(caught[0].message)
    assert missed > 0
    assert message.startswith(f"{missed} of {len(games)} games missed the tolerance 0.0001 on the certified gap")
    assert f"worst gap {split.gap.max():.3g}; games (0,), (1,)" in message
    best = np.array([least_norm(game, KAPPA).value for game in games])
    assert (split.gap >= 1 - best / split.objective - SLACK).all()
    assert np.abs(reconstruct(split.and_effects, split.or_effects) - (games - split.delta)).max() <= 1e-9


def test_a_result_in_time_does_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert sparsest(flat_games(6, 3)).converged.all()


def test_a_target_far_beyond_the_game_is_certified_too():
    # Every effect lies between 0 and its target, so that no dual price reaches its limit.
    games = np.random.default_rng(3).normal(size=(6, 32)).cumsum(-1)
    plain = sparsest(games)
    far = Split.of_effects(3 * plain.and_effects, 3 * plain.or_effects)
    split = sparsest(games, toward=far)
    assert (split.aligned_gap <= 0.02).all()
    found, wanted = (stacked(part.and_effects, part.or_effects) for part in (split, far))
    for game, gap, effects, target in zip(games, split.aligned_gap, found, wanted, strict=True):
        value = np.abs(effects).sum() + 0.1 * np.abs(effects - target).sum()
        least = least_norm(game, 0.04, target, 0.1).value
        assert value - least <= (gap + 1e-6) * value
