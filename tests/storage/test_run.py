"""Runs: identity, resumption, and what damage becomes."""

import json
import os
import shutil

import numpy as np
import pytest

from layerlore.errors import RunError
from layerlore.storage import Run, read_manifest

KIND, IDENTITY = "knowledge", {"network": "abc", "seed": 3, "settings": {"kappa": 0.04}}


@pytest.fixture
def run(tmp_path):
    """Two samples of an array, the first finished."""
    run = Run.open(tmp_path / "run", KIND, IDENTITY)
    run.create("scores", (2, 4), ("sample", "coalition"))
    run.finished("score", 2)
    run.write("scores", 0, np.arange(4.0) / 3)
    run.finish("score", 0)
    return run


def chunk(run, name="scores", index=0):
    return run.path / "arrays" / name / "c" / str(index) / "0"


@pytest.mark.parametrize("in_memory", [True, False])
def test_what_is_written_is_read(tmp_path, in_memory):
    run = Run.open(None if in_memory else tmp_path / "run", KIND, IDENTITY)
    run.create("scores", (2, 3), ("sample", "coalition"))
    run.create("owner", (2, 0), ("sample", "pixel"), "int16")
    values = np.array([0.1, -1e-300, np.inf])
    run.write("scores", 1, values)
    assert np.array_equal(run.read("scores", 1), values)
    assert np.isnan(run.read("scores", 0)).all()
    assert run.read("scores").shape == (2, 3)
    assert run.read("scores", slice(1, 2)).shape == (1, 3)
    assert run.read("owner").dtype == np.int16
    run.update(coords={"layer": ["a"]})
    run.note("first")
    run.note("first")
    assert run.manifest["notes"] == ["first"]
    assert run.manifest["coords"] == {"layer": ["a"]}
    assert in_memory or read_manifest(run.path) == run.manifest
    assert run.dataset().sizes == {"sample": 2, "coalition": 3, "pixel": 0}


def test_entries_count_once_they_are_finished(run):
    assert run.finished("score", 2).tolist() == [True, False]
    again = Run.open(run.path, KIND, IDENTITY)
    assert again.finished("score", 2).tolist() == [True, False]
    assert again.finished("split", 2).tolist() == [False, False]
    assert np.array_equal(again.read("scores", 0), np.arange(4.0) / 3)
    assert again.manifest == run.manifest
    assert set(again.dataset().variables) == {"scores"}


def test_creating_an_array_again_keeps_it(run):
    run.create("scores", (2, 4), ("sample", "coalition"))
    assert run.read("scores", 0)[3] == 1.0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seed": 4}, r"\(seed: asked 4, found 3\)"),
        ({"settings": {"kappa": 0.05}}, r"\(settings: asked {'kappa': 0.05}, found {'kappa': 0.04}\)"),
        ({"new": 1}, r"\(new: asked 1, found None\)"),
    ],
)
def test_a_run_of_something_else_is_not_resumed(run, change, said):
    before = read_manifest(run.path)
    with pytest.raises(RunError, match="belongs to another explanation " + said + ": choose another run folder"):
        Run.open(run.path, KIND, IDENTITY | change)
    assert read_manifest(run.path) == before


def test_identities_are_compared_as_json(run):
    Run.open(run.path, KIND, {"settings": {"kappa": 0.04}, "seed": 3, "network": "abc"})


def test_folders_of_others_are_left_alone(tmp_path):
    with pytest.raises(RunError, match="missing is no folder: give that of a run"):
        Run.load(tmp_path / "missing", KIND)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.png").write_bytes(b"")
    for call in (lambda: Run.load(tmp_path / "photos", KIND), lambda: Run.open(tmp_path / "photos", KIND, IDENTITY)):
        with pytest.raises(RunError, match=r"photos holds no manifest.json: it is not a LayerLore run"):
            call()
    assert [entry.name for entry in (tmp_path / "photos").iterdir()] == ["cat.png"]
    with pytest.raises(RunError, match=r"cat.png is a file: a run needs a folder of its own"):
        Run.open(tmp_path / "photos" / "cat.png", KIND, IDENTITY)
    with pytest.raises(RunError, match="could not write"):
        Run.open(tmp_path / "photos" / "cat.png" / "run", KIND, IDENTITY)


