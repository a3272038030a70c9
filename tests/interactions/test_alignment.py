"""Who is pulled toward whom, and that batches of splits are splits one by one (METHODS A4, aligned splits)."""

import numpy as np
import pytest

from layerlore.errors import InputError
from layerlore.interactions.alignment import SplitSettings, effects_of, reference_guides, split_layers, unit_ratio
from layerlore.interactions.sparsest import Split, sparsest
from reference import ledger_by_definition as definition

LAYERS = ["a", "b", "c", "output"]


def games(*batch, n_players=3, seed=0):
    """Games whose layers resemble one another, as those of a network do."""
    rng = np.random.default_rng(seed)
    shape = (*batch[:-1], 1, 1 << n_players)
    scores = rng.standard_normal(shape) + 0.3 * rng.standard_normal((*batch, 1 << n_players))
    scores[..., -1] += 3.0
    return scores


@pytest.mark.parametrize(
    ("reference", "guides"),
    [
        ("final", (3, 3, 3, None)),
        ("output", (3, 3, 3, None)),
        ("previous", (1, 2, 3, None)),
        ("a", (None, 0, 0, 0)),
        ("c", (2, 2, None, 2)),
    ],
)
def test_guides(reference, guides):
    assert reference_guides(LAYERS, reference) == guides


def test_a_misspelt_reference_names_what_there_is():
    with pytest.raises(InputError, match="reference='previos' is no layer; did you mean 'previous'"):
        reference_guides(LAYERS, "previos")


def test_unit_ratio():
    found = unit_ratio(np.array([3.0, 0.0, 3.0, 0.0]), np.array([2.0, 2.0, 0.0, 0.0]))
    assert found.tolist() == [1.5, 0.0, 0.0, 0.0]


@pytest.mark.parametrize("reference", ["final", "previous", "a", "b"])
def test_layers_of_all_samples_are_split_as_one_by_one(reference):
    scores = games(2, 2, 4)
    units = np.random.default_rng(1).uniform(0.8, 1.6, (2, 4))
    split = split_layers(scores, units, reference_guides(LAYERS, reference), SplitSettings())
    position = LAYERS.index(reference) if reference in LAYERS else reference
    for sample, target in np.ndindex(2, 2):
        expected = definition.aligned(scores[sample, target], units[target], position)
        assert np.array_equal(effects_of(split)[sample, target], expected)
    assert split.objective.shape == (2, 2, 4)
    parts = [
        split_layers(scores[i : i + 1], units, reference_guides(LAYERS, reference), SplitSettings()) for i in (0, 1)
    ]
    assert np.array_equal(effects_of(split), np.concatenate([effects_of(part) for part in parts]))


def test_a_pull_makes_layers_alike_and_no_pull_leaves_them_alone():
    scores, units = games(6, 1, 2, n_players=4), np.ones((1, 2))
    guides = (1, None)
    pulled = effects_of(split_layers(scores, units, guides, SplitSettings(pull=0.3)))
    free = effects_of(split_layers(scores, units, guides, SplitSettings(pull=0.0)))

    def apart(effects):
        return np.abs(effects[:, :, 0] - effects[:, :, 1]).sum()

    assert apart(pulled) < apart(free)
    for sample in range(6):
        assert np.array_equal(free[sample, 0, 0], definition.split(scores[sample, 0, 0]))


def test_settings_reach_the_solver():
    game = games(4, n_players=4)
    settings = SplitSettings(kappa=0.2, tolerance=0.05, pull=0.5)
    toward = effects_of(sparsest(games(4, n_players=4, seed=3)))
    guide = Split.of_effects(toward[..., 0, :], toward[..., 1, :])
    expected = sparsest(game, 0.2, tolerance=0.05, toward=guide, pull=0.5)
    found = settings.split(game, toward)
    assert isinstance(found.and_effects, np.ndarray)
    assert np.array_equal(effects_of(found), effects_of(expected))
    assert np.array_equal(effects_of(settings.split(game)), effects_of(sparsest(game, 0.2, tolerance=0.05)))


def test_the_published_solver_is_asked_for_no_pull(monkeypatch):
    asked = []

    def solve(game, *, toward, pull, **options):
        asked.append((toward, options["solver"]))
        return sparsest(game)

    monkeypatch.setattr("layerlore.interactions.alignment.sparsest", solve)
    toward = effects_of(sparsest(games(1)))
    SplitSettings(solver="paper").split(games(1), toward)
    SplitSettings(pull=0.0).split(games(1), toward)
    SplitSettings().split(games(1), toward)
    assert asked[:2] == [(None, "paper"), (None, "certified")]
    assert asked[2][0] is not None


def test_effects_hold_nothing_at_the_empty_set():
    split = sparsest(games(3) + 5.0)
    assert (np.asarray(split.and_effects)[:, 0] != 0).all()
    found = effects_of(split)
    assert not found[..., 0].any()
    assert np.array_equal(found[:, 0, 1:], np.asarray(split.and_effects)[:, 1:])
    assert np.array_equal(found[:, 1, 1:], np.asarray(split.or_effects)[:, 1:])
