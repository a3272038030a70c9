"""`layerlore show`: what is printed is what the result holds: in terminals of any width, in a pipe, as JSON and CSV."""

import csv
import importlib
import io
import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from layerlore import History
from layerlore.cli.app import app
from layerlore.cli.for_scripts import print_csv
from layerlore.cli.training_tables import MOST_LAYERS, changes_table, line_words
from layerlore.dynamics.health import check_history
from layerlore.report.training_summary import layer_changes
from layerlore.storage import write_json
from layerlore.zoo.studies.result import Study
from layerlore.zoo.studies.verdict import Statement, undecided
from report.histories import ATTACK, HOSTILE, history
from report.tiny import HOSTILE_LAYERS, tiny

FORMULAS = ("=1+1", "+a", "-b", "@c", "\t=d", "\r=e")


def show(*words, code=0):
    result = CliRunner().invoke(app, ["show", *map(str, words)])
    assert result.exit_code == code, result.output
    return result.stdout if code == 0 else result.stderr


def strict(text):
    def refuse(word):
        raise AssertionError(word)

    return json.loads(text, parse_constant=refuse)


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.fixture
def depth(tmp_path):
    tiny("table").save(tmp_path / "depth")
    return tmp_path / "depth"


@pytest.fixture
def training(tmp_path):
    history().save(tmp_path / "training")
    return tmp_path / "training"


@pytest.fixture
def study(tmp_path):
    claims = tuple(
        undecided(Statement(f"claim{number}", text, "someone", "mlp7"), "nothing was measured")
        for number, text in enumerate(("low orders are stronger", '=cmd, "quoted"'))
    )
    found = Study("layerwise", "layerlore study layerwise", {}, {}, ({"name": "mlp7"},), claims, notes=("few samples",))
    return found.save(tmp_path / "study").path


@pytest.fixture
def terminal(monkeypatch):
    """What a terminal of some width gets; rich takes the pipe of a test for one."""

    def printed(width, *words):
        monkeypatch.setenv("COLUMNS", str(width))
        monkeypatch.setenv("TTY_COMPATIBLE", "1")
        monkeypatch.setenv("NO_COLOR", "1")
        return re.sub(r"\x1b\[\d*m", "", show(*words)).splitlines()

    return printed


def test_the_ledger_is_that_of_the_result(depth):
    printed = show(depth)
    knowledge, total = tiny("table"), tiny("table").ledger().total
    for layer in ("tanh1", "tanh2"):
        (line,) = [line for line in printed.splitlines() if line.split()[:1] == [layer]]
        cell = total.sel(layer=layer).isel(target=0)
        for name in ("completeness", "redundancy"):
            low, high = float(cell[f"{name}_low"]), float(cell[f"{name}_high"])
            assert f"{float(cell[name]):.2f} [{low:.2f}, {high:.2f}]" in line
    assert "through depth, from tanh1 to tanh2" in printed
    strength = knowledge.ledger().by_order["all_earlier"].isel(target=0).sum("op")
    top = float(strength.max())
    for order in range(1, 6):
        values = strength.sel(order=order).values
        expected = "".join("▁▂▃▄▅▆▇█"[round(7 * value / top)] for value in values)
        assert re.search(rf"strength of order {order} +{expected} +0 to {top:.3g}", printed)
    assert f"all 2**5 = {2**5} coalitions of every sample were scored" in printed
    assert printed.endswith(f"next: layerlore report {depth}\n")


def test_json_of_a_run_through_depth_is_the_result(depth):
    found = strict(show(depth, "--json"))
    knowledge = tiny("table")
    assert (found["kind"], found["run"], found["name"]) == ("knowledge", str(depth), "Net")
    assert {key: found[key] for key in knowledge.to_json()} == knowledge.to_json()
    gaps = knowledge.data["aligned_gap"].values
    assert found["certificate"]["worst_gap"] == gaps.max()
    assert found["certificate"]["splits"] == gaps.size
    assert found["certificate"]["met"] == int(knowledge.data["converged"].values.sum())


