"""What the interaction browser holds, against a look at every effect and a walk along every interaction."""

import dataclasses
import json

import numpy as np
import pytest

from figures.results import sentences
from layerlore.report import browser as module
from layerlore.report.browser import browser, browser_data, chosen_samples
from layerlore.report.browser_sample import MOST_VALUES, compact, interactions, player_values
from report.tiny import HOSTILE_LAYERS, HOSTILE_PLAYERS, tiny

HALF_A_DIGIT = 5e-7
"""Seven digits: the eighth is rounded, at most half of ten in ten million of the number."""


def by_hand(effects, thresholds, layer):
    """Salient interactions of one sample at a layer, strongest first: size, op, coalition."""
    every = ((abs(effects[layer, op, place]), op, place) for op in range(2) for place in range(1, effects.shape[-1]))
    return sorted((-size, op, place) for size, op, place in every if size > thresholds[layer])


def walked(effects, thresholds, layer, op, coalition):
    """First layer with this sign, begin and end of the stretch around the layer, last layer with this sign."""

    def here(at):
        effect = effects[at, op, coalition]
        return abs(effect) > thresholds[at] and (effect > 0) == (effects[layer, op, coalition] > 0)

    begin = end = layer
    while begin > 0 and here(begin - 1):
        begin -= 1
    while end + 1 < len(effects) and here(end + 1):
        end += 1
    alike = [at for at in range(len(effects)) if here(at)]
    return [alike[0], begin, end, alike[-1]]


def check(data, effects, thresholds, shown, count):
    """All that one sample's data say of its interactions."""
    for place, layer in enumerate(shown):
        expected = by_hand(effects, thresholds, layer)
        assert data["salient"][place] == len(expected)
        rows = data["strongest"][place]
        assert len(rows) == min(count, len(expected))
        for (_, op, coalition), (number, *stations) in zip(expected, rows, strict=False):
            assert data["found"][number][:2] == [op, coalition]
            assert stations == walked(effects, thresholds, layer, op, coalition)
    for op, coalition, course in data["found"]:
        expected = effects[shown, op, coalition]
        expected = np.where(np.abs(expected) > thresholds[shown], expected, 0.0)
        np.testing.assert_allclose(course, expected, rtol=HALF_A_DIGIT, atol=0)
    assert len({(op, coalition) for op, coalition, _ in data["found"]}) == len(data["found"])


@pytest.mark.parametrize("kind", ["table", "image", "custom"])
def test_the_strongest_are_the_strongest(kind):
    knowledge = tiny(kind)
    data = browser_data(knowledge, 0)
    assert data["layers"] == knowledge.layers
    np.testing.assert_allclose(data["units"], knowledge.normalisers()[0], rtol=HALF_A_DIGIT, atol=0)
    assert [sample["sample"] for sample in data["samples"]] == [0, 1, 2, 3]
    for sample in data["samples"]:
        effects, thresholds = knowledge.effects(sample["sample"])[0], knowledge.thresholds()[0]
        check(sample, effects, thresholds, data["shown"], module.MOST_KEPT)


def test_every_target_has_its_own():
    knowledge = tiny("table", 2)
    for target in range(2):
        effects, thresholds = knowledge.effects(1)[target], knowledge.thresholds()[target]
        check(browser_data(knowledge, target)["samples"][1], effects, thresholds, [0, 1, 2], module.MOST_KEPT)
        assert browser(knowledge, target).target == target


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("shown", "count"), [([0, 1, 2, 3, 4, 5, 6], 5), ([0, 3, 6], 2), ([6], 100)])
def test_lives_with_breaks_and_changes_of_sign(seed, shown, count):
    """Effects of few values are often tied, lost for a while or turned."""
    effects = np.random.default_rng(seed).integers(-2, 3, (7, 2, 8)).astype(np.float64)
    thresholds = np.full(7, 0.5)
    check(interactions(effects, thresholds, shown, count), effects, thresholds, shown, count)


def test_where_nothing_is_salient():
    data = interactions(np.zeros((3, 2, 8)), np.zeros(3), [0, 1, 2], 5)
    assert data == {"found": [], "strongest": [[], [], []], "salient": [0, 0, 0]}


def test_of_many_layers_some_can_be_picked(monkeypatch):
    monkeypatch.setattr(module, "MOST_LAYERS", 2)
    knowledge = tiny("table")
    data = browser_data(knowledge, 0)
    assert data["shown"] == [0, 2]
    assert browser(knowledge).layers == ("tanh1", "output")
    for sample in data["samples"]:
        check(sample, knowledge.effects(sample["sample"])[0], knowledge.thresholds()[0], [0, 2], module.MOST_KEPT)


