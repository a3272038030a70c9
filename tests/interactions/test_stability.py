"""Stability under noise, against loops over draws and games; what it costs; bad input (METHODS A8, A9)."""

import copy
import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

import layerlore as ll
from layerlore.errors import InputError, RunError
from layerlore.interactions import steadiness
from layerlore.interactions.alignment import SplitSettings
from layerlore.interactions.bootstrap import resampling_weights
from layerlore.interactions.draws import Noise
from layerlore.interactions.noise_to_signal import QUANTILES
from layerlore.interactions.resplit import resplit
from layerlore.interactions.sparsest import Split, sparsest
from layerlore.interactions.stability import Stability, stability
from reference.slow_scores import reader, slow_scores
from reference.tiny_networks import table

PLAYERS = ll.Columns([0, 1, [2, 3]])
OWNER = np.array([0, 1, 2, 2, -1])
N_SAMPLES = 3
SIGMA, DRAWS, SEED, PULL = 0.3, 3, 5, 0.2
ORDER = np.array([0, 1, 1, 2, 1, 2, 2, 3])
SPLIT = {"pull": PULL, "tolerance": 0.1, "max_iterations": 100}


def measured(case, **options):
    asked = {"players": PLAYERS, "sigma": SIGMA, "draws": DRAWS, "seed": SEED, "progress": False, "resamples": 40}
    return stability(case.model, case.probes, case.inputs, case.labels, **asked | options)


@pytest.fixture(scope="module")
def case():
    found = table().in_float64()
    return replace(found, inputs=found.inputs[:N_SAMPLES], labels=found.labels[:N_SAMPLES])


@pytest.fixture(scope="module")
def clean(case):
    return ll.explain(
        case.model, case.probes, case.inputs, case.labels, players=PLAYERS, progress=False, noise_samples=0, **SPLIT
    )


@pytest.fixture(scope="module")
def found(case, clean):
    return measured(case, knowledge=clean)


@pytest.fixture(scope="module")
def noise():
    """By sample and draw, as the docstring says: of seed, draw and position alone."""
    return {
        (sample, draw): SIGMA * np.random.default_rng([SEED, draw, sample, 0]).standard_normal(5)
        for sample, draw in itertools.product(range(N_SAMPLES), range(DRAWS))
    }


@pytest.fixture(scope="module")
def by_hand(case, clean, noise):
    """By layer, op and order: sample, plain and aligned value of every salient interaction."""
    read, mean = reader(case.model, case.probes), case.probes.input_mean.double().numpy()
    options = {"kappa": 0.04, "tolerance": 0.1, "max_iterations": 100}
    rows = {}
    for sample in range(N_SAMPLES):
        inputs, label = case.inputs[sample].numpy(), int(case.labels[sample])
        games = np.stack([slow_scores(read, inputs + noise[sample, draw], mean, OWNER, label) for draw in range(DRAWS)])
        for layer in range(3):
            effects = clean.effects(sample)[0, layer]
            goal = Split.of_effects(effects[0], effects[1])
            plain = [sparsest(game, **options) for game in games[:, layer]]
            aligned = [sparsest(game, toward=goal, pull=PULL, **options) for game in games[:, layer]]
            for op, name in enumerate(("and_effects", "or_effects")):
                for s in range(1, 8):
                    if abs(effects[op, s]) <= clean.thresholds()[0, layer]:
                        continue
                    pair = []
                    for splits in (plain, aligned):
                        draws = np.array([getattr(split, name)[s] for split in splits])
                        pair.append(abs(draws.mean()) / np.sqrt(((draws - draws.mean()) ** 2).sum() / (DRAWS - 1)))
                    rows.setdefault((layer, op, int(ORDER[s])), []).append((sample, *pair))
    return rows


def test_every_cell_is_the_one_computed_draw_by_draw(found, by_hand):
    counts = np.rint(resampling_weights(N_SAMPLES, 40, SEED) * N_SAMPLES).astype(int)
    assert len(by_hand) >= 8
    for layer, op, order in itertools.product(range(3), range(2), range(1, 4)):
        cell = found.by_order.isel(layer=layer, op=op).sel(order=order)
        rows = by_hand.get((layer, op, order), [])
        assert cell["n_effects"].item() == len(rows)
        assert cell["n_left_out"].item() == cell["aligned_n_left_out"].item() == 0
        if not rows:
            assert np.isnan([cell[name].item() for name in ("mean", "median_low", "aligned_median")]).all()
            continue
        samples = np.array([row[0] for row in rows])
        for column, prefix in ((1, ""), (2, "aligned_")):
            values = np.array([row[column] for row in rows])
            for name, statistic in (("mean", np.mean), ("median", np.median)):
                # Scores by hand differ by rounding of 1e-16, which hundreds of iterations of the solver carry on.
                assert cell[prefix + name].item() == pytest.approx(statistic(values), rel=1e-6)
                repeated = [np.repeat(values, row[samples]) for row in counts]
                spread = [statistic(drawn) for drawn in repeated if len(drawn)]
                if len(set(samples)) == 1:
                    assert np.isnan(cell[f"{prefix}{name}_low"].item())
                    continue
                low, high = np.quantile(spread, [0.025, 0.975])
                assert cell[f"{prefix}{name}_low"].item() == pytest.approx(low, rel=1e-6)
                assert cell[f"{prefix}{name}_high"].item() == pytest.approx(high, rel=1e-6)


