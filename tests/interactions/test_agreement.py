"""Agreement of networks, against sets of Python and resampling by hand; chance; bad input (METHODS A7, A9)."""

import itertools
import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

import layerlore as ll
from layerlore.errors import InputError, RunError
from layerlore.interactions import pairing
from layerlore.interactions.agreement import Agreement, agreement
from layerlore.interactions.alignment import SplitSettings
from layerlore.interactions.bootstrap import resampling_weights
from layerlore.interactions.jaccard import expected_iou
from layerlore.interactions.sparsest import Split, sparsest
from reference.made_knowledge import made

SIZE = {index: bin(index).count("1") for index in range(256)}
RESAMPLES = 30


@pytest.fixture(scope="module")
def other(small):
    """A network of another architecture for the same task, explained on the same samples and players."""
    with torch.random.fork_rng():
        torch.manual_seed(11)
        inputs = torch.randn(120, 4)
        classes = (inputs[:, 0] * inputs[:, 1] > 0).long() + (inputs[:, 2] + inputs[:, 3] > 0).long()
        model = nn.Sequential(nn.Linear(4, 24), nn.Tanh(), nn.Linear(24, 3))
        optimiser = torch.optim.Adam(model.parameters(), 0.02)
        for _ in range(150):
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(inputs), classes).backward()
            optimiser.step()
    probes = ll.fit_probes(model.eval(), ["1"], [(inputs, classes)])
    return replace(small, model=model, probes=probes).explain(name="shallow")


def sets(knowledge, layer):
    """Salient interactions and their relative strengths, by sample, target, op and order."""
    found = {}
    table = knowledge.to_dataframe()
    table = table[table.layer == layer]
    for row in table.itertuples():
        place = (row.sample, row.target, row.op, row.order)
        found.setdefault(place, {})[row.players] = row.relative_effect
    return found


def by_hand(first, second, places, drawn, n_players, signs=False):
    """IoU, chance and weighted value of every game, pooled over places, of samples drawn."""
    sums = {"iou": [], "chance": [], "weighted": []}
    for sample, target in itertools.product(drawn, ("target 0", "target 1")):
        both = union = smaller = larger = 0
        strata = []
        for op, order in places:
            ours, theirs = (found.get((sample, target, op, order), {}) for found in (first, second))
            matched = {s for s in ours.keys() & theirs.keys() if not signs or ours[s] * theirs[s] > 0}
            both, union = both + len(matched), union + len(ours.keys() | theirs.keys())
            for s in ours.keys() | theirs.keys():
                a, b = abs(ours.get(s, 0.0)), abs(theirs.get(s, 0.0))
                larger += max(a, b)
                smaller += min(a, b) if s in matched else 0.0
            agreeing = sum(a * b > 0 for a in ours.values() for b in theirs.values())
            share = agreeing / max(1, len(ours) * len(theirs)) if signs else 1.0
            strata.append((len(ours), len(theirs), math.comb(n_players, order), share))
        if union:
            sums["iou"].append(both / union)
            sums["chance"].append(expected_iou(tuple(strata)))
            sums["weighted"].append(smaller / larger)
    if not sums["iou"]:
        return None
    means = {name: math.fsum(values) / len(values) for name, values in sums.items()}
    room = 1 - means["chance"]
    means["corrected"] = (means["iou"] - means["chance"]) / room if room > 1e-12 else math.nan
    return means | {"n_defined": len(sums["iou"])}


