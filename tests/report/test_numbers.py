"""What the page says equals what the result holds."""

import base64
import dataclasses
import io
import json

import numpy as np
import pandas as pd
import pytest

from layerlore.interactions.salience import is_salient
from layerlore.report.depth_pass import depth_pass
from layerlore.report.page import render
from layerlore.report.summary import layer_facts, steps
from report.reading import read
from report.tiny import tiny

N_FIGURES = 6
"""Of each target; the probes have one for all."""


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


def item(page, kind):
    """The one sentence of a kind."""
    (found,) = (entry for entry in section(page, "summary").all("li") if entry.attributes.get("class") == kind)
    return found


def estimate(rows, name):
    return [float(rows[name + end]) for end in ("", "_low", "_high")]


def test_the_headline_is_a_sentence_of_the_ledger(knowledge, page):
    total = knowledge.ledger().total.isel(target=0, layer=1)
    (headline,) = page.all("p", class_="headline")
    assert headline.numbers() == estimate(total, "completeness") + estimate(total, "redundancy")
    assert headline.words.startswith("tanh2 already holds ")
    assert headline.words.endswith("of its own strength is forgotten later.")


def test_the_rise_is_that_of_neighbours(knowledge, page):
    first, second = (knowledge.ledger().total.isel(target=0, layer=row) for row in (0, 1))
    assert float(second.completeness) > float(first.completeness)
    sentence = item(page, "rise")
    assert sentence.numbers() == estimate(first, "completeness") + estimate(second, "completeness")
    apart = float(first.completeness_high) < float(second.completeness_low)
    assert ("rises" in sentence.words.replace("whether it rises", "")) == apart
    assert ("not settled" in sentence.words) == (not apart)


def test_who_holds_more_than_half(knowledge, page):
    rows = [knowledge.ledger().total.isel(target=0, layer=row) for row in (0, 1)]
    above = [float(row.completeness_low) > 0.5 for row in rows]
    first = 0 if all(above) else 1 if above[1] else None
    values = [float(row.completeness) for row in rows]
    shown = int(np.argmax(values)) if first is None else first + int(np.argmin(values[first:]))
    sentence = item(page, "holding")
    assert sentence.numbers() == estimate(rows[shown], "completeness")
    assert sentence.words.startswith("From no layer on" if first is None else f"From tanh{first + 1} on")


def test_who_forgets_most(knowledge, page):
    rows = [knowledge.ledger().total.isel(target=0, layer=row) for row in (0, 1)]
    most, other = sorted(rows, key=lambda row: -float(row.redundancy))
    rivals = [1.0] * (float(other.redundancy_high) >= float(most.redundancy_low))
    assert item(page, "forgetting").numbers() == estimate(most, "redundancy") + rivals
    assert ("no other layer's interval" in item(page, "forgetting").words) == (not rivals)


def test_shares_of_simple_interactions_and_lengths_of_lives(knowledge, page):
    orders = knowledge.ledger().by_order.isel(target=0)
    strength = orders.all_later.isel(layer=-1).sum("op")
    shown = item(page, "simple").numbers()
    assert shown[0] == pytest.approx(float(strength.sel(order=[1, 2]).sum() / strength.sum()), rel=1e-12)
    few = orders.isel(layer=0).sel(order=[1, 2]).sum()
    assert shown[3] == pytest.approx(float(few.overlap / few.all_later), rel=1e-12)
    before = knowledge.survival().isel(target=0, layer=slice(None, -1))
    lasting = [
        float((before.appearing * before[name].fillna(0)).sum() / before.appearing.sum())
        for name in ("layers", "reaching_output")
    ]
    assert item(page, "lives").numbers()[::3] == pytest.approx(lasting, rel=1e-12)


def test_what_probes_read_and_what_is_certified(knowledge, page):
    rows = {row["layer"]: row["validation_accuracy"] for row in knowledge.manifest["quality"]}
    accuracies = [rows[name] for name in ("tanh1", "tanh2", "output")]
    assert item(page, "reading").numbers() == [*accuracies, knowledge.manifest["chance"]]
    assert item(page, "certified").numbers() == [float(knowledge.data.aligned_gap.max())]
    counts = knowledge.salient().isel(target=0, layer=-1).sum(("op", "coalition"))
    errors = knowledge.rebuild_error().with_delta.isel(target=0, layer=-1)
    assert item(page, "salient").numbers()[::3] == [float(counts.mean()), float(errors.median())]


def test_no_number_of_a_sentence_stands_without_its_value(page):
    """Names of layers may hold digits; all others belong to a number that machines can read."""
    for sentence in section(page, "summary").all("li") + page.all("p", class_="headline"):
        kept = sentence.text
        for part in sentence.all("data") + sentence.all("span", class_="name"):
            kept = kept.replace(part.text, "", 1)
        assert not any(letter.isdigit() for letter in kept), kept


def test_the_table_of_lives(knowledge, page):
    rows = page.all("table", class_="lives-table")[0].all("tbody")[0].all("tr")
    survival = knowledge.survival().isel(target=0)
    assert [row.all("td")[0].text for row in rows] == knowledge.layers
    for depth, row in enumerate(rows):
        here = survival.isel(layer=depth)
        staying = float((here.appearing * here.reaching_output.fillna(0)).sum())
        appearing = float(here.appearing.sum())
        lasting = float((here.appearing * here.layers.fillna(0)).sum()) / appearing if appearing else float("nan")
        assert row.numbers() == pytest.approx(
            [staying, appearing - staying, lasting], rel=1e-12, abs=1e-15, nan_ok=True
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
    probes = json.loads(section(page, "probes").all("script", class_="figure-data")[0].text)
    assert probes["data"][1]["y"] == [row["validation_accuracy"] for row in knowledge.manifest["quality"][:2]]
    assert len(page.all("div", class_="plot")) == len(page.all("script", class_="figure-data")) == 1 + N_FIGURES


def test_every_figure_hands_out_its_numbers(page):
    """All that a figure draws stands in its table, in full."""
    for figure in page.all("figure"):
        drawn = json.loads(figure.all("script", class_="figure-data")[0].text)["data"]
        table = pd.read_csv(io.StringIO(json.loads(figure.all("script", class_="csv-data")[0].text)))
        kept = set(table.select_dtypes("number").to_numpy().ravel().tolist())
        shown = {y for trace in drawn for y in plain(trace["y"])}
        assert shown - kept == set()
        assert shown


def plain(values):
    """Numbers of a trace; plotly packs arrays as bytes."""
    if isinstance(values, dict):
        values = np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"]).tolist()
    return [value for value in values if value is not None and value == value]


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
    assert len(found.all("div", class_="plot")) == 1 + 2 * N_FIGURES
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
    facts = layer_facts(knowledge, depth_pass(knowledge))
    errors = knowledge.rebuild_error().with_delta.values[:, 0]
    assert [fact.rebuild_error.value for fact in facts] == np.median(errors, axis=0).tolist()
