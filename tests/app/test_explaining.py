"""An explanation is read sample by sample as it is written, and never written to."""

import shutil

import numpy as np
import pytest

import layerlore as ll
from layerlore.app.explaining import Explaining
from layerlore.figures.gaps import certified_gaps
from layerlore.interactions.stages import STAGES
from report.tiny import tiny


@pytest.fixture
def whole(tmp_path):
    tiny("table").save(tmp_path / "whole")
    return tmp_path / "whole"


def with_done(whole, run, **done):
    """A copy of a finished run in which only some samples have finished each stage."""
    shutil.copytree(whole, run)
    for stage in STAGES:
        for sample in range(4):
            if sample not in done.get(stage, ()):
                (run / "arrays" / f"finished_{stage}" / "c" / str(sample)).unlink()
                if stage == "scores":
                    shutil.rmtree(run / "arrays" / "scores" / "c" / str(sample))
    return run


def finish(whole, run, stage, sample):
    if stage == "scores":
        shutil.copytree(whole / "arrays/scores/c" / str(sample), run / "arrays/scores/c" / str(sample))
    place = f"arrays/finished_{stage}/c/{sample}"
    shutil.copy(whole / place, run / place)


def listed(folder):
    return sorted((path, path.stat().st_mtime_ns) for path in folder.rglob("*"))


def test_samples_come_in_as_they_are_finished(whole, tmp_path):
    knowledge = ll.load(whole)
    folder = with_done(whole, tmp_path / "run", scores=[1, 3], splits=[3])
    before, run = listed(folder), Explaining(folder)
    run.look()
    assert (run.trouble, run.n_samples, run.layers) == ("", 4, knowledge.layers)
    assert [run.done(stage) for stage in STAGES] == [2, 1, 0]
    assert not run.finished
    expected = np.stack([knowledge.scores(sample)[..., [0, -1]] for sample in (1, 3)])
    assert np.array_equal(run.ends(), expected)
    assert np.array_equal(certified_gaps(run.splits()), certified_gaps(knowledge)[[3]])
    assert listed(folder) == before
    version = run.version
    run.look()
    assert run.version == version
    finish(whole, folder, "scores", 0)
    run.look()
    assert run.version > version
    assert np.array_equal(run.ends()[0], knowledge.scores(0)[..., [0, -1]])
    assert np.array_equal(run.ends()[1:], expected)


def test_when_all_is_finished_it_is_the_knowledge(whole, tmp_path):
    folder = with_done(whole, tmp_path / "run", scores=range(4), splits=range(4), calibration=[0, 1, 2])
    run = Explaining(folder)
    run.look()
    assert not run.finished
    finish(whole, folder, "calibration", 3)
    run.look()
    assert run.finished
    before = listed(folder)
    assert run.knowledge().data.equals(ll.load(whole).data)
    assert run.knowledge().ledger().to_json() == ll.load(whole).ledger().to_json()
    assert listed(folder) == before


def test_a_large_run_is_read_in_several_looks(whole):
    run = Explaining(whole)
    run.look(seconds=0)
    assert (run.n_read, run.unread) == (1, 6)
    run.look(seconds=0)
    assert (run.n_read, run.unread) == (2, 4)
    run.look()
    assert (run.n_read, run.unread) == (4, 0)


def test_nothing_new_costs_no_reading(whole, monkeypatch):
    run = Explaining(whole)
    monkeypatch.setattr("layerlore.app.explaining.SETTLED", 0.0)
    run.look()
    monkeypatch.setattr("layerlore.app.explaining.manifest_of", None)
    monkeypatch.setattr("pathlib.Path.iterdir", None)
    run.look()
    assert run.trouble == ""


def test_a_run_that_has_just_begun(whole, tmp_path):
    manifest = (whole / "manifest.json").read_text().replace('"coords"', '"later"')
    (tmp_path / "run" / "arrays").mkdir(parents=True)
    (tmp_path / "run" / "manifest.json").write_text(manifest)
    run = Explaining(tmp_path / "run")
    run.look()
    assert (run.trouble, run.n_samples, run.layers, run.finished, run.splits()) == ("", 0, [], False, None)


def test_a_run_that_is_removed_or_damaged_says_so_once(whole, tmp_path):
    folder = with_done(whole, tmp_path / "run", scores=[1, 2], splits=[1])
    run = Explaining(folder)
    run.look()
    file = next(path for path in (folder / "arrays/scores/c/2").rglob("*") if path.is_file())
    file.write_bytes(file.read_bytes()[:-9])
    other = Explaining(folder)
    other.look()
    assert "scores" in other.trouble
    assert "damaged" in other.trouble
    shutil.rmtree(folder)
    run.look()
    version = run.version
    assert "is no folder" in run.trouble
    run.look()
    assert run.version == version
    assert run.n_read == 2
    shutil.copytree(whole, folder)
    run.look()
    assert (run.trouble, run.n_read) == ("", 4)


def test_another_explanation_in_the_same_place(whole, tmp_path):
    folder = with_done(whole, tmp_path / "run", scores=[0, 1, 2])
    run = Explaining(folder)
    run.look()
    (folder / "arrays/finished_scores/c/2").unlink()
    run.look()
    assert run.n_read == 2
