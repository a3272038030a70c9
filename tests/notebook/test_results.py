"""What results show of themselves in a notebook: every number is the result's own."""

import json
import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.utils.data import TensorDataset

import layerlore as ll
from layerlore.errors import LayerLoreWarning
from layerlore.interactions.salience import OPS
from report.histories import ATTACK, HOSTILE, history, trends
from report.reading import read
from report.tiny import HOSTILE_LAYERS, PLAYERS, network, tiny


def shown(result):
    """Headline, notes, and the table as a list of dictionaries."""
    page = read(result._repr_html_())
    assert {element.tag for element in page.all()} <= {"div", "p", "b", "table", "thead", "tbody", "tr", "th", "td"}
    names = [cell.words for cell in page.all("th")]
    rows = [[cell.words for cell in row.all("td")] for body in page.all("tbody") for row in body.all("tr")]
    notes = [part.words for part in page.all("p") if part.words.startswith("Note: ")]
    return page.all("p")[0].words, notes, [dict(zip(names, row, strict=True)) for row in rows]


def number(value):
    return f"{value:.3g}" if math.isfinite(value) else "-"


def decimals(value, digits=2):
    return f"{value:.{digits}f}" if math.isfinite(value) else "-"


def between(value, low, high):
    ends = f" [{low:.2f}, {high:.2f}]" if np.isfinite([value, low, high]).all() else ""
    return decimals(value) + ends


@pytest.mark.parametrize("kind", ["table", "hostile"])
def test_knowledge(kind):
    knowledge = tiny(kind)
    title, _, rows = shown(knowledge)
    name = knowledge.manifest["settings"]["network"]
    assert title == f"Knowledge: what 3 layers of {name} hold about 4 samples of 5 players"
    assert [row["layer"] for row in rows] == knowledge.layers
    scores = knowledge.data["scores"].values[:, 0]
    units = np.abs(scores[..., -1] - scores[..., 0]).mean(0)
    largest = np.abs(knowledge.data["effects"].values[:, 0]).max((0, 2, 3))
    gaps = knowledge.data["aligned_gap"].values[:, 0].max(0)
    for place, row in enumerate(rows):
        assert row["probe accuracy"] == decimals(knowledge.manifest["quality"][place]["validation_accuracy"], 3)
        assert row["unit"] == number(units[place])
        assert row["salient above"] == number(0.05 * largest[place])
        assert row["worst gap"] == f"{100 * gaps[place]:.2f} %"


def test_knowledge_of_several_targets_and_with_notes():
    knowledge = tiny("table", 2)
    rows = shown(knowledge)[2]
    assert [(row["target"], row["layer"]) for row in rows] == [
        (target, layer) for target in ("target 0", "target 1") for layer in knowledge.layers
    ]
    assert rows[4]["unit"] == number(knowledge.normalisers()[1, 1])
    noted = ll.Knowledge(knowledge.data, knowledge.manifest | {"notes": [ATTACK]}, knowledge._run)
    assert shown(noted)[1] == [f"Note: {ATTACK}"]


@pytest.mark.parametrize("n_targets", [1, 2])
def test_ledger(n_targets):
    ledger = tiny("table", n_targets).ledger()
    title, _, rows = shown(ledger)
    assert title == "Ledger: what the layers share with the output, with 95 % intervals"
    cells = [(target, layer) for target in ledger.total.target.values for layer in ledger.total.layer.values]
    assert len(rows) == len(cells)
    for row, (target, layer) in zip(rows, cells, strict=True):
        cell = ledger.total.sel(target=target, layer=layer)
        assert (row.get("target", target), row["layer"]) == (target, layer)
        for name in ("completeness", "redundancy"):
            assert row[name] == between(*(float(cell[name + end]) for end in ("", "_low", "_high")))
        assert row["ceiling"] == decimals(float(cell["ceiling_completeness"]))
        assert row["floor"] == decimals(float(cell["floor_completeness"]))