def test_csv_of_a_run_through_depth_is_the_ledger(depth):
    found = pd.read_csv(io.StringIO(show(depth, "--csv")))
    ledger = tiny("table").ledger()
    total = found[found["op"] == "all"].drop(columns=["op", "order"]).reset_index(drop=True)
    pd.testing.assert_frame_equal(total, ledger.total.to_dataframe().reset_index()[list(total)], check_exact=True)
    by_order = found[found["op"] != "all"].astype({"order": int}).reset_index(drop=True)
    pd.testing.assert_frame_equal(by_order, ledger.to_dataframe()[list(by_order)], check_exact=True)


def test_every_layer_of_a_training_is_there(training):
    printed, found = show(training), history()
    for layer in layer_changes(found):
        (line,) = [line for line in printed.splitlines() if line.split()[:2] == [layer.layer, layer.kind]]
        expected = [f"{layer.size:,}", *(f"{value:.3g}" for value in (layer.median, layer.first, layer.last))]
        assert line.split()[2:6] == expected
    (jumpy,) = [line for line in printed.splitlines() if line.split()[:1] == ["block5.conv.weight"]]
    # 18 steps in 16 letters: the first two bins hold two steps each, of which the median is drawn.
    values = found.values()[11]
    bins = np.array([values[:2].mean(), values[2:4].mean(), *values[4:]])
    assert f" {bins.min():.3g} to {bins.max():.3g} " in jumpy
    (still,) = [line for line in printed.splitlines() if line.split()[:2] == ["block2.conv.weight", "conv"]]
    assert "_" * 16 in still
    assert still.rstrip().endswith("frozen")
    (gaps,) = [line for line in printed.splitlines() if line.split()[:1] == ["block3.conv.weight"]]
    assert re.search(r" ··[▁-█]{14} ", gaps)
    assert "a letter for each (the median of up to 2 neighbours)" in printed
    health = check_history(found)
    assert f"health: 0 errors, {health.count('warning')} warning, 0 notes" in printed
    assert printed.index("severity") < printed.index("block0.proj.weight")


def test_json_of_a_training_is_the_result(training):
    found = strict(show(training, "--json"))
    kept = History.load(training)
    # JSON knows no tuples.
    expected = json.loads(json.dumps(kept.to_json()))
    assert {key: found[key] for key in expected} == expected
    assert (found["kind"], found["measure"], found["finished"], found["unit"]) == ("history", "rwc_l1", True, "step")
    assert found["health"] == check_history(kept).to_json()
    assert found["values"]["rwc_l1"][7][:4] == [None] * 4


def test_csv_of_a_training_has_a_row_for_each_layer_and_step(training):
    rows = rows_of(show(training, "--csv"))
    values, found = history().values(), history()
    assert len(rows) == values.size
    for row, (layer, step) in zip(rows, np.ndindex(*values.shape), strict=True):
        assert (row["layer"], int(row["step"])) == (found.layers[layer], found.steps[step])
        number = values[layer, step]
        assert row["rwc_l1"] == "" if math.isnan(number) else float(row["rwc_l1"]) == number


def test_infinite_numbers_are_null_in_json(tmp_path):
    values = np.full((3, 6), 0.1)
    values[0, 3] = np.inf
    History.from_table(list("abc"), values, measure="rwc_l1").save(tmp_path / "run")
    found = strict(show(tmp_path / "run", "--json"))
    assert found["values"]["rwc_l1"][0][3] is None
    (finding,) = found["health"]["findings"]
    assert finding["values"]["rwc_l1"] is None


def test_a_study_shows_its_claims(study):
    printed = show(study)
    assert printed.startswith("note: few samples\n")
    assert "low orders are stronger" in printed
    assert "2 claims: 0 holds, 0 does not hold, 2 not decidable at this size" in printed
    found = strict(show(study, "--json"))
    assert (found["kind"], found["name"]) == ("study", "layerwise")
    assert found["claims"] == Study.load(study).to_json()["claims"]
    rows = rows_of(show(study, "--csv"))
    assert [row["text"] for row in rows] == ["low orders are stronger", '\'=cmd, "quoted"']
    assert [row["number"] for row in rows] == ["", ""]


