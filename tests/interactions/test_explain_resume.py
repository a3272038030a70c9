"""A killed run goes on where it stopped, with the same bits; a finished one is not computed again."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from zarr.storage import LocalStore

import layerlore as ll
from layerlore.errors import InputError, RunError
from layerlore.storage import Run
from reference.killed import OPTIONS, PLACES, PLAYERS, run_explanation
from reference.tiny_networks import table

TESTS = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def uninterrupted():
    return run_explanation(None)


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("killed")
    environment = os.environ | {"PYTHONPATH": str(TESTS), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "reference.killed", str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def arrays_of(knowledge):
    return {str(name): np.asarray(array[:]) for name, array in knowledge._run._group.arrays()}


def assert_same(found, expected):
    ours, theirs = arrays_of(found), arrays_of(expected)
    assert ours.keys() == theirs.keys()
    for name, values in theirs.items():
        assert values.tobytes() == ours[name].tobytes(), name
    assert found.manifest | {"created": None} == expected.manifest | {"created": None}


def finished(folder):
    run = Run.load(folder, "knowledge")
    return {stage: int(run.finished(stage, 4).sum()) for stage in ("scores", "splits", "calibration")}


@pytest.mark.parametrize("place", PLACES)
def test_a_killed_run_resumes_to_the_same_bits(place, killed, uninterrupted):
    folder = killed / place
    before = finished(folder)
    stage, when = place.split()
    if when in ("before", "after") and stage in before:
        assert before[stage] == (1 if when == "before" else 2)
    if before["calibration"] < 4:
        with pytest.raises(RunError, match=r"holds nothing yet|of 4 samples have their"):
            ll.load(folder)
    assert_same(run_explanation(folder), uninterrupted)
    assert_same(ll.load(folder), uninterrupted)


@pytest.mark.parametrize(("place", "stage"), [("scores after", "scores"), ("splits after", "splits")])
def test_loading_an_unfinished_run_says_what_is_open(place, stage, tmp_path, uninterrupted):
    stop_after_two(stage, tmp_path / "run")
    with pytest.raises(RunError, match=rf"not finished: 2 of 4 samples have their {stage}. Call explain with the same"):
        ll.load(tmp_path / "run")
    assert_same(run_explanation(tmp_path / "run"), uninterrupted)


def stop_after_two(stage, folder):
    class Stopped(Exception):
        pass

    def finish(run, name, index):
        if name == stage and index == 2:
            raise Stopped
        original(run, name, index)

    original = Run.finish
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "finish", finish)
        with pytest.raises(Stopped):
            run_explanation(folder)


@pytest.mark.parametrize("writes", [15, 30, 50])
def test_a_full_disk_leaves_a_run_that_resumes(writes, tmp_path, monkeypatch, uninterrupted):
    count = 0
    original = LocalStore.set

    async def fills_up(store, key, value):
        nonlocal count
        if "/c/" in key:
            count += 1
            if count > writes:
                raise OSError(errno.ENOSPC, "No space left on device")
        await original(store, key, value)

    monkeypatch.setattr(LocalStore, "set", fills_up)
    with pytest.raises(RunError, match=r"could not write '\w+', entry \d.*No space left on device.*free space and"):
        run_explanation(tmp_path / "run")
    monkeypatch.undo()
    assert_same(run_explanation(tmp_path / "run"), uninterrupted)


def test_a_full_disk_at_the_start(tmp_path, monkeypatch):
    async def full(store, key, value):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(LocalStore, "set", full)
    with pytest.raises(RunError, match="No space left on device"):
        run_explanation(tmp_path / "run")


def again(case, folder, **changed):
    given = {"model": case.model, "probes": case.probes, "inputs": case.inputs, "targets": case.labels}
    options = {"players": PLAYERS, **OPTIONS, **changed}
    given |= {name: options.pop(name) for name in given if name in options}
    return ll.explain(*given.values(), run=folder, **options)


@pytest.fixture(scope="module")
def finished_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished") / "run"
    return folder, run_explanation(folder)


def test_a_finished_run_is_returned_without_scoring(finished_run):
    folder, first = finished_run
    case = table()
    seen = []
    handle = case.model.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    times = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    second = again(case, folder)
    handle.remove()
    # The samples themselves, for their predicted classes, and one of them for the memory; no masked input.
    assert sum(seen) == 4 + 1
    assert_same(second, first)
    assert times == {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def other_model():
    case = table("one logit")
    return {"model": case.model, "probes": case.probes}


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        (lambda case: {"kappa": 0.05}, r"split: asked .*0\.05.*found .*0\.04"),
        (lambda case: {"inputs": case.inputs + 1e-6}, "inputs: asked"),
        (lambda case: {"targets": 2 - case.labels}, "targets: asked"),
        (lambda case: {"labels": [0, 0, 0, 0]}, r"labels: asked \[0, 0, 0, 0\], found \[0, 1, 0, 2\]"),
        (lambda case: {"players": ll.Columns([0, 1, [3, 2]])}, r"players: asked .*\[3, 2\].*found .*\[2, 3\]"),
        (lambda case: {"baseline": "zero"}, "baseline: asked 'zero', found 'mean'; baselines: asked"),
        (lambda case: {"layers": ["3"]}, r"layers: asked \['3', 'output'\], found \['1', '3', 'output'\]"),
        (lambda case: {"score": "logit"}, "score: asked 'logit', found 'log_odds'"),
        (lambda case: {"reference": "previous"}, "guides: asked"),
        (lambda case: {"noise": 0.02}, r"noise: asked 0\.02, found 0\.01"),
        (lambda case: {"seed": 1}, "seed: asked 1, found 0"),
        (lambda case: other_model() | {"targets": [0, 1, 0, 1]}, "network: asked.*"),
    ],
)
def test_another_explanation_in_the_same_folder_is_refused(changed, named, finished_run):
    folder, _ = finished_run
    case = table()
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(RunError, match=rf"belongs to another explanation \(.*{named}.*choose another run folder"):
        again(case, folder, **changed(case))
    assert before == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_other_probes_of_the_same_network_are_another_explanation(finished_run):
    folder, _ = finished_run
    case = table()
    generator = torch.Generator().manual_seed(0)
    columns = torch.randn(200, 5, generator=generator)
    other = ll.fit_probes(case.model, ["1", "3"], [(columns, case.model(columns).argmax(1))], penalties=(1e-2,))
    with pytest.raises(RunError, match=r"probes: asked '\w+', found '\w+'"):
        again(case, folder, probes=other, baseline=case.probes.input_mean)


def test_a_resumed_run_keeps_its_own_batch_size(tmp_path, uninterrupted):
    stop_after_two("scores", tmp_path / "run")
    assert_same(again(table(), tmp_path / "run", batch_size=8), uninterrupted)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"notes.txt": "mine"}, "holds no manifest.json: it is not a LayerLore run"),
        ({"manifest.json": "{"}, "cannot be read .*the run is damaged"),
        ({"manifest.json": '{"a": 1}'}, "is not a LayerLore manifest"),
        ({"manifest.json": '{"format": 1, "kind": "history"}'}, "holds a 'history' run, not a 'knowledge' run"),
        ({"manifest.json": '{"format": 1, "kind": "knowledge"}'}, "belongs to another explanation"),
    ],
)
def test_a_folder_that_is_no_run_of_ours_is_left_alone(content, message, tmp_path):
    for name, text in content.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(RunError, match=message):
        run_explanation(tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == content


def test_a_file_where_the_run_should_be(tmp_path):
    (tmp_path / "run").write_text("mine")
    with pytest.raises(RunError, match="is a file: a run needs a folder of its own"):
        run_explanation(tmp_path / "run")


def test_a_damaged_score_is_found_when_the_run_goes_on(tmp_path):
    stop_after_two("splits", tmp_path / "run")
    chunk = tmp_path / "run" / "arrays" / "scores" / "c" / "3" / "0" / "0" / "0"
    content = bytearray(chunk.read_bytes())
    content[len(content) // 2] ^= 1
    chunk.write_bytes(bytes(content))
    with pytest.raises(RunError, match=r"the array 'scores' of .* is damaged"):
        run_explanation(tmp_path / "run")


def test_an_error_in_the_model_leaves_a_run_that_resumes(tmp_path, uninterrupted):
    case = table()
    seen = 0

    def fail(_module, inputs):
        nonlocal seen
        seen += 1
        if seen > 6:
            raise InputError("the network is out of order")

    handle = case.model.register_forward_pre_hook(fail)
    with pytest.raises(InputError, match="out of order"):
        run_explanation(tmp_path / "run")
    handle.remove()
    assert finished(tmp_path / "run")["scores"] == 1
    assert_same(run_explanation(tmp_path / "run"), uninterrupted)
