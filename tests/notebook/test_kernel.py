"""What a notebook gets from a real kernel: progress in one output that is replaced, then the result."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PREPARE = """
import warnings
import torch
import layerlore as ll
from layerlore.engines import cells
from torch.utils.data import TensorDataset

cells.PAUSE = 0.0
# So few samples deserve a warning, which is not what is looked at here.
warnings.simplefilter("ignore", ll.errors.LayerLoreWarning)
torch.manual_seed(0)
inputs = torch.randn(60, 5)
data = TensorDataset(inputs, inputs[:, :3].argmax(1))
model = torch.nn.Sequential(torch.nn.Linear(5, 4), torch.nn.Tanh(), torch.nn.Linear(4, 3))
"""
PROBES = "probes = ll.fit_probes(model, ['1'], data)\nprobes"
EXPLAIN = "knowledge = ll.explain(model, probes, *data[:2], players=ll.Columns(5))\nknowledge"
LEDGER = "knowledge.ledger()"
QUIET = "ll.explain(model, probes, *data[:2], players=ll.Columns(5), progress=False).layers"


@pytest.fixture(scope="module")
def cells():
    """What came back from each cell, without the kernel's own word that it is busy."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("in_a_kernel.py"))],
        input=json.dumps([PREPARE, PROBES, EXPLAIN, LEDGER, QUIET]),
        env=os.environ | {"OMP_NUM_THREADS": "1", "JUPYTER_PLATFORM_DIRS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    own = ("status", "execute_input", "execute_reply")
    return [[one for one in heard if one["type"] not in own] for heard in json.loads(done.stdout)]


def progress_of(heard):
    return [one for one in heard if one["type"] in ("display_data", "update_display_data")]


@pytest.mark.parametrize("cell", [1, 2])
def test_progress_is_one_output_that_is_replaced(cells, cell):
    sent = progress_of(cells[cell])
    assert len(sent) > 3
    assert [one["type"] for one in sent] == ["display_data", *["update_display_data"] * (len(sent) - 1)]
    assert len({one["transient"]["display_id"] for one in sent}) == 1
    assert {tuple(one["data"]) for one in sent} == {("text/plain",)}


def test_it_ends_with_all_that_was_done(cells):
    probes, explain = (progress_of(cells[cell])[-1]["data"]["text/plain"].splitlines() for cell in (1, 2))
    assert [line[:28].rstrip() for line in probes] == [
        "read data", "standardise features", "train probes", "judge probes",
    ]  # fmt: skip
    assert [line[:28].rstrip() for line in explain] == ["scores", "splits", "calibration", "noise floor"]
    for line in [*probes[1:], *explain]:
        done, total = line[28:].split()[1].split("/")
        assert done == total
        assert " left" not in line


@pytest.mark.parametrize(("cell", "title"), [(1, "<b>Probes</b>"), (2, "<b>Knowledge</b>"), (3, "<b>Ledger</b>")])
def test_a_result_is_shown_as_a_table(cells, cell, title):
    result = cells[cell][-1]
    assert result["type"] == "execute_result"
    assert title in result["data"]["text/html"]
    assert "\n" not in result["data"]["text/plain"]


def test_nothing_else_is_said(cells):
    """No extension is asked for, no library warns, nothing is printed."""
    said = [[one["type"] for one in heard if one not in progress_of(heard)] for heard in cells]
    assert said == [[], ["execute_result"], ["execute_result"], ["execute_result"], ["execute_result"]]
    assert progress_of(cells[4]) == []
