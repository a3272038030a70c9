"""The examples: the training script runs, and the settings name what exists."""

import importlib
import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

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
