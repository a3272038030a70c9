"""Accuracies and certified gaps, as the run holds them."""

import dataclasses

import numpy as np

from layerlore.figures import accuracies, certified_gaps, gaps_figure, probes_figure


def test_accuracies_are_those_of_the_manifest(knowledge):
    found = accuracies(knowledge)
    rows = knowledge.manifest["quality"]
    assert found["layer"] == ["tanh1", "tanh2"]
    assert found["validation"] == [rows[0]["validation_accuracy"], rows[1]["validation_accuracy"]]
    assert found["train"] == [rows[0]["train_accuracy"], rows[1]["train_accuracy"]]
    assert rows[2]["layer"] == "output"
    assert found["network_validation"] == rows[2]["validation_accuracy"]
    assert found["chance"] == knowledge.manifest["chance"]


def test_the_probes_figure_has_both_parts_and_both_lines(knowledge):
    train, validation, network, chance = probes_figure(knowledge).data
    found = accuracies(knowledge)
    assert (list(train.y), list(validation.y)) == (found["train"], found["validation"])
    assert set(network.y) == {found["network_validation"]}
    assert set(chance.y) == {found["chance"]}


def test_gaps_are_of_the_problem_that_was_solved(knowledge):
    data = knowledge.data.copy()
    data["aligned_gap"] = data["aligned_gap"].copy()
    data["aligned_gap"][:, :, 2] = np.nan
    found = certified_gaps(dataclasses.replace(knowledge, data=data))
    np.testing.assert_array_equal(found[:, :2], knowledge.data.aligned_gap.values[:, 0, :2])
    np.testing.assert_array_equal(found[:, 2], knowledge.data.gap.values[:, 0, 2])


def test_every_game_is_a_point(knowledge):
    figure = gaps_figure(knowledge)
    gaps = certified_gaps(knowledge)
    for depth, strip in enumerate(figure.data):
        np.testing.assert_array_equal(strip.y, gaps[:, depth])
        assert set(strip.x) == {depth}
    assert figure.layout.shapes[0].y0 == knowledge.split_settings.tolerance
    assert figure.layout.yaxis.range[1] > max(gaps.max(), knowledge.split_settings.tolerance)