def test_noise_ratios_are_those_of_the_norms(case, found, noise):
    pooled = {}
    for sample, order in itertools.product(range(N_SAMPLES), range(1, 4)):
        x, values = case.inputs[sample].numpy(), []
        for s, draw in itertools.product(np.flatnonzero(order == ORDER), range(DRAWS)):
            shown = [place for place, who in enumerate(OWNER) if who >= 0 and s >> who & 1]
            values.append(np.linalg.norm(noise[sample, draw][shown]) / np.linalg.norm(x[shown]))
        pooled.setdefault(order, []).extend(values)
        here = found.noise_ratio.sel(sample=sample, order=order)
        np.testing.assert_allclose(here, np.quantile(values, QUANTILES), rtol=1e-12)
    for order, values in pooled.items():
        np.testing.assert_allclose(found.noise_boxes.sel(order=order), np.quantile(values, QUANTILES), rtol=1e-12)


def test_without_an_explanation_the_clean_inputs_are_explained_first(case, found):
    again = measured(case, **SPLIT)
    xr.testing.assert_identical(again.by_order, found.by_order)
    assert again.settings["split"] == found.settings["split"]


def test_some_layers_are_as_among_all(case, clean, found):
    for options in ({"knowledge": clean}, SPLIT):
        some = measured(case, layers=["3"], **options)
        assert some.layers == ["3", "output"]
        # Fewer read-outs in a forward pass may change the last bit of a score.
        xr.testing.assert_allclose(some.by_order, found.by_order.sel(layer=["3", "output"]), rtol=1e-6)


def test_noise_depends_on_seed_draw_and_position_alone():
    noise = Noise(0.5, 8, 3)
    sample = torch.zeros(2, 3)
    first = noise.on(sample, 4, 7)
    assert torch.equal(first, Noise(0.5, 100, 3).on(torch.ones(2, 3), 4, 7))
    assert torch.equal(2 * first, Noise(1.0, 8, 3).on(sample, 4, 7))
    others = [Noise(0.5, 8, 2).on(sample, 4, 7), noise.on(sample, 4, 6), noise.on(sample, 3, 7)]
    assert all((first != other).any() for other in others)
    named = noise.on({"inputs_embeds": sample, "attention_mask": torch.ones(3, dtype=torch.int64)}, 4, 7)
    assert torch.equal(named["attention_mask"], torch.zeros(3, dtype=torch.int64))
    assert named["inputs_embeds"].std() > 0
    many = Noise(0.5, 2, 0).on(torch.zeros(100, 100, dtype=torch.float64), 0, 0)
    # The deviation of 10,000 normal numbers is within 3 % of theirs, but for one time in 10,000.
    assert many.std().item() == pytest.approx(0.5, rel=0.03)
    assert abs(many.mean().item()) < 0.02


class Counting:
    """Counts the inputs that a network sees, and keeps those of full coalitions."""

    def __init__(self, model: nn.Module) -> None:
        self.seen = 0
        self.handle = model.register_forward_pre_hook(self)

    def __call__(self, _module, inputs):
        self.seen += len(inputs[0])

    def take(self) -> int:
        seen, self.seen = self.seen, 0
        return seen


def test_forward_passes_are_those_of_one_explanation_for_each_draw(case, clean):
    draws = 4
    counted = Counting(case.model)
    quick = {"tolerance": 0.9, "max_iterations": 50, "pull": 0.0}
    try:
        ll.explain(case.model, case.probes, case.inputs, case.labels, players=PLAYERS, progress=False,
                   noise_samples=0, **quick)  # fmt: skip
        once = counted.take()
        assert once == N_SAMPLES * 8 + N_SAMPLES + 1
        measured(case, draws=draws, **quick)
        assert counted.take() == (draws + 1) * N_SAMPLES * 8 + 2 * (N_SAMPLES + 1) <= (draws + 1) * once
        measured(case, draws=draws, knowledge=clean)
        assert counted.take() == draws * N_SAMPLES * 8 + (N_SAMPLES + 1) <= draws * once
    finally:
        counted.handle.remove()


