"""Several runs side by side, as data: names, differences, and numbers that are those of the results."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import layerlore as ll
from layerlore import History
from layerlore.errors import InputError
from layerlore.report.comparison import MOST_RUNS, compare
from layerlore.report.comparison_names import distinct, numbered, run_names
from layerlore.report.comparison_settings import THROUGH_DEPTH, THROUGH_TRAINING, differences, differing, in_short
from layerlore.report.comparison_training import compare_training, most_different, shared_layers, shared_measure
from report.comparing import coarse, longer, quick_trends, saved_runs
from report.histories import history, values
from report.tiny import tiny


@pytest.fixture(scope="module", autouse=True)
def _quick():
    with quick_trends():
        yield


@pytest.fixture(scope="module")
def depth():
    return compare([tiny("table"), coarse()], ["fine", "coarse"])


@pytest.fixture(scope="module")
def training():
    return compare([history(), longer()], ["short", "long"])


@given(st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=4)))
def test_no_two_names_are_alike(places):
    names = distinct([tuple(place) for place in places])
    assert len(set(names)) == len(names) == len(places)
    for name, place in zip(names, places, strict=True):
        whole = "/".join(place)
        assert whole.endswith(name.split(" (")[0])


@given(st.lists(st.sampled_from(["a", "a (2)", "a (2) (2)", "b"])))
def test_numbers_make_names_different(names):
    found = numbered(names)
    assert len(set(found)) == len(found)
    assert all(one.startswith(name) for one, name in zip(found, names, strict=True))


def test_folders_of_one_name_are_told_apart(tmp_path):
    results = [ll.load(place) for place in saved_runs(tmp_path)]
    assert run_names(results) == ["seed0/net", "seed1/net", "first", "second"]
    assert run_names([tiny("table"), longer(), history()]) == ["Net", "longer", "history"]


def test_the_same_settings_are_no_difference():
    assert differences({"a": tiny("table"), "b": tiny("table"), "c": history()}) == []


def test_settings_that_differ_are_named():
    found = differences({"fine": tiny("table"), "coarse": coarse(), "short": history(), "long": longer()})
    rows = {(row.half, row.name): row.values for row in found}
    assert rows[THROUGH_DEPTH, "split: kappa"] == {"fine": "0.04", "coarse": "0.2"}
    assert rows[THROUGH_TRAINING, "unit of a step"] == {"short": "step", "long": "round"}
    assert rows[THROUGH_TRAINING, "steps recorded"] == {"short": "18", "long": "36"}


def test_networks_are_no_settings():
    identity = tiny("table").manifest["identity"]
    other = {"network": "f" * 64, "probes": "e" * 64, "layers": ["x", "output"], "guides": [1, None]}
    made = dataclasses.replace(tiny("table"), manifest=tiny("table").manifest | {"identity": identity | other})
    assert differences({"a": tiny("table"), "b": made}) == []


def test_settings_of_other_kinds_stand_as_a_whole():
    rows = {"a": {"players": {"size": 3}, "only": {"x": 1}}, "b": {"players": {"names": ["x"]}}}
    assert differing(rows) == {
        "players": {"a": {"size": 3}, "b": {"names": ["x"]}},
        "only": {"a": {"x": 1}, "b": "not there"},
    }


def test_long_values_that_differ_look_different():
    one, two = [0] * 100, [0] * 99 + [1]
    assert in_short(one) != in_short(two)
    assert max(len(in_short(value)) for value in (one, two)) < 60


def test_salient_interactions_of_the_output(depth):
    for facts, knowledge in zip(depth.depth.facts, (tiny("table"), coarse()), strict=True):
        counts = knowledge.salient().sel(layer="output").isel(target=0).sum(("op", "coalition")).values
        assert facts.salient.value == counts.mean()
        assert facts.salient.low <= facts.salient.value <= facts.salient.high
        # 31 sets of players by AND, 26 of two or more by OR.
        assert facts.density == counts.mean() / 57
        assert facts.accuracy == next(
            row["validation_accuracy"] for row in knowledge.manifest["quality"] if row["layer"] == "output"
        )


def test_strength_is_what_the_ledger_says_of_the_later_layer(depth):
    for found, knowledge in zip(depth.depth.strengths, (tiny("table"), coarse()), strict=True):
        expected = knowledge.ledger().by_order.isel(target=0, layer=0)["all_later"].transpose("op", "order").values
        expected[1, 0] = np.nan
        # Sums of at most ten numbers in another order.
        np.testing.assert_allclose(found.strength, expected, rtol=1e-12)
        assert np.array_equal(np.isnan(found.low), np.isnan(expected))
        assert (found.low <= found.high)[~np.isnan(expected)].all()


def test_layers_stand_at_their_depth_with_their_shares(depth):
    for facts, course, knowledge in zip(depth.depth.facts, depth.depth.courses, (tiny("table"), coarse()), strict=True):
        total = knowledge.ledger().total.isel(target=0)
        assert [row.layer for row in facts.layers] == course.layers == ["tanh1", "tanh2"]
        assert course.depth.tolist() == [1 / 3, 2 / 3]
        for row in facts.layers:
            for name in ("completeness", "redundancy"):
                there = total.sel(layer=row.layer)
                found = getattr(row, name)
                assert [found.value, found.low, found.high] == [
                    float(there[name + end]) for end in ("", "_low", "_high")
                ]


def test_agreement_is_that_of_the_library(depth):
    expected = ll.agreement(tiny("table"), coarse(), pull=0.0).total.isel(pair=0).sel(op="all")
    (pair,) = depth.depth.pairs
    assert (pair.first, pair.second) == ("fine", "coarse")
    assert [pair.iou.value, pair.chance, pair.corrected.value, pair.corrected.high] == [
        float(expected[name]) for name in ("iou", "chance", "corrected", "corrected_high")
    ]
    assert depth.depth.why_not == ""


def test_why_there_is_no_agreement():
    found = compare([tiny("table"), tiny("custom")], ["named", "not named"])
    assert found.depth.agreement is None
    assert "'named' and 'not named' have different players" in found.depth.why_not
    alone = compare([tiny("table"), history()])
    assert alone.depth.why_not == "It takes two explanations."


def test_the_median_layer_over_relative_training(training):
    short, long = training.training.courses
    assert short.part.tolist() == [step / 18 for step in range(1, 19)]
    assert long.part.tolist() == [step / 360 for step in range(10, 370, 10)]
    for place, column in enumerate(values().T):
        finite = column[np.isfinite(column)]
        assert short.value[place] == np.median(finite)
        assert short.low[place] == np.quantile(finite, 0.25)
        assert short.high[place] == np.quantile(finite, 0.75)


def test_layers_with_the_same_name(training):
    found = training.training.layers
    assert [row.layer for row in found] == history().layers[:-2]
    assert training.training.n_layers == 24
    for row, course in zip(found, values(), strict=False):
        median = float(np.median(course[np.isfinite(course)]))
        assert row.medians == [median, 0.5 * median]
        assert row.ratio == 2.0 or (median == 0 and np.isnan(row.ratio))
    other = History.from_table(["x"], np.ones((1, 3)), measure="rwc_l1")
    assert shared_layers([history(), other], "rwc_l1") == []
    assert [row.layer for row in most_different(found, 1)] == [found[0].layer]


def test_trends_of_the_same_training_agree(training):
    (pair,) = training.training.trend_pairs
    # Half of every change is another unit, and no other course: the same groups.
    assert pair[:2] == ("short", "long")
    assert pair[2] == training.training.trends.mean > 0.9
    assert training.training.why_not == ""


def test_without_a_measure_in_common_nothing_is_set_side_by_side():
    other = History.from_table(["x", "y"], np.ones((2, 3)), measure="gradient_norm")
    assert shared_measure([history(), other]) == ""
    found = compare_training({"a": history(), "b": other})
    assert (found.measure, found.courses, found.layers, found.cells) == ("", [], [], {})
    assert found.facts[0].settling is None
    assert found.why_not == "the trends are of different measures (gradient_norm, rwc_l1)"


def test_the_measure_of_the_first_is_taken_where_all_have_it():
    made = history("small")
    both = History(made.data.assign(rotation=made.data["rwc_l1"]), made.manifest)
    alone = History(both.data[["rotation"]], made.manifest)
    assert shared_measure([both, alone]) == "rotation"
    assert shared_measure([both, both]) == "rwc_l1"


def test_json_has_everything_and_no_nan(depth, training):
    for found in (depth, training):
        text = json.dumps(found.to_json(), allow_nan=False)
        assert json.loads(text)["runs"] == list(found.results)
    told = depth.to_json()["depth"]
    assert told["agreement"][0]["iou"]["value"] == depth.depth.pairs[0].iou.value
    assert told["runs"][0]["layers"][0]["completeness"]["low"] == depth.depth.facts[0].layers[0].completeness.low
    rows = training.to_json()["training"]["layers"]
    assert rows[0]["medians"]["long"] == training.training.layers[0].medians[1]


@pytest.mark.parametrize("count", [0, 1, MOST_RUNS + 1])
def test_a_number_of_runs_that_cannot_be_compared(count):
    with pytest.raises(InputError, match=f"{count} runs were given: a comparison shows 2 to {MOST_RUNS}"):
        compare([history()] * count)


def test_each_run_needs_a_name():
    with pytest.raises(InputError, match="1 names were given for 2 runs"):
        compare([history(), longer()], ["one"])