@pytest.mark.parametrize("signs", [False, True])
def test_every_cell_is_the_one_computed_with_sets(knowledge, other, signs):
    found = agreement(
        knowledge, other, layers=["3", "1"], sign_aware=signs, pull=0, confidence=0.9, resamples=RESAMPLES, seed=3
    )
    ours, theirs = sets(knowledge, "3"), sets(other, "1")
    weights = resampling_weights(4, RESAMPLES, 3)
    resampled = [list(itertools.chain(*([i] * round(w * 4) for i, w in enumerate(row)))) for row in weights]
    cells = [
        (found.by_order.isel(pair=0).sel(op=op, order=order), [(op, order)])
        for op, order in itertools.product(("and", "or"), range(1, 5))
    ]
    every = [place for _, (place,) in cells]
    pooled = {"and": every[:4], "or": every[4:], "all": every}
    cells += [(found.total.isel(pair=0).sel(op=op), places) for op, places in pooled.items()]
    for cell, places in cells:
        expected = by_hand(ours, theirs, places, range(4), 4, signs)
        if expected is None:
            assert np.isnan([cell[name].item() for name in ("iou", "chance", "corrected", "weighted")]).all()
            assert cell.n_defined.item() == 0
            continue
        draws = [by_hand(ours, theirs, places, drawn, 4, signs) for drawn in resampled]
        for name, value in expected.items():
            assert cell[name].item() == pytest.approx(value, rel=1e-11, abs=1e-12, nan_ok=True), (name, places)
        for name in ("iou", "corrected", "weighted"):
            spread = [draw[name] for draw in draws if draw is not None and math.isfinite(draw[name])]
            samples = [by_hand(ours, theirs, places, [sample], 4, signs) for sample in range(4)]
            if not spread or sum(one is not None for one in samples) < 2:
                assert np.isnan(cell[f"{name}_low"].item())
                continue
            low, high = np.quantile(spread, [0.05, 0.95])
            assert cell[f"{name}_low"].item() == pytest.approx(low, rel=1e-11, abs=1e-12), (name, places)
            assert cell[f"{name}_high"].item() == pytest.approx(high, rel=1e-11, abs=1e-12), (name, places)
    assert found.by_order.model_b.item() == "shallow"
    assert (found.by_order.layer_a.item(), found.by_order.layer_b.item()) == ("3", "1")


def test_or_of_one_player_does_not_exist_and_is_not_counted(knowledge, other):
    cell = agreement(knowledge, other, pull=0).by_order.sel(op="or", order=1)
    assert np.isnan(cell.iou).all()
    assert (cell.n_defined == 0).all()
    assert (cell.n_empty == 0).all()
    rest = agreement(knowledge, other, pull=0).by_order.sel(op="or", order=[2, 3, 4])
    assert (rest.n_defined + rest.n_empty == 8).all()


def test_a_model_agrees_with_itself_at_every_order_with_salient_interactions(knowledge):
    for layer, signs in itertools.product(knowledge.layers, (False, True)):
        found = agreement(knowledge, knowledge, layers=layer, sign_aware=signs)
        salient = knowledge.to_dataframe().query("layer == @layer").groupby(["op", "order"]).size()
        for (op, order), count in salient.items():
            assert count > 0
            cell = found.by_order.sel(op=op, order=order)
            assert cell.iou.item() == 1.0
            assert cell["weighted"].item() == 1.0
            # Pulled toward its own effects, a split stays where it is.
            assert cell.aligned_iou.item() == 1.0
            assert cell.corrected.item() in (1.0, pytest.approx(math.nan, nan_ok=True))
        assert found.names == ("Sequential", "Sequential (2)")
        assert found.total.corrected.sel(op="all").item() == pytest.approx(1.0, abs=1e-12)


def test_random_permutations_of_salient_sets_agree_by_chance_alone():
    rng = np.random.default_rng(8)
    n_samples, n_players = 40, 6
    order = np.array([SIZE[index] for index in range(64)])
    effects = np.zeros((n_samples, 1, 1, 2, 64))
    for number in range(1, n_players + 1):
        there = np.flatnonzero(order == number)
        for sample, op in itertools.product(range(n_samples), range(2)):
            if (op, number) == (1, 1):
                continue
            chosen = rng.permutation(there)[: rng.integers(0, len(there) + 1)]
            effects[sample, 0, 0, op, chosen] = rng.choice([-1.0, 1.0], len(chosen))
    shuffled = effects.copy()
    for number in range(1, n_players + 1):
        there = np.flatnonzero(order == number)
        for sample, op in itertools.product(range(n_samples), range(2)):
            shuffled[sample, 0, 0, op, there] = effects[sample, 0, 0, op, rng.permutation(there)]
    for signs in (False, True):
        found = agreement(made(effects), made(shuffled), sign_aware=signs, confidence=0.999, resamples=5000)
        defined = np.isfinite(found.by_order.corrected_low.values)
        low, high = found.by_order.corrected_low.values, found.by_order.corrected_high.values
        # Orders 1 to 5 of AND and 2 to 5 of OR: the one subset of order 6 is in both sets or in neither.
        assert defined.sum() == 9
        # Over 300 such simulations the mean is 0 within 1.5 standard errors in every cell; here 24 intervals of 99.9 %.
        assert ((low <= 0) & (high >= 0))[defined].all()
        for op in ("and", "or", "all"):
            cell = found.total.sel(op=op)
            assert cell.corrected_low.item() <= 0 <= cell.corrected_high.item()
            assert cell.corrected_high.item() - cell.corrected_low.item() < 0.25
            assert cell.iou.item() > 0.15


