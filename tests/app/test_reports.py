"""Reports are made on demand, once for each state of a run, and are what the report's own renderer makes."""

import shutil

import pytest

import layerlore as ll
from app.runs import append, begun
from layerlore.app import reports as module
from layerlore.app.reports import Reports, made
from layerlore.errors import RunError
from layerlore.report.page import render
from report.histories import history
from report.measured_again import steady
from report.tiny import tiny


def test_a_page_is_what_the_report_would_write(tmp_path):
    history("small").save(tmp_path / "training")
    tiny("table").save(tmp_path / "depth")
    assert made(tmp_path / "training", tmp_path) == render(ll.load(tmp_path / "training"))
    assert made(tmp_path / "depth", tmp_path) == render(ll.load(tmp_path / "depth"))
    assert not (tmp_path / "training" / "report.html").exists()


def test_what_lies_outside_of_the_served_folder_is_not_read(tmp_path):
    """Where a run itself is served, the files that a study leaves next to it are not the reader's to see."""
    tiny("table").save(tmp_path / "depth")
    knowledge = ll.load(tmp_path / "depth")
    steady(knowledge).save(tmp_path / "depth_stability.json")
    words = "whether the interactions are steady under noise"
    assert words not in made(tmp_path / "depth", tmp_path)
    assert words in made(tmp_path / "depth", tmp_path / "depth")


def test_a_page_is_made_again_only_when_the_run_has_changed(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(module, "made", lambda run, root: calls.append(run.name) or f"page {len(calls)}")
    lines = begun(tmp_path / "a", 3)
    reports = Reports(tmp_path)
    first = reports.page(tmp_path / "a")
    assert reports.page(tmp_path / "a") == first == ("page 1", first[1])
    append(tmp_path / "a", lines[3])
    second = reports.page(tmp_path / "a")
    assert second[0] == "page 2"
    assert second[1] != first[1]
    (tmp_path / "a" / "trends.json").write_text("{}")
    assert reports.page(tmp_path / "a")[0] == "page 3"
    (tmp_path / "a" / "stability.json").write_text("{}")
    assert reports.page(tmp_path / "a")[0] == "page 4"
    (tmp_path / "a_stability.json").write_text("{}")
    assert reports.page(tmp_path / "a")[0] == "page 5"
    for name in "bcde":
        begun(tmp_path / name, 3)
        reports.page(tmp_path / name)
    assert len(reports._pages) == module.MOST_KEPT
    reports.page(tmp_path / "a")
    assert calls == [*"aaaaabcdea"]


def test_there_is_no_page_of_what_is_not_finished(tmp_path):
    tiny("table").save(tmp_path / "depth")
    (tmp_path / "depth/arrays/finished_splits/c/2").unlink()
    with pytest.raises(RunError, match="of 4 samples 4 have their scores, 3 have their splits, 4"):
        made(tmp_path / "depth", tmp_path)
    begun(tmp_path / "training")
    with pytest.raises(RunError, match="no finished record"):
        made(tmp_path / "training", tmp_path)
    (tmp_path / "links").mkdir()
    shutil.copy(tmp_path / "training" / "records.jsonl", tmp_path / "links")
    (tmp_path / "links" / "manifest.json").symlink_to(tmp_path / "training" / "manifest.json")
    with pytest.raises(RunError, match="is a link"):
        made(tmp_path / "links", tmp_path)