def test_an_empty_folder_is_taken(tmp_path):
    assert Run.open(tmp_path, KIND, IDENTITY).path == tmp_path


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "cannot be read .*: the run is damaged"),
        (b"\xff\xfe", "cannot be read .*: the run is damaged"),
        (b"[]", "is not a LayerLore manifest: it names no format and kind"),
        (b'{"format": "1", "kind": "knowledge"}', "is not a LayerLore manifest"),
        (b'{"format": 1}', "is not a LayerLore manifest"),
        (b'{"format": 2, "kind": "knowledge"}', "has format 2, this version of LayerLore reads up to 1: update"),
        (b'{"format": 1, "kind": "history"}', "holds a 'history' run, not a 'knowledge' run"),
        (b'{"format": 1, "kind": "knowledge"}', "belongs to another explanation"),
    ],
)
def test_damaged_manifests_are_refused(run, content, said):
    (run.path / "manifest.json").write_bytes(content)
    with pytest.raises(RunError, match=said):
        Run.open(run.path, KIND, IDENTITY)


def outcome_of(run):
    """Numbers, or the error without its cause."""
    try:
        return run.read("scores", 0)
    except RunError as error:
        return str(error).split(" (")[0]


def test_every_damaged_byte_of_a_chunk_is_noticed(run):
    content = chunk(run).read_bytes()
    clean = run.read("scores", 0)
    for position in range(len(content)):
        damaged = bytearray(content)
        damaged[position] ^= 0x10
        chunk(run).write_bytes(bytes(damaged))
        # A bit without meaning in the frame of the compression may differ: the numbers may not.
        outcome = outcome_of(run)
        assert np.array_equal(outcome, clean) or outcome == f"the array 'scores' of {run.path} is damaged", position


@pytest.mark.parametrize("kept", [0, 1, 10, -1])
def test_truncated_chunks_are_noticed(run, kept):
    chunk(run).write_bytes(chunk(run).read_bytes()[:kept])
    with pytest.raises(RunError, match=r"the array 'scores' of .* is damaged"):
        run.read("scores", 0)


def test_damaged_descriptions_of_arrays_are_noticed(run):
    (run.path / "arrays" / "scores" / "zarr.json").write_text("{")
    with pytest.raises(RunError, match="damaged"):
        Run.load(run.path, KIND).read("scores", 0)
    (run.path / "arrays" / "zarr.json").write_text("{")
    with pytest.raises(RunError, match=r"the arrays of .* cannot be opened .* or the run is damaged"):
        Run.load(run.path, KIND)
    shutil.rmtree(run.path / "arrays")
    with pytest.raises(RunError, match=r"the arrays of .* cannot be opened .* or the run is damaged"):
        Run.load(run.path, KIND)


def test_arrays_that_do_not_exist_are_errors(run):
    with pytest.raises(RunError, match="holds no array 'effects': it is not finished, or damaged"):
        run.read("effects")
    with pytest.raises(RunError, match="holds no array 'effects'"):
        run.write("effects", 0, np.zeros(2))


def no_space(*_, **__):
    raise OSError(28, "No space left on device")


