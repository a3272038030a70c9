"""Runs are found wherever they lie, and nothing outside of the served folder is reached."""

import os

import pytest

from app.runs import ATTACK, bad_runs, begun, good_runs
from layerlore.app import folders
from layerlore.app.folders import address, check_own, find_runs, locate
from layerlore.errors import RunError

GOOD = {"training", f"a/b/{ATTACK}", "depth", "study"}


def test_every_run_is_found_and_what_is_none_is_left_out(tmp_path):
    good_runs(tmp_path)
    bad = bad_runs(tmp_path)
    found, complete = find_runs(tmp_path)
    assert complete
    assert {one.place for one in found} == GOOD | bad.keys()
    assert {one.place for one in found if one.trouble} == {"loop", "self", "away"}


def test_the_folder_itself_may_be_a_run(tmp_path):
    begun(tmp_path / "run", 3)
    found, _ = find_runs(tmp_path / "run")
    assert [one.place for one in found] == [""]
    assert locate(tmp_path / "run", "") == tmp_path / "run"


def test_a_folder_that_cannot_be_opened_is_listed_and_hides_no_other(tmp_path, monkeypatch):
    begun(tmp_path / "good", 3)
    (tmp_path / "closed").mkdir()
    (tmp_path / "gone").mkdir()
    scan = os.scandir

    def refuse(path):
        if path.name == "closed":
            raise PermissionError(13, "Permission denied")
        if path.name == "gone":
            raise FileNotFoundError(2, "No such file or directory")
        return scan(path)

    monkeypatch.setattr(folders.os, "scandir", refuse)
    found, _ = find_runs(tmp_path)
    assert [(one.place, one.trouble) for one in found] == [
        ("closed", "it cannot be opened (Permission denied)"),
        ("good", ""),
    ]


def test_there_is_an_end_to_looking(tmp_path, monkeypatch):
    deep = tmp_path.joinpath(*"abcdefgh")
    begun(deep / "run", 3)
    assert find_runs(tmp_path) == ([], True)
    begun(tmp_path / "near", 3)
    monkeypatch.setattr(folders, "MOST_FOLDERS", 2)
    _, complete = find_runs(tmp_path)
    assert not complete


@pytest.mark.parametrize("name", [b"\xff\xfe", b"back\\slash"])
def test_a_name_without_an_address_is_said(tmp_path, name):
    folder = tmp_path / os.fsdecode(name)
    folder.mkdir()
    (folder / "manifest.json").write_text("{}")
    (found,), _ = find_runs(tmp_path)
    assert "rename it" in found.trouble


@pytest.mark.parametrize(
    "place",
    ["..", "../out", "in/../../out", "/etc", "in//run", "in/./run", ".hidden", "in\\run", "in/run\0", "link/run", "in",
     "missing", "in/run/manifest.json", "in/run/", "~", "in/link"],
)  # fmt: skip
def test_no_address_leads_elsewhere(tmp_path, place):
    begun(tmp_path / "out" / "run", 3)
    begun(tmp_path / "served" / "in" / "run", 3)
    begun(tmp_path / "served" / ".hidden", 3)
    (tmp_path / "served" / "link").symlink_to(tmp_path / "out")
    (tmp_path / "served" / "in" / "link").symlink_to(tmp_path / "out" / "run")
    with pytest.raises(RunError):
        locate(tmp_path / "served", place)


def test_every_run_has_an_address(tmp_path):
    good_runs(tmp_path)
    for place in GOOD:
        assert locate(tmp_path, place).is_dir()
    assert address("run", f"a/b/{ATTACK}") == "/run/a/b/%3Cimg%20src%3Dx%20onerror%3Dalert%281%29%3E"


@pytest.mark.parametrize(
    "name",
    ["manifest.json", "records.jsonl", "trends.json", "health.json", "study.json", "stability.json", "agreement.json"],
)
def test_files_that_lead_elsewhere_are_refused(tmp_path, name):
    begun(tmp_path / "run", 3)
    check_own(tmp_path / "run")
    (tmp_path / "run" / name).unlink(missing_ok=True)
    (tmp_path / "run" / name).symlink_to("/etc/passwd")
    with pytest.raises(RunError, match=f"its {name} is a link"):
        check_own(tmp_path / "run")
