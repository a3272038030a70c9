"""`layerlore series`: what it prints and writes, and how it ends."""

import json

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from layerlore.cli.app import app
from layerlore.dynamics import History
from layerlore.dynamics.health import Health, check_series
from layerlore.dynamics.series import read_series
from reference.saved_series import copied, training, write


def run(*words):
    return CliRunner().invoke(app, ["series", *map(str, words)])


def test_a_series_becomes_a_run(tmp_path):
    write(tmp_path / "digits", training(), "lightning")
    result = run(tmp_path / "digits", "--out", tmp_path / "run")
    assert result.exit_code == 0, result.stderr
    lines = [line.split() for line in result.stdout.splitlines()]
    expected = read_series(tmp_path / "digits")
    row = expected.layers.index("7.weight")
    values, far = expected.values()[row], expected.values("distance_from_init")[row, -1]
    (shown,) = [line for line in lines if line[:1] == ["7.weight"]]
    medians = [f"{np.median(part):.3g}" for part in (values, values[:2], values[-2:])]
    assert shown[1:7] == ["linear", "3,840", *medians, f"{far:.3g}"]
    assert len(shown[7]) == 8
    assert shown[8:] == [f"{values.min():.3g}", "to", f"{values.max():.3g}"]
    assert "steps 0 to 800" in result.stdout
    assert "health: 0 errors, 0 warnings, 0 notes in 14 tensors of 9 checkpoints" in result.stdout
    assert f"next: layerlore report {tmp_path / 'run'}" in result.stdout
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "health.json",
        "manifest.json",
        "records.jsonl",
    ]
    history = History.load(tmp_path / "run")
    np.testing.assert_array_equal(history.values(), expected.values())
    assert history.manifest["settings"] == {"name": "digits", "unit": "step"}
    assert Health.from_json(json.loads((tmp_path / "run" / "health.json").read_text())).ok
    assert run(tmp_path / "digits", "--out", tmp_path / "run").stdout == result.stdout


def test_json_and_options(tmp_path):
    paths = write(tmp_path / "ckpt", training()[:3])
    words = ["--measures", "rwc_l2, rwc_median", "--biases", "--norms", "--exclude", "9.*", "--workers", 2, "--json"]
    result = run(*paths, "--out", tmp_path / "run", "--steps", "0,10,20", "--name", "mine", *words)
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["run"] == str(tmp_path / "run")
    assert found["history"]["steps"] == [10, 20]
    assert set(found["history"]["values"]) == {"rwc_l2", "rwc_median", "zero_weights", "zero_start", "nonfinite"}
    assert "7.bias" in found["history"]["layers"]
    assert "9.weight" not in found["history"]["layers"]
    assert found["health"] == check_series(paths, steps=[0, 10, 20], exclude="9.*").to_json()
    assert History.load(tmp_path / "run").manifest["settings"]["name"] == "mine"
    result = run(*paths, "--out", tmp_path / "other", "--steps", r"step_(\d+)", "--no-check", "--json")
    assert json.loads(result.stdout)["health"] is None
    assert not (tmp_path / "other" / "health.json").exists()


def test_findings_are_shown(tmp_path):
    states = list(training())
    states[3], states[4] = states[4], states[3]
    states[6] = states[1]
    write(tmp_path / "ckpt", states)
    result = run(tmp_path / "ckpt", "--out", tmp_path / "run")
    assert result.exit_code == 0
    assert "health: 2 errors, 0 warnings, 0 notes" in result.stdout
    flat = " ".join(result.stdout.split())
    assert "findings" in flat
    assert "swapped" in flat
    assert "equal" in flat


