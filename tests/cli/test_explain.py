"""`layerlore explain` from end to end, on a network that is trained in no time."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import save_file
from typer.testing import CliRunner

import layerlore
from layerlore.cli.app import app
from layerlore.cli.explain import EXAMPLE
from layerlore.cli.objects import build_players, importable
from layerlore.cli.preparing import prepare
from layerlore.cli.reading import read_recipe

PRINTED = "a line from the user's own module\n"
EXAMPLES = Path(__file__).parents[2] / "examples"
MODULE = """\
from torch import nn

def net(width=6):
    print("a line from the user's own module")
    return nn.Sequential(nn.Flatten(), nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10))

def margin(outputs, target):
    return outputs[:, target] - outputs.mean(1)

def broken():
    raise KeyError("no luck")

class Wrong:
    train = test = [1, 2]

NUMBER = 3
"""


@pytest.fixture
def config(tmp_path, monkeypatch):
    """A folder with a module and a configuration, and a current folder elsewhere."""
    name = f"nets_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(MODULE)
    settings = {
        "model": {"path": f"{name}:net", "arguments": {"width": 5}},
        "data": {"name": "digits", "train_count": 200},
        "samples": {"count": 2},
        "players": {"kind": "image_patches", "size": 2, "count": 4},
        "penalties": [0.1],
        "run": "out/run",
    }
    path = tmp_path / "explain.yaml"
    path.write_text(yaml.safe_dump(settings))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return path


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def fails(code, *words):
    """The message of a command that fails with this exit code and says so in one paragraph."""
    result = run(*words)
    assert result.exit_code == code, result.output
    assert result.stdout in ("", PRINTED)
    assert "Traceback" not in result.stderr
    message = [line for line in result.stderr.splitlines() if line.startswith("layerlore: error: ")]
    assert len(message) == 1
    assert result.stderr.endswith(message[0] + "\n")
    return message[0]


def test_explains_resumes_and_prints_json(config):
    first = run("explain", config)
    assert first.exit_code == 0, first.output
    for part in ("completeness", "redundancy", "output", "2**4 = 16 coalitions", "run: out/run"):
        assert part in first.stdout
    saved = config.parent / "elsewhere" / "out"
    assert {path.name for path in saved.iterdir()} == {"run", "run.probes.safetensors"}
    written = {path: path.stat().st_mtime_ns for path in saved.rglob("*") if path.is_file()}

    second = run("explain", config, "--json")
    assert second.exit_code == 0, second.output
    found = json.loads(second.stdout)
    assert found["layers"] == ["2", "output"]
    assert (found["n_samples"], found["n_players"]) == (2, 4)
    assert found["ledger"] == layerlore.load(saved / "run").ledger().to_json()
    assert {path: path.stat().st_mtime_ns for path in saved.rglob("*") if path.is_file()} == written

    message = fails(4, "explain", config, "--set", "kappa=0.1")
    assert "belongs to another explanation" in message


def test_dry_run_trains_nothing_and_writes_nothing(config):
    result = run("explain", config, "--dry-run")
    assert result.exit_code == 0, result.output
    assert "forward passes   32 masked inputs" in result.stdout
    parsed = json.loads(run("explain", config, "--dry-run", "--json").stdout)
    assert parsed["forward_passes"] == 32
    assert not (config.parent / "elsewhere" / "out").exists()


def test_options_reach_the_run(config, tmp_path):
    name = yaml.safe_load(config.read_text())["model"]["path"].split(":")[0]
    changes = {
        "baseline": "{blur: 1.5}",
        "targets": "[3, 8]",
        "score": f"{{path: '{name}:margin'}}",
        "kappa": "0.02",
        "pull": "0",
        "reference": "previous",
        "samples.split": "train",
        "read_out": "{'2': flatten}",
        "budget": "1GiB",
        "seed": "1e0",
    }
    words = [word for key, value in changes.items() for word in ("--set", f"{key}={value}")]
    assert "seed=1.0" in fails(2, "explain", config, *words)
    words[-1] = "seed=3"
    result = run("explain", config, *words, "--run", tmp_path / "other")
    assert result.exit_code == 0, result.output
    knowledge = layerlore.load(tmp_path / "other")
    identity = knowledge.manifest["identity"]
    assert identity["baseline"] == {"blur": 1.5}
    assert (identity["split"]["kappa"], identity["split"]["pull"]) == (0.02, 0)
    assert knowledge.manifest["settings"]["reference"] == "previous"
    assert identity["seed"] == 3
    assert knowledge.manifest["coords"]["target_class"] == [[3, 8], [3, 8]]
    assert knowledge.manifest["identity"]["score"] == f"{name}.margin"
    assert "target 0" in result.stdout


@pytest.mark.parametrize("nested", [None, "state_dict", "model_state_dict"])
def test_weights_are_read(config, tmp_path, nested):
    state = {"1.weight": torch.zeros(5, 64), "1.bias": torch.arange(5.0), "3.weight": torch.ones(10, 5)}
    state["3.bias"] = torch.arange(10.0)
    file = tmp_path / ("w.safetensors" if nested is None else "w.pt")
    save_file(state, file) if nested is None else torch.save({nested: state, "epoch": 3}, file)
    recipe = read_recipe(config, [f"model.weights={file.name}"], None)
    assert recipe.config.model.weights == str(Path.cwd() / file.name)
    text = config.read_text().replace("model:", f"model:\n  weights: {file.name}")
    config.write_text(text)
    with importable(tmp_path):
        work = prepare(read_recipe(config))
    assert torch.equal(work.model.state_dict()["3.bias"], torch.arange(10.0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("samples.cuont=3", r"unknown key 'samples.cuont', did you mean 'count'\? \(keys here: count, split, seed\)"),
        ("modle={}", "unknown key 'modle', did you mean 'model'"),
        ("players.siz=3", r"unknown key 'siz', did you mean 'size'\? \(keys here: size, count"),
        ("players.kind=patches", "players.kind='patches' is not known.*image_patches"),
        ("players.count=true", "count=True"),
        ("players.count=25", "24"),
        ("players.count=17", "16 patches to choose from"),
        ("players.size=[2, 2, 2]", "size"),
        ("samples.count=501", "the test split has 500"),
        ("samples.count=-1", "samples.count=-1"),
        ("samples.count='2'", "samples.count='2'"),
        ("samples=5", "samples=5"),
        ("data.train_count=5000", "there are 1297"),
        ("data.name=digit", "'digit'.*did you mean 'digits'"),
        ("data.path=a:b", "either name"),
        ("data.root=nowhere", "there is no folder .*nowhere"),
        ("model.path=nowhere_at_all:net", "there is no module 'nowhere_at_all'"),
        ("model.path=os.path.join", "is no import path"),
        ("model.path=layerlore.zoo:LeNet", r"has no 'LeNet'; did you mean 'LeNet5'\?"),
        ("model.path=layerlore.zoo:__all__", "is a list, which cannot be called"),
        ("model.path=builtins:dict", "returned a dict: a torch.nn.Module is needed"),
        ("model.path=layerlore.zoo:LeNet5", "failed with the arguments {'width': 5}"),
        ("model.weights=none.pt", "there is no file .*none.pt"),
        ("layers=[9]", "layers=.9. is not understood"),
        ("layers=conv*", "no layer matches 'conv"),
        ("read_out=flaten", "did you mean 'flatten'"),
        ("read_out={relu: mean}", "'relu'"),
        ("penalties=[-1]", "penalties"),
        ("targets=true", "targets=True is not understood"),
        ("targets=10", "classes run from 0 to 9"),
        ("targets=labels", "targets='labels'"),
        ("targets=[]", "at least one class"),
        ("score=logodds", "did you mean 'log_odds'"),
        ("baseline=.nan", "baseline=nan is not understood"),
        ("baseline={blurr: 1}", "baseline=.* is not understood"),
        ("baseline=median", "baseline='median' is not known"),
        ("reference=last", "reference='last' is no layer"),
        ("kappa=-1", "kappa=-1"),
        ("budget=lots", "'512MiB' or '2GiB'"),
        ("device=toaster", "device='toaster'"),
        ("run=''", "run=''"),
        ("seed", "write key=value"),
        ("run.x=1", "which has no keys"),
        ("data={name: digits, name: mnist}", "the key 'name' stands twice"),
        ("model=!!python/object:os.system {}", "not valid YAML"),
        ("players.size=1", "64 players|n_players=64"),
    ],
)
def test_what_is_wrong_is_said_before_anything_runs(config, change, message, without_type_checks):
    if change == "players.size=1":
        config.write_text(config.read_text().replace("count: 4\n", "count: null\n", 1))
    found = fails(2, "explain", config, "--set", change)
    assert re.search(message, found), found
    assert not (config.parent / "elsewhere" / "out").exists()


def test_hostile_files(config, tmp_path):
    assert "cannot be read" in fails(2, "explain", tmp_path / "missing.yaml")
    assert "cannot be read" in fails(2, "explain", tmp_path)
    config.write_bytes(b"\xff\xfe\x00")
    assert "UTF-8" in fails(2, "explain", config)
    config.write_text("[" * 3000)
    assert "YAML" in fails(2, "explain", config)
    config.write_text("- model")
    assert "a mapping with the keys" in fails(2, "explain", config)
    config.write_text("1: 2")
    fails(2, "explain", config)
    config.write_text("")
    assert "a mapping with the keys" in fails(2, "explain", config)


def test_all_mistakes_are_named_at_once_and_nothing_reaches_the_terminal_as_a_command(config):
    message = fails(2, "explain", config, "--set", r'data.nmae="\e[2J"', "--set", "kapa=1", "--set", "samples.seed=x")
    for part in ("data.nmae", "'kapa'", "samples.seed='x'"):
        assert part in message
    assert "\x1b" not in message


def test_weights_with_code_are_refused(config, tmp_path):
    torch.save({"run": os.system}, tmp_path / "bad.pt")
    assert "weights alone" in fails(2, "explain", config, "--set", f"model.weights={tmp_path / 'bad.pt'}")
    torch.save({"1.weight": torch.zeros(5, 64)}, tmp_path / "few.pt")
    message = fails(2, "explain", config, "--set", f"model.weights={tmp_path / 'few.pt'}")
    assert "3 of its weights are missing in the file ('1.bias', '3.bias', '3.weight'), 0 in the file" in message


def test_a_folder_that_is_no_run_is_left_alone(config, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    assert "not a LayerLore run" in fails(4, "explain", config, "--run", tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_errors_of_the_users_own_code(config):
    name = yaml.safe_load(config.read_text())["model"]["path"].split(":")[0]
    assert "KeyError: 'no luck'" in fails(2, "explain", config, "--set", f"model={{path: '{name}:broken'}}")
    assert "has no data set .train" in fails(2, "explain", config, "--set", f"data={{path: '{name}:Wrong'}}")
    assert isinstance(run("--debug", "explain", config, "--set", "kapa=1").exception, layerlore.cli.app.LayerLoreError)


def test_the_example_of_the_help_and_the_files_of_the_examples_are_valid(tmp_path):
    (tmp_path / "help.yaml").write_text(EXAMPLE)
    for path in (tmp_path / "help.yaml", *EXAMPLES.glob("*/explain.yaml")):
        assert build_players(read_recipe(path).config.players).n_players in (10, 12)


def test_numbers_and_units(config):
    recipe = read_recipe(config, ["penalties=[1e-4, 1]", "budget=2GiB", "baseline=0"])
    assert recipe.config.penalties == [1e-4, 1.0]
    assert recipe.config.budget == 2 * 2**30
    assert recipe.config.baseline == 0.0


def test_the_command_itself(config):
    words = [Path(sys.executable).with_name("layerlore"), "explain", config, "--set", "samples.cuont=2"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    result = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("layerlore: error: ")
    assert len(result.stderr.splitlines()) == 1
