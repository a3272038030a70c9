"""The example of words runs, and ends by asserting its own result."""

import runpy
from pathlib import Path

import pytest
import torch

import layerlore as ll

EXAMPLE = Path(__file__).parents[2] / "examples" / "words" / "explain.py"


@pytest.mark.filterwarnings("ignore:the probe of layer 'bert.embeddings' is no better than chance")
def test_words_that_turn_each_other_round(tmp_path, monkeypatch, capsys):
    pytest.importorskip("transformers")
    monkeypatch.setattr("sys.argv", ["explain.py", "--run", str(tmp_path / "run")])
    with torch.random.fork_rng():
        runpy.run_path(str(EXAMPLE), run_name="__main__")
    printed = capsys.readouterr().out
    assert "right on 100.0 % of 288 sentences" in printed
    assert "output                   and hardly + likeable" in printed
    assert ll.load(tmp_path / "run").manifest["coords"]["players"][0] == ["film", "not", "good"]