def test_what_is_wrong_is_shown_where_nothing_can_be_measured(tmp_path):
    states = copied(training()[:4])
    states[2].pop("7.weight")
    states[3]["9.weight"] = torch.ones(2, 2)
    write(tmp_path / "ckpt", states)
    result = run(tmp_path / "ckpt", "--out", tmp_path / "run")
    assert result.exit_code == 2
    assert "health: 2 errors" in result.stdout
    assert "layerlore: error: the checkpoints do not hold the same weights: '7.weight' is missing" in result.stderr
    assert not (tmp_path / "run").exists()
    result = run(tmp_path / "ckpt", "--out", tmp_path / "run", "--json")
    assert (result.exit_code, result.stdout) == (2, "")


def test_a_damaged_file_is_one_error(tmp_path):
    paths = write(tmp_path / "ckpt", training()[:3])
    paths[1].write_bytes(b"")
    result = run(tmp_path / "ckpt", "--out", tmp_path / "run")
    assert result.exit_code == 2
    assert result.stderr.count("layerlore: error:") == 1
    assert "step_1.safetensors is no safetensors file" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["{}/nowhere"], 2, "does not exist"),
        (["{}/ckpt/step_0.safetensors"], 2, "is the only checkpoint"),
        (["{}/ckpt", "--steps", "1,2"], 2, "steps has 2 entries for 3 checkpoints"),
        (["{}/ckpt", "--measures", "rwc_l9"], 2, "measures='rwc_l9' is not known"),
        (["{}/ckpt", "--include", "nothing"], 2, "matches no tensor"),
    ],
)
def test_wrong_use(words, code, message, tmp_path):
    write(tmp_path / "ckpt", training()[:3])
    result = run(*(word.format(tmp_path) for word in words), "--out", tmp_path / "run")
    assert result.exit_code == code
    assert message in result.stderr


def test_force_removes_runs_and_nothing_else(tmp_path):
    write(tmp_path / "ckpt", training()[:3])
    assert run(tmp_path / "ckpt", "--out", tmp_path / "run").exit_code == 0
    other = ["--measures", "rwc_l1"]
    result = run(tmp_path / "ckpt", "--out", tmp_path / "run", *other)
    assert result.exit_code == 4
    assert "other options" in result.stderr
    assert run(tmp_path / "ckpt", "--out", tmp_path / "run", *other, "--force").exit_code == 0
    assert History.load(tmp_path / "run").measures == ["rwc_l1"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    result = run(tmp_path / "ckpt", "--out", tmp_path / "mine", "--force")
    assert result.exit_code == 4
    assert (tmp_path / "mine" / "thesis.tex").exists()


def test_names_are_hostile_text(tmp_path):
    states = [{"evil\x1b[2J[red].weight": torch.full((3, 3), value)} for value in (1.0, 2.0)]
    write(tmp_path / "ckpt", states)
    result = run(tmp_path / "ckpt", "--out", tmp_path / "run")
    assert result.exit_code == 0
    assert "\x1b" not in result.stdout
    assert "evil?[2J[red].weight" in result.stdout


def test_a_misspelt_measure_is_refused_before_anything_is_read_or_removed(tmp_path):
    History.from_table(["a"], np.ones((1, 2))).save(tmp_path / "run")
    result = run(tmp_path / "nothing", "--out", tmp_path / "run", "--measures", "rwc_l3", "--force")
    assert result.exit_code == 2
    assert "measures='rwc_l3' is not known; did you mean 'rwc_l2' or 'rwc_l1'?" in result.stderr
    assert "health" not in result.stdout
    assert History.load(tmp_path / "run").layers == ["a"]


def test_force_keeps_the_old_run_where_the_files_cannot_be_read(tmp_path):
    History.from_table(["a"], np.ones((1, 2))).save(tmp_path / "run")
    files = write(tmp_path / "digits", training(), "safetensors")
    files[1].write_bytes(files[1].read_bytes()[:100])
    result = run(tmp_path / "digits", "--out", tmp_path / "run", "--force")
    assert result.exit_code == 2
    assert "was cut off" in result.stderr
    assert History.load(tmp_path / "run").layers == ["a"]