def test_all_draws_and_layers_of_a_sample_are_split_as_one_batch(case, clean, found, monkeypatch):
    shapes = []
    split = SplitSettings.split

    def counted(self, games, toward=None):
        shapes.append((games.shape, toward is None))
        return split(self, games, toward)

    monkeypatch.setattr(SplitSettings, "split", counted)
    measured(case, knowledge=clean)
    # The first call looks at the options.
    assert shapes[1:] == [((DRAWS, 1, 3, 8), True), ((DRAWS, 1, 3, 8), False)] * N_SAMPLES
    # Where that is too much for memory, all draws of one layer.
    shapes.clear()
    monkeypatch.setattr(steadiness, "NUMBERS_AT_ONCE", 1)
    pieces = measured(case, knowledge=clean)
    assert shapes[1:] == [
        ((DRAWS, 1, 1, 8), plain) for _ in range(N_SAMPLES) for _ in range(3) for plain in (True, False)
    ]
    xr.testing.assert_identical(pieces.by_order, found.by_order)


def test_without_pull_the_aligned_values_are_nan_and_cost_nothing(case, clean, monkeypatch):
    unpulled = resplit(clean, pull=0.0, progress=False)
    calls = []
    split = SplitSettings.split
    monkeypatch.setattr(SplitSettings, "split", lambda self, *given: calls.append(given) or split(self, *given))
    none = measured(case, knowledge=unpulled)
    assert len(calls) == 1 + N_SAMPLES
    for name, values in none.by_order.data_vars.items():
        if name.startswith("aligned") and not name.endswith("left_out"):
            assert np.isnan(values).all()
    assert (none.by_order["aligned_n_left_out"] == 0).all()
    assert none.by_order["n_effects"].sum() > 0


def test_and_interactions_alone_can_be_measured(case, clean, noise):
    alone = resplit(clean, and_only=True, progress=False)
    found = measured(case, knowledge=alone)
    assert (found.by_order["n_effects"].sel(op="or") == 0).all()
    read, mean = reader(case.model, case.probes), case.probes.input_mean.double().numpy()
    values = []
    for sample in range(N_SAMPLES):
        moved = [case.inputs[sample].numpy() + noise[sample, draw] for draw in range(DRAWS)]
        games = np.stack([slow_scores(read, own, mean, OWNER, int(case.labels[sample]))[-1] for own in moved])
        for s, (one, other) in {3: (1, 2), 5: (1, 4), 6: (2, 4)}.items():
            if abs(alone.effects(sample)[0, 2, 0, s]) > alone.thresholds()[0, 2]:
                draws = games[:, s] - games[:, one] - games[:, other] + games[:, 0]
                values.append(abs(np.mean(draws)) / np.std(draws, ddof=1))
    assert len(values) > 2
    cell = found.by_order["mean"].sel(layer="output", op="and", order=2)
    assert cell.item() == pytest.approx(np.mean(values), rel=1e-9)


def test_effects_under_a_measured_noise_floor_are_left_out_and_counted(case, clean, found):
    noisy = copy.copy(clean)
    floor = np.zeros((3, 2, 3))
    floor[2] = np.inf
    floor[1, 0, 1] = 1e3
    listed = [[[x if np.isfinite(x) else None for x in op] for op in layer] for layer in floor.tolist()]
    object.__setattr__(noisy, "manifest", clean.manifest | {"noise_floor": listed})
    there = measured(case, knowledge=noisy)
    assert there.settings["noise_floor"].startswith("measured")
    assert found.settings["noise_floor"].startswith("rounding of float64")
    cell, before = (part.by_order.isel(layer=1, op=0).sel(order=2) for part in (there, found))
    assert before["n_effects"].item() > 0
    assert (cell["n_effects"].item(), cell["n_left_out"].item()) == (0, before["n_effects"].item())
    assert cell["aligned_n_left_out"].item() == cell["n_left_out"].item()
    assert np.isnan(cell["mean"].item())
    # Where the measurement failed, rounding takes its place.
    xr.testing.assert_identical(there.by_order.isel(layer=2), found.by_order.isel(layer=2))