@pytest.mark.parametrize("signs", [False, True])
def test_agreement_does_not_depend_on_which_network_comes_first(knowledge, other, signs):
    here = agreement(knowledge, other, sign_aware=signs, pull=0.3, seed=1)
    there = agreement(other, knowledge, sign_aware=signs, pull=0.3, seed=1)
    for part in ("by_order", "total"):
        for name, values in getattr(here, part).data_vars.items():
            assert np.array_equal(values, getattr(there, part)[name], equal_nan=True), name


def test_aligned_values_are_those_of_splits_pulled_toward_the_other_one_game_at_a_time(knowledge, other):
    pull = 0.25
    found = agreement(knowledge, other, layers=["3", "output"], pull=pull)
    settings = knowledge.split_settings
    sides = [(knowledge, "3"), (other, "output")]
    values = {}
    for (mine, layer), (theirs, there) in (sides, sides[::-1]):
        row, column = mine.layers.index(layer), theirs.layers.index(there)
        pulled = np.zeros((4, 2, 2, 16))
        for sample, target in itertools.product(range(4), range(2)):
            factor = mine.normalisers()[target, row] / theirs.normalisers()[target, column]
            goal = theirs.effects(sample)[target, column] * factor
            split = sparsest(
                mine.scores(sample)[target, row],
                settings.kappa,
                tolerance=settings.tolerance,
                toward=Split.of_effects(goal[0], goal[1]),
                pull=pull,
            )
            pulled[sample, target] = np.stack([split.and_effects, split.or_effects])
        pulled[..., 0] = 0
        thresholds = 0.05 * np.abs(pulled).max((0, 2, 3))
        for sample, target, op, order in itertools.product(range(4), range(2), range(2), range(1, 5)):
            ours = {
                s for s in range(16) if SIZE[s] == order and abs(pulled[sample, target, op, s]) > thresholds[target]
            }
            limit = theirs.thresholds()[target, column]
            effects = theirs.effects(sample)[target, column, op]
            others = {s for s in range(16) if SIZE[s] == order and abs(effects[s]) > limit}
            if ours | others:
                chance = expected_iou(((len(ours), len(others), math.comb(4, order), 1.0),))
                place = values.setdefault((op, order), {}).setdefault((sample, target), [])
                place.append((len(ours & others) / len(ours | others), chance))
    assert len(values) >= 6
    for (op, order), games in values.items():
        iou, chance = np.mean([np.mean(pair, axis=0) for pair in games.values()], axis=0)
        cell = found.by_order.isel(pair=0, op=op).sel(order=order)
        assert cell.aligned_iou.item() == pytest.approx(iou, rel=1e-12)
        if chance < 1 - 1e-9:
            assert cell.aligned_corrected.item() == pytest.approx((iou - chance) / (1 - chance), rel=1e-11)


def test_splits_of_a_noisy_copy_agree_better_when_they_are_aligned():
    rng = np.random.default_rng(9)
    effects = rng.standard_normal((3, 1, 1, 2, 32)) * rng.choice([0.0, 1.0], (3, 1, 1, 2, 32), p=[0.7, 0.3])
    effects[..., 0] = 0
    scores = np.stack([sum_of(game) for game in effects[:, 0, 0]])[:, None, None]
    noisy = scores + 0.02 * np.abs(scores[..., -1:]) * rng.standard_normal(scores.shape)
    settings = SplitSettings(pull=0.0)
    pair = []
    for games in (scores, noisy):
        split = settings.split(games)
        pair.append(made(np.stack([split.and_effects, split.or_effects], -2), scores=games, split=settings))
    found = agreement(*pair, pull=0.2).total.sel(op="all")
    assert found.iou.item() < 0.95
    assert found.aligned_iou.item() > found.iou.item() + 0.02


def sum_of(effects):
    return np.asarray(ll.reconstruct(effects[0], effects[1]))


def test_without_pull_nothing_is_solved(knowledge, other, monkeypatch):
    def refuse(*_):
        raise AssertionError("solved")

    monkeypatch.setattr(SplitSettings, "split", refuse)
    found = agreement(knowledge, other, pull=0)
    assert np.isnan(found.by_order.aligned_iou).all()
    assert np.isnan(found.total.aligned_corrected_low).all()
    assert found.settings["pull"] == {"Sequential": 0, "shallow": 0}
    # An explanation without pull brings none along.
    alone = made(np.ones((2, 1, 1, 2, 4)))
    assert np.isnan(agreement(alone, alone).total.aligned_iou).all()


