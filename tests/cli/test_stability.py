"""`layerlore stability`: what it prints and writes is what `ll.stability` found."""

import json

import pytest
import torch
import yaml
from typer.testing import CliRunner

import layerlore as ll
from layerlore.cli.app import app
from layerlore.interactions.stability import Stability


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = {
        "model": {"path": "layerlore.zoo:mlp7", "arguments": {"n_inputs": 64, "n_classes": 10, "width": 8}},
        "data": {"name": "digits", "train_count": 100},
        "layers": ["relu1", "relu6"],
        "samples": {"count": 2},
        "players": {"kind": "image_patches", "size": 2, "count": 4},
        "penalties": [0.1],
        "run": "run",
    }
    (tmp_path / "explain.yaml").write_text(yaml.safe_dump(settings))
    return tmp_path / "explain.yaml"


def run(*words):
    return CliRunner().invoke(app, ["stability", *map(str, words)])


def test_the_result_lies_in_the_run_and_is_that_of_the_library(config, tmp_path):
    result = run(config, "--draws", 3, "--sigma", 0.1, "--layer", "relu6", "--json")
    assert result.exit_code == 0, result.output
    found = Stability.load(tmp_path / "run" / "stability.json")
    assert json.loads(result.stdout) == found.to_json()
    assert (found.settings["draws"], found.settings["sigma"]) == (3, 0.1)
    assert found.layers == ["relu6", "output"]
    assert ll.load(tmp_path / "run").layers == ["relu1", "relu6", "output"]


def test_the_table_says_what_counts(config):
    result = run(config, "--draws", 2)
    assert result.exit_code == 0, result.output
    assert "2 draws of sigma 0.02" in result.stdout
    assert "relu1" in result.stdout
    assert "run/stability.json" in result.stdout


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [("--draws", 1, "draws"), ("--sigma", 0, "sigma"), ("--layer", "relu7", "relu6")],
)
def test_wrong_options_are_said_at_once(config, tmp_path, option, value, words):
    result = run(config, option, value)
    assert result.exit_code == 2
    assert words in result.stderr
    # Before anything long began, and not after it.
    assert not (tmp_path / "run").exists()
    assert not list(tmp_path.glob("*.safetensors"))


def test_noise_leaves_the_random_state_alone(config):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    run(config, "--draws", 2)
    assert torch.equal(before, torch.get_rng_state())