class Rounding(nn.Module):
    """Sees whole numbers only: noise far below one half moves no score."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.body(inputs.round())


def test_what_noise_cannot_change_is_left_out():
    named = table("named output").in_float64()
    still = named.with_model(Rounding(copy.deepcopy(named.model.body)).eval(), named.inputs.round())
    found = measured(still, sigma=1e-3, baseline="zero", **SPLIT)
    assert (found.by_order["n_effects"] == 0).all()
    assert found.by_order["n_left_out"].sum() > 0
    assert np.isnan(found.by_order["mean"]).all()


def test_more_noise_is_less_stable(case, clean):
    little, much = (measured(case, knowledge=clean, sigma=sigma) for sigma in (0.001, 0.3))
    cell = {"layer": "output", "op": "and", "order": 1}
    assert little.by_order["median"].sel(cell).item() > 5 * much.by_order["median"].sel(cell).item()
    np.testing.assert_allclose(much.noise_ratio, 300 * little.noise_ratio, rtol=1e-9)


def test_as_a_table_as_strict_json_and_back_from_a_file(found, tmp_path):
    table = found.to_dataframe()
    assert len(table) == 3 * 2 * 3
    assert {"layer", "op", "order", "mean", "median_low", "aligned_mean_high", "n_left_out"} <= set(table.columns)
    plain = found.to_json()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert len(plain["noise_boxes"]) == 3 * len(QUANTILES)
    assert plain["settings"]["sigma"] == SIGMA
    found.save(tmp_path / "stability.json")
    again = Stability.load(tmp_path / "stability.json")
    xr.testing.assert_identical(again.by_order, found.by_order)
    xr.testing.assert_identical(again.noise_ratio, found.noise_ratio)
    xr.testing.assert_identical(again.noise_boxes, found.noise_boxes)
    assert again.settings == found.settings
    assert "sigma 0.3" in repr(again)
    text = (tmp_path / "stability.json").read_text()
    for name, content in (("cut.json", text[:100]), ("other.json", "[]"), ("newer.json", text.replace("1", "9", 1))):
        (tmp_path / name).write_text(content)
        with pytest.raises(RunError, match=name):
            Stability.load(tmp_path / name)


def test_progress_is_told(case, clean):
    told = []
    measured(case, knowledge=clean, progress=lambda *args: told.append(args))
    assert told[0] == ("scores of noisy inputs", 0, N_SAMPLES * DRAWS * 8)
    assert ("scores of noisy inputs", N_SAMPLES * DRAWS * 8, N_SAMPLES * DRAWS * 8) in told
    assert told[-1] == ("splits of noisy inputs", N_SAMPLES, N_SAMPLES)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sigma": 0.0}, "sigma=0.0 must be a finite number above 0"),
        ({"sigma": -0.1}, "sigma=-0.1 must be"),
        ({"sigma": float("nan")}, "sigma=nan must be"),
        ({"draws": 1}, "draws=1: at least 2"),
        ({"draws": -3}, "draws=-3: at least 2"),
        ({"seed": -1}, "seed=-1"),
        ({"confidence": 1.0}, "confidence=1.0"),
        ({"kappa": -0.1}, "kappa=-0.1"),
        ({"layers": ["5"]}, "'5'"),
    ],
)
def test_bad_options(case, options, words):
    with pytest.raises(Exception, match=words) as raised:
        measured(case, **options)
    assert isinstance(raised.value, ll.errors.LayerLoreError)


def test_ids_of_tokens_are_told_to_be_embedded(case):
    for inputs in (torch.tensor([[1, 2, 3]]), {"input_ids": torch.tensor([[1, 2]]), "mask": torch.ones(1, 2)}):
        with pytest.raises(InputError, match=r"int64.*words\.embed\(model\)"):
            stability(case.model, case.probes, inputs, [0], players=PLAYERS)


def test_an_explanation_of_something_else_is_refused(case, clean):
    for options, words in (
        ({"players": ll.Columns([0, 1, 2])}, "another explanation.*plans"),
        ({"baseline": "zero"}, "another explanation.*baseline"),
        ({"pull": 0.7}, "pull=0.7, but knowledge= was made with 0.2"),
        ({"reference": "3"}, "reference='3', but knowledge= was made with 'final'"),
        ({"score": "logit"}, "another explanation.*score"),
        ({"layers": "5"}, "knowledge= has no layer '5'"),
    ):
        with pytest.raises(InputError, match=words):
            measured(case, knowledge=clean, **options)
    arguments = {"players": PLAYERS, "knowledge": clean}
    with pytest.raises(InputError, match=r"another explanation.*inputs"):
        stability(case.model, case.probes, case.inputs + 1, case.labels, **arguments)
    with pytest.raises(InputError, match=r"another explanation.*targets"):
        stability(case.model, case.probes, case.inputs, (case.labels + 1) % 3, **arguments)
    with pytest.raises(InputError, match="layer '3', for which there is no probe"):
        stability(case.model, case.probes.select(["1"]), case.inputs, case.labels, **arguments)
    by_function = copy.copy(clean)
    identity = clean.manifest["identity"] | {"score": "module.margin"}
    object.__setattr__(by_function, "manifest", clean.manifest | {"identity": identity})
    with pytest.raises(InputError, match=r"function module\.margin: pass the same function"):
        measured(case, knowledge=by_function)