def test_fewer_samples_where_the_data_would_be_too_large():
    knowledge = tiny("table")
    full = browser_data(knowledge, 0)["samples"]
    sizes = [len(json.dumps(sample, separators=(",", ":"))) for sample in full]
    assert browser_data(knowledge, 0, sum(sizes))["samples"] == full
    classes = [row[0] for row in knowledge.manifest["coords"]["target_class"]]
    twice = max(sample for sample in range(4) if classes[sample] in classes[:sample])
    three = browser_data(knowledge, 0, sum(sizes) - 1)["samples"]
    assert three == [sample for sample in full if sample["sample"] != twice]
    assert browser_data(knowledge, 0, 1)["samples"] == full[:1]


def test_targets_share_the_room(monkeypatch):
    one = tiny("table")
    most = sum(len(json.dumps(sample, separators=(",", ":"))) for sample in browser_data(one, 0)["samples"])
    monkeypatch.setattr(module, "MOST_LETTERS", most)
    assert len(browser(one).samples) == 4
    assert len(browser(tiny("table", 2)).samples) < 4


def test_samples_of_different_classes_come_first():
    knowledge = tiny("table")
    coords = knowledge.manifest["coords"] | {"target_class": [[5], [5], [2], [5]]}
    mixed = dataclasses.replace(knowledge, manifest=knowledge.manifest | {"coords": coords})
    assert [chosen_samples(mixed, 0, count) for count in range(1, 5)] == [[0], [0, 2], [0, 1, 2], [0, 1, 2, 3]]


def test_samples_are_told_by_class_and_answer():
    knowledge = tiny("table")
    coords = knowledge.manifest["coords"] | {"target_class": [[5], [5], [2], [5]], "predicted": [5, 1, 2, 5]}
    found = browser(dataclasses.replace(knowledge, manifest=knowledge.manifest | {"coords": coords}))
    assert found.samples[:2] == ("sample 0, class 5", "sample 1, class 5 (the network says 1)")


def test_a_row_says_its_values():
    knowledge = tiny("table")
    assert player_values(knowledge, 2) == [f"{value:.3g}" for value in knowledge.inputs(2)]
    assert player_values(tiny("image"), 0) is None
    assert player_values(tiny("custom"), 0) is None
    assert player_values(sentences(), 0) is None


def test_a_row_says_its_texts():
    """Those that the run holds, without the name that stands beside them."""
    knowledge = tiny("table")
    pieces = [["age 35", "hours many", "", "debt", "=1+1"]] * 4
    coords = knowledge.manifest["coords"] | {"pieces": pieces}
    told = dataclasses.replace(knowledge, manifest=knowledge.manifest | {"coords": coords})
    assert player_values(told, 0) == ["35", "many", "", "debt", "=1+1"]


def test_of_many_numbers_of_a_player_the_first_are_said(monkeypatch):
    knowledge = tiny("table")
    monkeypatch.setattr(type(knowledge), "owner", lambda self, sample: np.zeros(9, dtype=np.int64))
    monkeypatch.setattr(type(knowledge), "inputs", lambda self, sample: np.arange(9, dtype=np.float32))
    assert player_values(knowledge, 0)[0] == ", ".join([*map(str, range(MOST_VALUES)), "…"])


def test_a_sentence_is_told_by_its_words():
    knowledge = sentences()
    found = browser(knowledge)
    assert found.samples[0].endswith(": the unbelievably not bad film <b> end")
    sample = json.loads(found.data)["samples"][0]
    expected = [["the", -1], ["unbelievably", -1], ["not", 0], ["bad", 1], ["film", 2], ["<b>", 3], ["end", 4]]
    assert sample["sentence"] == expected
    assert sample["picture"] is sample["values"] is None


def test_an_image_is_told_by_its_picture():
    sample = json.loads(browser(tiny("image")).data)["samples"][0]
    assert (sample["picture"]["width"], sample["picture"]["height"]) == (6, 6)
    assert len(sample["picture"]["outlines"]) == len(sample["players"]) == 4
    assert sample["sentence"] is sample["values"] is None


def test_orders_are_those_that_occur():
    found = browser(tiny("table"))
    every = [entry for sample in json.loads(found.data)["samples"] for entry in sample["found"]]
    assert found.orders == tuple(sorted({bin(coalition).count("1") for _, coalition, _ in every}))


def test_hostile_names_are_kept_and_inert():
    found = browser(tiny("hostile"))
    assert not set("<>&\u2028\u2029") & set(found.data)
    data = json.loads(found.data)
    assert tuple(data["layers"]) == (*HOSTILE_LAYERS, "output")
    assert tuple(data["samples"][0]["players"]) == HOSTILE_PLAYERS


def test_a_layer_that_nothing_moves_has_no_unit():
    knowledge = tiny("table")
    still = [[0.0, *knowledge.manifest["normalisers"][0][1:]]]
    data = browser_data(dataclasses.replace(knowledge, manifest=knowledge.manifest | {"normalisers": still}), 0)
    assert data["units"][0] is None
    assert None not in data["units"][1:]


@pytest.mark.parametrize("number", [1.0, -123456.789, 1.2345678e-9, 3e30])
def test_seven_digits(number):
    assert compact(number) == pytest.approx(number, rel=HALF_A_DIGIT, abs=0)