def test_measures(tmp_path, training, depth):
    pair = history().data.assign(rotation=history().data["rwc_l1"] * 2)
    History(pair, history().manifest).save(tmp_path / "pair")
    printed = show(tmp_path / "pair", "--measure", "rotation")
    assert f"{2 * layer_changes(history())[0].median:.3g}" in printed
    assert strict(show(tmp_path / "pair", "--measure", "rotation", "--json"))["measure"] == "rotation"
    told = show(tmp_path / "pair", "--measure", "rotatoin", code=2)
    assert "measure='rotatoin' was not recorded; did you mean 'rotation'?" in told
    assert "only runs through training have measures" in show(depth, "--measure", "rotation", code=2)


def test_help_teaches():
    words = " ".join(show("--help").split())
    for part in ("layerlore show runs/resnet20 --csv", "an apostrophe goes before", "--measure", "--all"):
        assert part in words
    assert "what a run holds, here in the terminal" in " ".join(CliRunner().invoke(app, ["--help"]).stdout.split())


def test_wrong_use(training, tmp_path):
    assert "--json and --csv were both given" in show(training, "--json", "--csv", code=2)
    assert "holds no manifest.json" in show(tmp_path, code=4)


def test_a_run_that_is_still_recorded_says_so(training):
    manifest = json.loads((training / "manifest.json").read_text()) | {"finished": False, "notes": ["a note"]}
    write_json(training / "manifest.json", manifest)
    lines = show(training).splitlines()
    assert lines[0] == "unfinished: this run is still being recorded, or was stopped after step 18"
    assert lines[1] == "note: a note"
    assert strict(show(training, "--json"))["finished"] is False


def test_an_explanation_that_is_not_finished_says_how_far_it_is(depth):
    import zarr

    zarr.open_group(depth / "arrays", mode="r+")["finished_splits"][3] = 0
    assert "3 of 4 samples have their splits" in show(depth, code=4)


