"""Stability and agreement are shown where they lie with the run and belong to it."""

import dataclasses
import json

import pytest

from layerlore.interactions.knowledge import Knowledge
from layerlore.report.depth_beside import AGREEMENT, STABILITY, Beside, beside
from layerlore.report.page import render
from report.measured_again import shared, steady
from report.reading import read


@pytest.fixture
def run(tmp_path, knowledge):
    knowledge.save(tmp_path / "study" / "mlp")
    return Knowledge.load(tmp_path / "study" / "mlp")


def test_nothing_lies_with_a_run_in_memory(knowledge):
    assert beside(knowledge) == Beside(None, None, ())


@pytest.mark.parametrize("inside", [True, False])
def test_both_are_found_in_the_run_or_beside_it(run, inside):
    folder = run.path if inside else run.path.parent
    steady(run).save(folder / (STABILITY if inside else f"mlp_{STABILITY}"))
    shared(run).save(folder / AGREEMENT)
    found = beside(run)
    assert found.notes == ()
    assert found.stability is not None
    assert found.stability.layers == ["tanh2", "output"]
    assert found.agreement is not None
    assert found.agreement.names == ("mlp", "vgg", "resnet")


def test_nothing_is_looked_for_outside_of_a_folder(run):
    study = run.path.parent
    steady(run).save(study / f"mlp_{STABILITY}")
    shared(run).save(study / AGREEMENT)
    assert None not in (beside(run, study).stability, beside(run, study).agreement)
    assert beside(run, run.path) == Beside(None, None, ())
    (run.path / STABILITY).symlink_to(study / f"mlp_{STABILITY}")
    assert beside(run, run.path).stability is None
    assert beside(run, study).stability is not None


def test_they_are_shown_with_their_numbers(run):
    steady(run).save(run.path / STABILITY)
    shared(run).save(run.path / AGREEMENT)
    page = read(render(run))
    assert not page.all("p", id="not-measured")
    noise, networks = (page.all("section", id=name)[0] for name in ("steady", "agreement"))
    assert "0.02 was added to the inputs, 5 times" in noise.words
    assert "mlp at tanh2, vgg at conv and resnet at the output" in networks.words
    for section in (noise, networks):
        assert len(section.all("div", class_="plot")) == len(section.all("button", class_="csv")) == 2
    table = json.loads(noise.all("script", class_="csv-data")[0].text)
    assert repr(float(steady(run).by_order["mean"].values[0, 0, 0])) in table
    # Contents name what is there.
    assert {"#steady", "#agreement"} <= {link.attributes["href"] for link in page.all("nav")[0].all("a")}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"network": "f" * 64}, "stability.json is of another explanation (network: asked"),
        ({"inputs": "f" * 64}, "stability.json is of another explanation (inputs: asked"),
    ],
)
def test_a_stability_of_something_else_is_named_and_not_shown(run, changes, words):
    steady(run, **changes).save(run.path / STABILITY)
    found = beside(run)
    assert found.stability is None
    assert found.notes[0].startswith(words)
    warnings = read(render(run)).all("section", id="warnings")[0]
    assert found.notes[0] in [item.text for item in warnings.all("li")]


def test_other_splits_are_another_explanation(run):
    other = steady(run)
    other.settings["split"] = other.settings["split"] | {"kappa": 0.5}
    other.save(run.path / STABILITY)
    assert beside(run).stability is None


@pytest.mark.parametrize("changes", [{"n_samples": 5}, {"layers": {"mlp": "elsewhere"}}])
def test_an_agreement_of_other_samples_or_layers_is_named(run, changes):
    shared(run, **changes).save(run.path / AGREEMENT)
    found = beside(run)
    assert found.agreement is None
    assert found.notes[0].startswith("agreement.json is of another explanation (")


def test_a_study_may_leave_a_run_out(run):
    dataclasses.replace(shared(run), names=("one", "two", "three")).save(run.path.parent / AGREEMENT)
    assert (beside(run).agreement, beside(run).notes) == (None, ())


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"kind": "Stability", "format": 1, "data": {}, "settings": {}}'])
def test_a_damaged_file_stops_no_page_and_names_no_folder(run, text):
    (run.path / STABILITY).write_text(text)
    found = beside(run)
    assert found.stability is None
    assert found.notes == ("stability.json is damaged or holds something else, and is not shown: make it again",)
    steady(run).save(run.path / STABILITY)
    (run.path / AGREEMENT).write_text(text)
    assert beside(run).stability is not None
    assert len(beside(run).notes) == 1
