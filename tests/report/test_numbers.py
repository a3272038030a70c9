"""What the page says equals what the result holds."""

import dataclasses
import json

import numpy as np
import pytest

from layerlore.interactions.salience import is_salient
from layerlore.report.page import render
from layerlore.report.summary import layer_facts, steps
from report.reading import read
from report.tiny import tiny


def section(page, name):
    return page.all("section", id=name)[0]


def test_sentences_hold_the_numbers_of_the_ledger(knowledge, page):
    total = knowledge.ledger().total.isel(target=0)
    sentences = [item for item in section(page, "summary").all("li") if item.attributes.get("class") == "step"]
    assert len(sentences) == 2
    for row, sentence in enumerate(sentences):
        names = [name + end for name in ("completeness", "redundancy") for end in ("", "_low", "_high")]
        names += ["ceiling_completeness", "ceiling_redundancy", "floor_completeness", "floor_redundancy"]
        assert sentence.numbers() == [float(total[name][row]) for name in names]


def test_a_sentence_reads_well(knowledge, page):
    total = knowledge.ledger().total.isel(target=0, layer=0)
    shown = {str(name): f"{100 * float(total[name]):.0f}" for name in total}
    sentence = next(item for item in section(page, "summary").all("li") if item.attributes.get("class") == "step")
    assert sentence.words == (
        f"tanh1 already holds {shown['completeness']} % "
        f"[{shown['completeness_low']}, {shown['completeness_high']}] of what the output uses; "
        f"{shown['redundancy']} % [{shown['redundancy_low']}, {shown['redundancy_high']}] of its own strength is "
        "forgotten on the way to the output. "
        f"(A layer in full agreement would show {shown['ceiling_completeness']} % and "
        f"{shown['ceiling_redundancy']} %, an unrelated one {shown['floor_completeness']} % and "
        f"{shown['floor_redundancy']} %.)"
    )


def test_the_table_of_layers(knowledge, page):
    rows = page.all("table", class_="layers-table")[0].all("tbody")[0].all("tr")
    assert [row.all("td")[0].text for row in rows] == knowledge.layers
    for depth, row in enumerate(rows):
        counts = [
            int(is_salient(knowledge.effects(sample), knowledge.thresholds())[0, depth].sum()) for sample in range(4)
        ]
        errors = knowledge.rebuild_error().with_delta.values[:, 0, depth]
        mean, low, high, median, error_low, error_high, gap = row.numbers()
        assert (mean, median) == (pytest.approx(np.mean(counts)), pytest.approx(np.median(errors)))
        assert min(counts) <= low <= mean <= high <= max(counts)
        assert errors.min() <= error_low <= median <= error_high <= errors.max()
        assert gap == knowledge.data.aligned_gap.values[:, 0, depth].max()


def test_the_table_of_probes(knowledge, page):
    rows = page.all("table", class_="probes-table")[0].all("tbody")[0].all("tr")
    names = ("train_accuracy", "validation_accuracy", "train_loss", "validation_loss")
    assert [row.numbers() for row in rows] == [
        [found[name] for name in names] for found in knowledge.manifest["quality"]
    ]


def test_what_was_measured(knowledge, page):
    entry = section(page, "measured").all("dl")[0]
    rows = {term.text: words.text for term, words in zip(entry.all("dt"), entry.all("dd"), strict=True)}
    assert rows["masked inputs"] == "2^5 = 32 coalitions of each sample"
    assert rows["score"] == "log-odds of the target class"
    assert rows["baseline"] == "mean"
    assert "kappa 0.04, pull 0.1, tolerance 2.0 %" in rows["splits"]
    converged = int(knowledge.data.converged.values.sum())
    worst = 100 * float(knowledge.data.aligned_gap.values.max())
    assert rows["games solved"].startswith(
        f"12 (one for each sample, target and layer), {converged} within the tolerance; worst"
    )
    assert f"worst certified gap {worst:.2f} %" in rows["games solved"]
    assert f"torch {knowledge.manifest['versions']['torch']}" in rows["versions"]


def test_figures_in_the_page_are_those_of_the_result(knowledge, page):
    probes = json.loads(section(page, "probes").all("script")[0].text)
    assert probes["data"][1]["y"] == [row["validation_accuracy"] for row in knowledge.manifest["quality"][:2]]
    assert len(page.all("div", class_="plot")) == len(page.all("script", class_="figure-data")) == 5


def test_warnings_come_before_everything_else(knowledge):
    notes = ["the probe of layer 'tanh1' is no better than chance", "<b>second</b>"]
    noted = dataclasses.replace(knowledge, manifest=knowledge.manifest | {"notes": notes})
    found = read(render(noted))
    assert found.all("section")[0].attributes["id"] == "warnings"
    items = [item.text for item in found.all("section")[0].all("li")]
    assert items[:2] == notes
    assert items[2].startswith("Only 4 samples")


def test_every_target_has_its_own_numbers():
    both = tiny("table", 2)
    found = read(render(both))
    assert [entry.text for entry in section(found, "summary").all("h3")] == ["target 0", "target 1"]
    assert len(found.all("div", class_="plot")) == 1 + 2 * 4
    sentences = [item for item in section(found, "summary").all("li") if item.attributes.get("class") == "step"]
    values = both.ledger().total.completeness.values.ravel()
    assert [sentence.numbers()[0] for sentence in sentences] == values.tolist()


@pytest.mark.parametrize(
    ("reference", "pairs"),
    [
        ("final", [("tanh1", "output"), ("tanh2", "output")]),
        ("previous", [("tanh1", "tanh2"), ("tanh2", "output")]),
        ("tanh2", [("tanh1", "tanh2"), ("tanh2", "output")]),
    ],
)
def test_steps_name_the_earlier_layer_first(knowledge, reference, pairs):
    assert [(step.earlier, step.later) for step in steps(knowledge.ledger(reference), knowledge.layers)] == pairs


def test_undefined_numbers_are_called_undefined(knowledge):
    manifest = knowledge.manifest | {"normalisers": [[0.0, *knowledge.normalisers()[0, 1:].tolist()]]}
    found = read(render(dataclasses.replace(knowledge, manifest=manifest)))
    sentence = next(item for item in section(found, "summary").all("li") if item.attributes.get("class") == "step")
    assert "undefined" in sentence.words or "nothing is salient" in sentence.words
    assert "nan" not in sentence.words


def test_a_median_is_not_moved_by_one_sample(knowledge):
    facts = layer_facts(knowledge)
    errors = knowledge.rebuild_error().with_delta.values[:, 0]
    assert [fact.rebuild_error.value for fact in facts] == np.median(errors, axis=0).tolist()