def test_a_full_disk_is_said_and_keeps_what_was_finished(run, monkeypatch):
    monkeypatch.setattr("zarr.storage.LocalStore.set", no_space)
    with pytest.raises(
        RunError, match=r"could not write 'scores', entry 1, in .* \(No space left on device\): free space"
    ):
        run.write("scores", 1, np.ones(4))
    with pytest.raises(RunError, match="could not write 'finished_score', entry 1"):
        run.finish("score", 1)
    with pytest.raises(RunError, match=r"could not create the array 'effects' in .* \(No space left"):
        run.create("effects", (2, 4), ("sample", "coalition"))
    with pytest.raises(RunError, match=r"the arrays of .*other cannot be opened .*: the disk is full"):
        Run.open(run.path.parent / "other", KIND, IDENTITY)
    monkeypatch.undo()
    again = Run.open(run.path, KIND, IDENTITY)
    assert again.finished("score", 2).tolist() == [True, False]
    assert np.array_equal(again.read("scores", 0), np.arange(4.0) / 3)
    again.write("scores", 1, np.ones(4))


def test_a_manifest_that_cannot_be_written_keeps_the_old_one(run, monkeypatch):
    before = read_manifest(run.path)
    monkeypatch.setattr("os.fsync", no_space)
    with pytest.raises(RunError, match=r"could not write .*manifest.json"):
        run.update(coords={})
    assert read_manifest(run.path) == before
    assert sorted(entry.name for entry in run.path.iterdir()) == ["arrays", "manifest.json"]


def test_a_run_killed_before_its_manifest_was_written_can_be_started_again(tmp_path, monkeypatch):
    monkeypatch.setattr("os.fsync", no_space)
    with pytest.raises(RunError, match=r"could not write .*manifest.json"):
        Run.open(tmp_path / "run", KIND, IDENTITY)
    monkeypatch.undo()
    assert Run.open(tmp_path / "run", KIND, IDENTITY).manifest["identity"] == IDENTITY


def test_a_run_killed_before_its_arrays_were_made_can_be_started_again(run):
    shutil.rmtree(run.path / "arrays")
    assert Run.open(run.path, KIND, IDENTITY).finished("score", 2).tolist() == [False, False]


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_read_only_run_is_read_and_not_written(run):
    for folder, _, files in os.walk(run.path):
        for name in files:
            os.chmod(os.path.join(folder, name), 0o444)  # noqa: PTH101, PTH118
        os.chmod(folder, 0o555)  # noqa: PTH101
    again = Run.load(run.path, KIND)
    assert np.array_equal(again.read("scores", 0), np.arange(4.0) / 3)
    with pytest.raises(RunError, match="could not write 'scores', entry 1"):
        again.write("scores", 1, np.ones(4))
    with pytest.raises(RunError, match=r"could not write .*manifest.json"):
        again.update(coords={})
    for folder, _, _ in os.walk(run.path):
        os.chmod(folder, 0o755)  # noqa: PTH101


def test_values_that_json_cannot_hold_are_refused(run):
    with pytest.raises(ValueError, match="not JSON compliant"):
        run.update(noise=float("nan"))
    with pytest.raises(ValueError, match="not JSON compliant"):
        Run.open(None, KIND, {"seed": float("inf")})
    assert "noise" not in read_manifest(run.path)


@pytest.mark.parametrize("in_memory", [True, False])
def test_arrays_are_copied_whole(run, tmp_path, in_memory):
    source = Run.open(None, KIND, IDENTITY) if in_memory else run
    if in_memory:
        source.create("scores", (2, 4), ("sample", "coalition"))
        source.write("scores", 0, np.arange(4.0) / 3)
    source.create("owner", (2, 3), ("sample", "pixel"), "int16")
    source.write("owner", 1, np.array([-1, 0, 7], dtype=np.int16))
    target = tmp_path / "copy"
    target.mkdir()
    source.copy_arrays(target)
    (target / "manifest.json").write_text(json.dumps(source.manifest))
    copy = Run.load(target, KIND)
    assert np.array_equal(copy.read("scores"), source.read("scores"), equal_nan=True)
    assert np.array_equal(copy.read("owner"), source.read("owner"))
    assert copy.dataset().sizes == source.dataset().sizes
    assert copy.dataset()["owner"].dims == ("sample", "pixel")