@pytest.fixture(scope="module")
def model_and_data():
    torch.manual_seed(0)
    inputs = torch.randn(120, 5)
    labels = inputs[:, :3].argmax(1)
    return network((5,), HOSTILE_LAYERS, "Net"), TensorDataset(inputs, labels)


@pytest.fixture(scope="module")
def probes(model_and_data):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LayerLoreWarning)
        return ll.fit_probes(model_and_data[0], list(HOSTILE_LAYERS), model_and_data[1])


def test_probes(probes):
    title, _, rows = shown(probes)
    assert title == (
        f"Probes: 2 layers, 3 outputs, {probes.n_validation} samples for validation; always answering the commonest "
        f"class gives {probes.chance:.3f}"
    )
    assert [row["layer"] for row in rows] == [*HOSTILE_LAYERS, "output"]
    for row, probe in zip(rows, probes, strict=False):
        assert row["accuracy, training"] == decimals(probe.quality.train_accuracy, 3)
        assert row["accuracy, validation"] == decimals(probe.quality.validation_accuracy, 3)
        assert row["penalty"] == number(probe.penalty)
        assert row["converged"] == ("yes" if probe.converged else "no")
    assert rows[-1]["accuracy, validation"] == decimals(probes.network.validation_accuracy, 3)


def test_probes_that_say_little_are_named(probes):
    first = replace(probes.probes[0], converged=False)
    notes = shown(replace(probes, probes=(first, *probes.probes[1:]), chance=1.0))[1]
    assert [("no better than chance" in note, "did not reach its tolerance" in note) for note in notes] == [
        (True, False), (True, False), (False, True),
    ]  # fmt: skip
    assert all(repr(HOSTILE_LAYERS[0]) in notes[place] for place in (0, 2))


def test_agreement():
    # Layers of one network stand for networks that differ.
    same, layers = [tiny("table")] * 3, ["tanh1", "tanh2", "output"]
    found = ll.agreement(*same, layers=layers, names=["a", "<b>", "c"], resamples=20)
    title, _, rows = shown(found)
    assert title == "Agreement: 3 networks, 4 samples"
    assert [(row["network"], row["and"]) for row in rows] == [("a", "<b>"), ("a", "c"), ("<b>", "c")]
    total = found.total.sel(op="all")
    assert all(row["shared"] != row["corrected"] for row in rows)
    for pair, row in enumerate(rows):
        for column, name in (("shared", "iou"), ("corrected", "corrected"), ("by strength", "weighted")):
            assert row[column] == between(*(float(total[name + end][pair]) for end in ("", "_low", "_high")))
        assert row["chance"] == decimals(float(total["chance"][pair]))
        assert row["sets"] == str(int(total["n_defined"][pair]))


def test_stability(model_and_data, probes):
    model, data = model_and_data
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LayerLoreWarning)
        found = ll.stability(
            model, probes, data.tensors[0][:2], data.tensors[1][:2], players=PLAYERS["table"], draws=3, resamples=5
        )
    title, _, rows = shown(found)
    assert title == "Stability: 3 draws of noise, sigma 0.02"
    assert [(row["layer"], row["op"]) for row in rows] == [(layer, op) for layer in found.layers for op in OPS]
    for row in rows:
        cell = found.by_order.sel(layer=row["layer"], op=row["op"])
        for order in range(1, 6):
            assert row[f"order {order}"] == number(float(cell["aligned_median"].sel(order=order)))
        assert row["effects"] == str(int(cell["n_effects"].values.sum()))


