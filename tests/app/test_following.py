"""What is read piece by piece is what `History.load` reads at once, whatever its writer does in between."""

import json
import random
import shutil

import numpy as np
import pytest
import torch

import layerlore as ll
from app.runs import append, begun
from layerlore.app.following import LEAST_KEPT, Following
from reference.tracked_training import network, optimiser_of, train


def same(found: ll.History, expected: ll.History) -> None:
    assert found.data.equals(expected.data)
    for name in expected.data.coords:
        assert found.data[name].dtype == expected.data[name].dtype
    assert found.manifest == expected.manifest
    assert found.path == expected.path


def followed(run: Following) -> ll.History:
    run.look()
    assert run.trouble == ""
    history = run.history()
    assert history is not None
    return history


@pytest.mark.parametrize("most_bytes", [1, 1000, 1 << 20])
def test_a_file_that_grows_byte_by_byte(tmp_path, most_bytes):
    """Cut at random places, in the middle of lines too; after each piece the two readers agree."""
    whole = b"".join(begun(tmp_path / "run"))
    draw, run, taken = random.Random(0), Following(tmp_path / "run"), 0
    while taken < len(whole):
        piece = whole[taken : taken + draw.randint(1, len(whole) // 12)]
        append(tmp_path / "run", piece)
        taken += len(piece)
        run.look(most_bytes)
        while run.unread:
            run.look(most_bytes)
        if b"\n" in whole[:taken]:
            same(followed(run), ll.History.load(tmp_path / "run"))
    assert run.n_records == 40


def test_a_real_training_that_gains_and_loses_weights(tmp_path):
    model = network()
    run = Following(tmp_path / "run")
    with ll.WeightTracker(model, run=tmp_path / "run", gradients=True) as tracker:
        assert (run.look(), run.newest, run.finished) == (None, None, False)
        assert run.history() is None

        def after(step):
            tracker.step()
            same(followed(run), ll.History.load(tmp_path / "run"))
            assert (run.newest, run.n_records) == (step, step)

        train(model, optimiser_of(model), range(1, 3), after)
        next(iter(model.parameters())).requires_grad_(False)
        model.add_module("late", torch.nn.Linear(3, 2))
        after(3)
        after(4)
        del model.late
        after(5)
    same(followed(run), ll.History.load(tmp_path / "run"))
    assert run.finished
    assert {event.what for event in run.history().events} >= {"added", "removed"}


def test_nothing_new_costs_no_reading(tmp_path, monkeypatch):
    begun(tmp_path / "run", 5)
    run = Following(tmp_path / "run")
    history = followed(run)
    version = run.version
    monkeypatch.setattr("pathlib.Path.open", None)
    monkeypatch.setattr("pathlib.Path.read_text", None)
    run.look()
    assert (run.version, run.trouble) == (version, "")
    assert run.history() is history


def test_what_is_new_alone_is_read(tmp_path, monkeypatch):
    lines = begun(tmp_path / "run", 30)
    run = Following(tmp_path / "run")
    followed(run)
    parsed = []
    real = Following._parsed
    monkeypatch.setattr(Following, "_parsed", lambda run, line: parsed.append(line) or real(run, line))
    append(tmp_path / "run", lines[30], lines[31])
    followed(run)
    assert [line + b"\n" for line in parsed] == lines[30:32]


def test_a_resume_that_drops_records(tmp_path):
    """As a tracker does it: the file is replaced by a shorter one, then grows beyond its old length."""
    lines = begun(tmp_path / "run", 12)
    run = Following(tmp_path / "run")
    followed(run)
    (tmp_path / "run" / "new").write_bytes(b"".join(lines[:5]))
    (tmp_path / "run" / "new").replace(tmp_path / "run" / "records.jsonl")
    history = followed(run)
    assert history.steps.tolist() == [1, 2, 3, 4, 5]
    append(tmp_path / "run", *lines[5:20])
    same(followed(run), ll.History.load(tmp_path / "run"))


@pytest.mark.parametrize("kept", [5, 12])
def test_a_file_that_is_cut_in_place_and_written_on(tmp_path, kept):
    """Longer than before at the next look, and of other numbers: what stands before the place reached tells."""
    lines = begun(tmp_path / "run", 12)
    run = Following(tmp_path / "run")
    followed(run)
    other = [line.replace(b'"values": {"a": [0.', b'"values": {"a": [1.') for line in lines]
    assert other[11] != lines[11]
    with (tmp_path / "run" / "records.jsonl").open("r+b") as file:
        file.truncate(0)
        file.write(b"".join([*lines[: kept - 1], *other[kept - 1 : 20]]))
    same(followed(run), ll.History.load(tmp_path / "run"))


def test_another_run_in_the_same_place(tmp_path):
    begun(tmp_path / "run", 12)
    run = Following(tmp_path / "run")
    followed(run)
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    (tmp_path / "run" / "manifest.json").write_text(json.dumps(manifest | {"run_id": "two"}))
    assert followed(run).manifest["run_id"] == "two"
    same(followed(run), ll.History.load(tmp_path / "run"))
    shutil.rmtree(tmp_path / "run")
    run.look()
    assert "is no folder" in run.trouble
    # What was read is still there to be looked at.
    assert run.newest == 12
    version = run.version
    run.look()
    assert run.version == version
    lines = begun(tmp_path / "run", 3, names=("c", "d", "e"))
    assert followed(run).layers == ["c", "d", "e"]
    append(tmp_path / "run", lines[3])
    same(followed(run), ll.History.load(tmp_path / "run"))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"{}\n", "line 4, is damaged"),
        (b'{"step": 4,\n', "line 4, is damaged"),
        (b"\xff\n", "line 4, is damaged"),
        (b"[" * 100_000 + b"\n", "line 4, is damaged"),
        (b'{"step": 3, "columns": ["rwc_l1"], "values": {}, "events": []}\n', "is of step 3 and follows step 3"),
        (b'{"step": 4, "columns": ["odd"], "values": {}, "events": []}\n', "has other measures"),
        (b'{"step": 4, "columns": ["rwc_l1"], "values": {"x": [1]}, "events": []}\n', "'x', which is not among the"),
        (b'{"step": 4, "columns": ["rwc_l1"], "values": {"x": [1, 2]}, "events": []}\n', "line 4, is damaged"),
    ],
)
def test_a_damaged_line_is_said_once_and_what_came_before_stays(tmp_path, line, said):
    lines = begun(tmp_path / "run", 3)
    run = Following(tmp_path / "run")
    followed(run)
    append(tmp_path / "run", line, lines[4])
    run.look()
    version = run.version
    assert said in run.trouble
    run.look()
    assert (run.version, run.history().steps.tolist()) == (version, [1, 2, 3])
    # Restored, it is read on.
    (tmp_path / "run" / "records.jsonl").write_bytes(b"".join(lines[:5]))
    same(followed(run), ll.History.load(tmp_path / "run"))
    assert run.version > version