def test_of_many_layers_those_that_change_most_and_least(tmp_path):
    count = MOST_LAYERS + 10
    table = np.random.default_rng(0).permutation(np.geomspace(1e-3, 1, count))[:, None] * np.ones(5)
    table[4] = np.nan
    many = History.from_table([f"layer{row}" for row in range(count)], table, measure="rwc_l1")
    many.save(tmp_path / "run")
    printed = show(tmp_path / "run")
    named = re.findall(r"^ +(layer\d+) ", printed, re.MULTILINE)
    ranked = [f"layer{row}" for row in np.argsort(-np.nan_to_num(table[:, 0]))][: count - 1]
    assert named == ranked[: MOST_LAYERS // 2] + ranked[-MOST_LAYERS // 2 :]
    assert f"the {MOST_LAYERS} of {count} layers that change most and least, 10 are left out" in " ".join(
        printed.split()
    )
    every = show(tmp_path / "run", "--all")
    assert re.findall(r"^ +(layer\d+) ", every, re.MULTILINE) == many.layers


@pytest.mark.parametrize("width", [24, 40, 60, 80, 120])
def test_narrow_terminals_cut_no_number(width, terminal, depth, training):
    lines = terminal(width, depth)
    cells = " ".join(lines)
    total = tiny("table").ledger().total.isel(target=0)
    for name in ("completeness", "redundancy"):
        for value in total[name].values:
            assert f"{value:.2f} [" in cells
    assert any("left out for want of room: ceiling, floor" in line for line in lines) == (60 <= width < 80)
    lines = terminal(width, training)
    for layer in layer_changes(history()):
        assert f"{layer.first:.3g}" in " ".join(lines).split()
        assert f"{layer.last:.3g}" in " ".join(lines).split()
    table = [line for line in lines if re.match(r" +(block|layer |─)", line)]
    assert all(len(line) <= width for line in table)
    assert bool(table) == (width >= 60)


def test_a_pipe_has_one_width_no_control_characters_and_all_columns(training, monkeypatch):
    printed = []
    for columns in ("30", "250"):
        monkeypatch.setenv("COLUMNS", columns)
        printed.append(show(training))
    assert printed[0] == printed[1]
    assert "\x1b" not in printed[0]
    assert "left out" not in printed[0]
    for column in ("elements", "kind", "range", "findings"):
        assert column in printed[0]


def test_an_encoding_without_blocks_gets_letters_it_has(tmp_path):
    History.from_table(["größe", "b"], history().values()[:2], measure="rwc_l1").save(tmp_path / "run")
    words = [Path(sys.executable).with_name("layerlore"), "show", tmp_path / "run"]
    result = subprocess.run(
        words, capture_output=True, check=False, env=os.environ | {"PYTHONIOENCODING": "ascii", "OMP_NUM_THREADS": "1"}
    )
    assert (result.returncode, result.stderr) == (0, b"")
    text = result.stdout.decode("ascii")
    assert "gr??e" in text
    assert re.search(r"[.:=+*#@-]{16}", text)


def test_hostile_names_are_inert(tmp_path, terminal):
    names = [*FORMULAS, "a\x1b[2J", 'with, comma "and quotes"']
    odd = History.from_table(names, np.ones((len(names), 2)), measure="rwc_l1")
    odd.save(tmp_path / "odd")
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", "\n".join(terminal(300, tmp_path / "odd")))
    assert [row["layer"] for row in rows_of(show(tmp_path / "odd", "--csv"))][::2] == [
        "'=1+1", "'+a", "'-b", "'@c", "?=d", "?=e", "a?[2J", 'with, comma "and quotes"',
    ]  # fmt: skip
    assert strict(show(tmp_path / "odd", "--json"))["layers"] == names
    history("hostile").save(tmp_path / "hostile")
    printed = show(tmp_path / "hostile")
    assert f"note: {ATTACK}" in printed
    assert HOSTILE[0] in printed
    tiny("hostile").save(tmp_path / "depth")
    assert HOSTILE_LAYERS[0] in show(tmp_path / "depth")


def test_csv_is_quoted_as_the_standard_says(capsys):
    print_csv(pd.DataFrame({"a\nb": ['x"y', "1,2"], "n": [-1.5, math.inf]}))
    assert capsys.readouterr().out == 'a?b,n\r\n"x""y",-1.5\r\n"1,2",inf\r\n'


def test_several_targets_stand_in_a_column(tmp_path):
    tiny("table", 2).save(tmp_path / "run")
    printed = show(tmp_path / "run")
    assert len(re.findall(r"^ +target 1 +completeness +[▁-█·]{2} +0 to 1", printed, re.MULTILINE)) == 1
    rows = rows_of(show(tmp_path / "run", "--csv"))
    assert {row["target"] for row in rows} == {"target 0", "target 1"}


def test_trends_as_csv_and_json(training, monkeypatch):
    module = importlib.import_module("layerlore.cli.trends")
    search = module.find_trends
    monkeypatch.setattr(module, "find_trends", lambda *given, **options: search(*given, **options, resamples=10))

    def trends(*words):
        return CliRunner().invoke(app, ["trends", str(training), *words])

    found = strict(trends("--json").stdout)
    rows = rows_of(trends("--csv").stdout)
    assert [row["layer"] for row in rows] == found["layers"]
    assert [int(row["label"]) for row in rows] == found["labels"]
    for row, point in zip(rows, found["points"], strict=True):
        assert [float(row[axis]) if row[axis] else None for axis in "xy"] == point
    result = trends("--csv", "--json")
    assert (result.exit_code, result.stdout) == (2, "")


def test_lines_say_how_they_are_drawn():
    turned = history().data.rename(rwc_l1="rotation_from_init")
    linear = History(turned, history().manifest)
    assert "log scale" not in line_words(linear)
    assert "log scale, _ is 0" in line_words(history())
    assert changes_table(linear, "title").rows[0][7].startswith(f"{thinned_min(history().values()[0]):.3g} to")
    below = History.from_table(["a"], np.array([[-1.0, 1.0]]))
    assert "log scale" not in line_words(below)
    assert changes_table(below, "title").rows[0][6:8] == ("▁█", "-1 to 1")


def thinned_min(values):
    return min(np.median(part) for part in np.array_split(values, 16))
