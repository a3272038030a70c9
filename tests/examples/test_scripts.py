"""The examples: the training script runs, and the settings name what exists."""

import importlib
import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import layerlore as ll
from layerlore.zoo import resnet20

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_cifar10_training_writes_weights_that_load(tmp_path, monkeypatch, capsys):
    generator = np.random.default_rng(0)
    for name in ("data_batch_1.bin", "test_batch.bin"):
        records = generator.integers(0, 256, (20, 3073)).astype(np.uint8)
        records[:, 0] %= 10
        (tmp_path / name).write_bytes(records.tobytes())
    out = tmp_path / "weights.safetensors"
    out.write_bytes(b"from before")
    arguments = ["train.py", "--data", str(tmp_path), "--out", str(out), "--epochs", "1", "--device", "cpu"]
    monkeypatch.setattr("sys.argv", arguments)
    with torch.random.fork_rng():
        runpy.run_path(str(EXAMPLES / "cifar10" / "train.py"), run_name="__main__")
    assert "test accuracy 0." in capsys.readouterr().out
    resnet20().load_state_dict(load_file(out))
    assert {path.name for path in tmp_path.iterdir()} == {"data_batch_1.bin", "test_batch.bin", "weights.safetensors"}


@pytest.mark.parametrize("example", ["mnist_lenet5", "cifar10"])
def test_the_settings_name_a_model_and_layers_that_exist(example):
    yaml = pytest.importorskip("yaml")
    settings = yaml.safe_load((EXAMPLES / example / "explain.yaml").read_text(encoding="utf-8"))
    module, function = settings["model"]["path"].split(":")
    model = getattr(importlib.import_module(module), function)(**settings["model"]["arguments"])
    for layer in settings["layers"] or ():
        model.get_submodule(layer)
    assert settings["run"] == f"runs/{example}"


def run_example(monkeypatch, folder: str, script: str, *arguments: str) -> None:
    monkeypatch.setattr("sys.argv", [script, *arguments])
    monkeypatch.syspath_prepend(str(EXAMPLES / folder))
    with torch.random.fork_rng():
        runpy.run_path(str(EXAMPLES / folder / script), run_name="__main__")


def test_the_files_of_a_training_hold_what_its_tracker_saw(tmp_path, monkeypatch, capsys):
    generator = np.random.default_rng(0)
    for name in ("data_batch_1.bin", "test_batch.bin"):
        records = generator.integers(0, 256, (20, 3073)).astype(np.uint8)
        records[:, 0] %= 10
        (tmp_path / name).write_bytes(records.tobytes())
    live, series, files = tmp_path / "live", tmp_path / "series", tmp_path / "checkpoints"
    training = ["--data", str(tmp_path), "--out", str(files), "--run", str(live), "--epochs", "2", "--device", "cpu"]
    run_example(monkeypatch, "cifar10_series", "train.py", *training)
    assert sorted(path.name for path in files.iterdir()) == [f"epoch_{epoch}.safetensors" for epoch in range(3)]
    ll.read_series([files], run=series)
    run_example(monkeypatch, "cifar10_series", "check.py", str(live), str(series))
    assert "20 layers, 2 steps, 7 measures: equal to 0.0e+00" in capsys.readouterr().out
    # Weights of another epoch are found out.
    (files / "epoch_2.safetensors").write_bytes((files / "epoch_1.safetensors").read_bytes())
    other = tmp_path / "other"
    ll.read_series([files], run=other)
    with pytest.raises(AssertionError):
        run_example(monkeypatch, "cifar10_series", "check.py", str(live), str(other))


def test_the_study_of_measures_makes_its_table(tmp_path, monkeypatch, capsys):
    pytest.importorskip("transformers")
    generator = np.random.default_rng(0)
    groups = {"depthwise": 0.1, "pointwise": 1.0, "attention-q": 10.0}
    layers = [f"block.{number}.{kind}" for kind in groups for number in range(4)]
    kinds = [kind for kind in groups for _ in range(4)]
    level = np.array([groups[kind] for kind in kinds])[:, None]
    for name in ("efficientnet", "bert"):
        for seed in range(2):
            table = level * np.exp(0.01 * generator.standard_normal((12, 5)))
            ll.History.from_table(layers, table, measure="rwc_l1", kinds=kinds).save(tmp_path / f"{name}_{seed}")
    run_example(monkeypatch, "measures", "study.py", "--data", str(tmp_path), "--out", str(tmp_path), "--seeds", "2")
    printed = capsys.readouterr().out
    assert printed.count("| rwc_l1 |") == 4
    # The planted groups differ in level by factors of ten, with a hundredth of that as noise.
    assert "| rwc_l1 | 1.00 | 1.00 to 1.00 |" in printed
