"""Files and folders appear whole or not at all."""

import json
from pathlib import Path

import pytest

from layerlore.errors import RunError
from layerlore.storage import publish_folder, write_bytes, write_json, write_text


def no_space(*_):
    raise OSError(28, "No space left on device")


def interrupted(*_):
    raise KeyboardInterrupt


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


@pytest.mark.parametrize("broken", ["os.fsync", "pathlib.Path.replace", "pathlib.Path.chmod"])
@pytest.mark.parametrize("old", [None, b"old"])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, broken, old):
    path = tmp_path / "file"
    if old is not None:
        path.write_bytes(old)
    before = names(tmp_path)
    monkeypatch.setattr(broken, no_space)
    with pytest.raises(RunError, match=r"could not write .*file \(No space left on device\): free space or choose"):
        write_bytes(path, b"new")
    monkeypatch.undo()
    assert names(tmp_path) == before
    assert old is None or path.read_bytes() == old


def test_an_interruption_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    write_bytes(tmp_path / "file", b"old")
    monkeypatch.setattr("os.fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_bytes(tmp_path / "file", b"new")
    assert names(tmp_path) == ["file"]
    assert (tmp_path / "file").read_bytes() == b"old"


def test_files_are_replaced_and_folders_made(tmp_path):
    path = tmp_path / "a" / "b" / "file"
    write_text(path, "first")
    write_text(path, "größer")
    assert path.read_bytes() == "größer".encode()
    assert names(path.parent) == ["file"]
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match=r"could not write .*file/inside"):
        write_bytes(tmp_path / "file" / "inside", b"")
    with pytest.raises(RunError, match="could not create a folder beside"), publish_folder(tmp_path / "file" / "x"):
        pass
    with pytest.raises(RunError, match="could not write"):
        write_bytes(tmp_path, b"")
    assert names(tmp_path) == ["file"]


def test_json_is_strict(tmp_path):
    write_json(tmp_path / "file", {"name": "é", "number": 0.1})
    assert (tmp_path / "file").read_text("utf-8") == '{\n "name": "é",\n "number": 0.1\n}\n'
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "file", {"number": float("nan")})
    assert "0.1" in (tmp_path / "file").read_text()


def test_a_folder_is_published_at_the_end(tmp_path):
    with publish_folder(tmp_path / "deep" / "out") as part:
        (part / "file").write_text("x")
        assert not (tmp_path / "deep" / "out").exists()
    assert names(tmp_path / "deep") == ["out"]
    assert names(tmp_path / "deep" / "out") == ["file"]
    assert (tmp_path / "deep" / "out").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize(
    ("error", "raised", "said"),
    [
        (KeyError("k"), KeyError, "k"),
        (KeyboardInterrupt(), KeyboardInterrupt, "^$"),
        (OSError(28, "No space left on device"), RunError, "could not write .*out .No space.*: nothing was left there"),
        (RunError("as said"), RunError, "^as said$"),
    ],
)
def test_a_block_that_fails_leaves_nothing(tmp_path, error, raised, said):
    with pytest.raises(raised, match=said), publish_folder(tmp_path / "out") as part:  # noqa: PT012
        (part / "file").write_text("x")
        raise error
    assert names(tmp_path) == []


def test_a_folder_that_cannot_be_renamed_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "rename", no_space)
    with pytest.raises(RunError, match="nothing was left there"), publish_folder(tmp_path / "out"):
        pass
    assert names(tmp_path) == []


def test_nothing_is_published_over_what_exists(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("x")
    with pytest.raises(RunError, match="out exists already: choose another name"), publish_folder(tmp_path / "out"):
        pytest.fail("the block must not run")
    assert names(tmp_path) == ["out"]
    assert names(tmp_path / "out") == ["mine"]


@pytest.mark.parametrize("name", ["layer", "Schicht ä", "half \udcff a pair", "\U0001f600"])
def test_every_name_comes_back_from_json(tmp_path, name):
    write_json(tmp_path / "file.json", {name: [name]})
    assert json.loads((tmp_path / "file.json").read_text("utf-8")) == {name: [name]}