@pytest.mark.parametrize("kind", ["plain", "hostile", "small"])
def test_history(kind):
    found = history(kind)
    title, notes, rows = shown(found)
    unit = "<i>lap</i>" if kind == "hostile" else "step"
    assert title == f"History: {len(found.layers)} layers, 18 records, {unit} 1 to 18; relative weight change, L1"
    assert notes == ([f"Note: {ATTACK}"] if kind == "hostile" else [])
    assert len(rows) == min(12, len(found.layers))
    names = [row["layer"] for row in rows]
    assert (names[0], names[-1]) == (found.layers[0], found.layers[-1])
    for row in rows:
        # A name shows the separator of lines that it holds as a space.
        values = found.values()[[" ".join(layer.split()) for layer in found.layers].index(row["layer"])]
        assert row["median"] == number(np.median(values[np.isfinite(values)]))
        assert row[f"at {unit} 1"] == number(values[0])
        assert row[f"at {unit} 18"] == number(values[-1])


def test_a_history_that_is_still_recorded_says_so():
    small = history("small")
    open_one = ll.History(small.data, small.manifest | {"finished": False})
    assert shown(open_one)[1] == ["Note: this run is still being recorded, or was stopped after step 18"]


def test_health():
    found = ll.check_history(history())
    title, _, rows = shown(found)
    assert title == f"Health: 0 errors, {found.count('warning')} warning, 0 notes"
    (finding,) = found.findings
    assert [*rows[0].values()] == ["warning", "frozen", finding.layer, "-", finding.evidence]
    many = ll.Health([replace(finding, step=step) for step in range(30)], found.checked)
    assert [row["step"] for row in shown(many)[2]] == [str(step) for step in range(12)]
    assert shown(ll.Health([], {"checks": ["gap"]}))[0] == "Health: 0 errors, 0 warnings, 0 notes"


@pytest.mark.parametrize("kind", ["plain", "hostile"])
def test_trends(kind):
    found = trends(kind)
    title, _, rows = shown(found)
    low, high = found.stability_interval
    assert title.endswith(f"stability {found.stability:.2f} [{low:.2f}, {high:.2f}]")
    assert {row["group"]: int(row["layers"]) for row in rows} == {
        name: len(members) for name, members in found.groups.items() if members
    }
    for row, stable in zip(rows, found.cluster_stability, strict=False):
        assert row["stability"] == decimals(stable)
    assert found.groups["trend 0"][0] in rows[0]["members"]
    if kind == "hostile":
        assert HOSTILE[0] in rows[0]["members"]


@pytest.mark.parametrize("as_torch", [False, True])
def test_split(as_torch):
    games = np.random.default_rng(0).standard_normal((3, 16))
    found = ll.sparsest(torch.from_numpy(games) if as_torch else games)
    title, _, rows = shown(found)
    assert title == f"Split: 3 games of 4 players, {int(np.asarray(found.converged).sum())} within the tolerance"
    objective = np.sort(np.asarray(found.objective))
    assert [*rows[0].values()][1:] == [number(value) for value in objective]
    assert [*rows[1].values()][1:] == [number(value) for value in np.sort(np.asarray(found.gap))]


def test_a_card_is_cheap_and_can_be_kept_in_a_notebook(monkeypatch):
    # The ledger of a large run takes its time: nobody asked for it by naming the result at the end of a cell.
    monkeypatch.setattr(ll.Knowledge, "ledger", None)
    monkeypatch.setattr(ll.Knowledge, "effects", None)
    assert json.dumps(tiny("table")._repr_html_())


def test_what_a_console_shows_is_one_line(probes):
    """Arrays and tables are asked for by name; nobody wants them in the way of the next line."""
    ledger = tiny("table", 2).ledger()
    games = np.zeros((3, 2, 16))
    assert repr(ledger) == "Ledger(2 targets; compared with final; layers tanh1, tanh2)"
    assert repr(probes) == f"Probes(2 layers, 3 outputs; layers {', '.join(HOSTILE_LAYERS)})"
    assert repr(ll.sparsest(games)) == "Split(games (3, 2) of 4 players)"
    assert repr(ll.sparsest(torch.zeros(8))) == "Split(one game of 3 players)"
