"""One door for both halves: a run is read as what its manifest says it holds."""

import json

import numpy as np
import pytest

import layerlore as ll
from layerlore import Columns, History, Knowledge, explain
from layerlore.errors import RunError
from layerlore.results import load
from reference.tiny_networks import QUICK, table


def test_a_history_is_read_as_a_history(tmp_path):
    history = History.from_table(["a", "b"], np.array([[1.0, 2.0], [3.0, 4.0]]))
    history.save(tmp_path / "run")
    found = load(tmp_path / "run")
    assert isinstance(found, History)
    np.testing.assert_array_equal(found.values(), history.values())
    assert isinstance(load(str(tmp_path / "run")), History)


def test_knowledge_is_read_as_knowledge(tmp_path):
    case = table()
    explain(
        case.model,
        case.probes,
        case.inputs,
        case.labels,
        players=Columns([0, 1, [2, 3]]),
        run=tmp_path / "run",
        **QUICK,
    )
    found = load(tmp_path / "run")
    assert isinstance(found, Knowledge)
    assert found.layers == Knowledge.load(tmp_path / "run").layers
    with pytest.raises(RunError, match=r"run holds a 'knowledge' run, not a 'history' run"):
        History.load(tmp_path / "run")


def test_a_history_is_no_knowledge(tmp_path):
    History.from_table(["a"], np.ones((1, 2))).save(tmp_path / "run")
    with pytest.raises(RunError, match=r"run holds a 'history' run, not a 'knowledge' run"):
        Knowledge.load(tmp_path / "run")


@pytest.mark.parametrize("kind", ["trends of next year", None, ["history"]])
def test_a_kind_of_the_future_is_an_error(tmp_path, kind):
    (tmp_path / "manifest.json").write_text(json.dumps({"format": 1, "kind": kind}))
    with pytest.raises(RunError) as caught:
        load(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path} holds a {kind!r} run, which this version of LayerLore does not know: update layerlore"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "holds no manifest.json"),
        ("{", r"manifest.json cannot be read"),
        ("[]", "is not a LayerLore manifest: it names no format and kind"),
        ('{"format": 1}', "is not a LayerLore manifest: it names no format and kind"),
        ('{"format": 2, "kind": "history"}', "has format 2, this version of LayerLore reads up to 1: update layerlore"),
    ],
)
def test_a_foreign_folder_is_an_error(tmp_path, content, message):
    if content is not None:
        (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(RunError, match=message):
        load(tmp_path)


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(RunError, match="none is no folder"):
        load(tmp_path / "none")


def test_it_is_the_public_one():
    assert ll.load is load