@pytest.mark.parametrize("content", ['{"format": 1, "kind": "history"}', "{", '{"format": 1, "kind": "knowledge"}'])
def test_a_damaged_manifest_is_said(tmp_path, content):
    begun(tmp_path / "run", 3)
    (tmp_path / "run" / "manifest.json").write_text(content)
    run = Following(tmp_path / "run")
    run.look()
    assert run.trouble
    assert run.history() is None
    assert not run.finished


@pytest.mark.parametrize(("most_numbers", "most_kept", "stride"), [(1, LEAST_KEPT, 8), (26_000, 500, 4)])
def test_a_long_run_keeps_an_even_part_of_its_records(tmp_path, most_numbers, most_kept, stride):
    """What is kept is every record, then every second, every fourth, and always the newest.

    A record of two numbers weighs as much as 52: it has a head.
    """
    (tmp_path / "run").mkdir()
    n_steps = 4 * LEAST_KEPT + 7
    values = np.arange(2.0 * n_steps).reshape(2, n_steps)
    whole = ll.History.from_table(["a", "b"], values, measure="rwc_l1")
    whole.save(tmp_path / "whole")
    lines = (tmp_path / "whole" / "records.jsonl").read_bytes().splitlines(keepends=True)
    shutil.copy(tmp_path / "whole" / "manifest.json", tmp_path / "run")
    run = Following(tmp_path / "run", most_numbers=most_numbers)
    for start in range(0, n_steps, 250):
        append(tmp_path / "run", *lines[start : start + 250])
        history = followed(run)
        count = min(start + 250, n_steps)
        assert len(history.steps) <= most_kept + 1
        assert history.steps[-1] == count
        expected = sorted({*range(1, count + 1, run.stride), count})
        assert history.steps.tolist() == expected
        assert np.array_equal(history.values("rwc_l1"), values[:, np.array(expected) - 1])
    assert (run.stride, run.n_records) == (stride, n_steps)