def test_samples_are_solved_in_pieces_that_fit(knowledge, other, monkeypatch):
    whole = agreement(knowledge, other)
    monkeypatch.setattr(pairing, "NUMBERS_AT_ONCE", 16 * 2)
    sizes = []
    split = SplitSettings.split
    monkeypatch.setattr(SplitSettings, "split", lambda self, games, toward: sizes.append(games.shape) or split(self, games, toward))  # fmt: skip # noqa: E501
    pieces = agreement(knowledge, other)
    assert sizes == [(1, 2, 16)] * 8
    xr.testing.assert_identical(whole.total, pieces.total)


def test_any_number_of_networks_in_a_matrix(knowledge, other):
    found = agreement(knowledge, other, knowledge, names=["a", "b", "c"], pull=0)
    assert found.by_order.sizes == {"pair": 3, "op": 2, "order": 4}
    assert found.total.op.values.tolist() == ["and", "or", "all"]
    assert found.by_order.pair.values.tolist() == ["a | b", "a | c", "b | c"]
    matrix = found.matrix("iou")
    assert matrix.index.tolist() == matrix.columns.tolist() == ["a", "b", "c"]
    assert np.array_equal(matrix.values, matrix.values.T)
    assert matrix.loc["a", "c"] == 1.0
    assert matrix.loc["a", "b"] == found.total.iou.sel(pair="a | b", op="all").item() == matrix.loc["c", "b"]
    assert (np.diag(matrix.values) == 1).all()
    assert found.matrix("chance", op="and").isna().values.diagonal().all()
    by_order = found.matrix("corrected", op="or", order=2)
    assert by_order.loc["b", "a"] == found.by_order.corrected.sel(pair="a | b", op="or", order=2).item()
    for options in ({"measure": "jaccard"}, {"op": "xor"}, {"order": 2}, {"op": "and", "order": 5}):
        with pytest.raises(InputError):
            found.matrix(**options)


def test_as_a_table_as_strict_json_and_back_from_a_file(knowledge, other, tmp_path):
    found = agreement(knowledge, other)
    table = found.to_dataframe()
    assert len(table) == 2 * 4
    assert {"pair", "model_a", "layer_b", "iou", "corrected_low", "aligned_iou_high", "n_empty"} <= set(table.columns)
    plain = found.to_json()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert plain["settings"]["layers"] == {"Sequential": "output", "shallow": "output"}
    found.save(tmp_path / "agreement.json")
    again = Agreement.load(tmp_path / "agreement.json")
    xr.testing.assert_identical(again.by_order, found.by_order)
    xr.testing.assert_identical(again.total, found.total)
    assert (again.names, again.settings) == (found.names, found.settings)
    assert "shallow" in repr(again)
    (tmp_path / "other.json").write_text('{"kind": "Stability"}')
    for name, words in (("other.json", "Stability"), ("none.json", "cannot be read")):
        with pytest.raises(RunError, match=words):
            Agreement.load(tmp_path / name)


def test_bad_input(knowledge, other, without_type_checks):
    with pytest.raises(InputError, match="two or more explanations, 1 given"):
        agreement(knowledge)
    with pytest.raises(InputError, match="argument 1 of agreement is a str"):
        agreement(knowledge, "run")
    with pytest.raises(InputError, match=r"explanation 1 has no layer '3'; the known ones are '1', 'output'"):
        agreement(knowledge, other, layers="3")
    with pytest.raises(InputError, match="one layer for each of the 2"):
        agreement(knowledge, other, layers=["3"])
    with pytest.raises(InputError, match="'net' more than once"):
        agreement(knowledge, other, names=["net", "net"])
    with pytest.raises(InputError, match="one name for each of the 2"):
        agreement(knowledge, other, names="ab")
    for options in ({"pull": 1.5}, {"pull": -0.1}, {"confidence": 1.0}, {"resamples": 0}, {"seed": -1}):
        with pytest.raises(InputError, match=str(next(iter(options)))):
            agreement(knowledge, other, **options)
    unpulled = made(np.ones((2, 1, 1, 2, 4)), split=SplitSettings(solver="paper"))
    with pytest.raises(InputError, match="solver='paper', which has no pull"):
        agreement(unpulled, unpulled, pull=0.1)
