"""Folders of runs: good ones, and every kind that a server has to survive."""

import json
import os
from pathlib import Path

import layerlore as ll
from layerlore.storage import FORMAT
from report.histories import history
from report.tiny import tiny
from zoo.studies.studies import saved

ATTACK = "<img src=x onerror=alert(1)>"


def good_runs(root: Path) -> None:
    """A run of each kind, one of them named like an attack, and one deep inside."""
    history("small").save(root / "training")
    history("hostile").save(root / "a" / "b" / ATTACK)
    tiny("table").save(root / "depth")
    (root / "study").mkdir()
    saved(root / "study", runs=False)


def bad_runs(root: Path) -> dict[str, str]:
    """A folder of every bad kind; what the list has to say of each."""
    (root / "foreign").mkdir()
    (root / "foreign" / "manifest.json").write_text('{"name": "An app", "icons": []}')
    (root / "no_json").mkdir()
    (root / "no_json" / "manifest.json").write_bytes(b"\x00\xff{")
    manifest = {"format": FORMAT, "kind": "history", "created": "2026", "identity": {}, "settings": {}}
    _manifest(root / "newer", manifest | {"format": FORMAT + 1})
    _manifest(root / "unknown", manifest | {"kind": "sculpture"})
    _manifest(root / "headless", {"format": FORMAT, "kind": "history"})
    _manifest(root / "shapeless", manifest | {"settings": 3, "weights": "none"})
    _manifest(root / "empty", manifest | {"weights": [], "versions": {}})
    (root / "folder_for_file" / "manifest.json").mkdir(parents=True)
    history("small").save(root / "broken_end")
    with (root / "broken_end" / "records.jsonl").open("ab") as file:
        file.write(b'{"stp": 1}\n')
    tiny("table").save(root / "no_arrays")
    (root / "no_arrays" / "arrays").rename(root / "no_arrays" / "array")
    (root / "loop").symlink_to(root)
    (root / "self").symlink_to(root / "self")
    (root / "away").symlink_to("/")
    history("small").save(root / "linked_file")
    (root / "linked_file" / "manifest.json").rename(root / "linked_file" / "real.json")
    (root / "linked_file" / "manifest.json").symlink_to(root / "linked_file" / "real.json")
    history("small").save(root / "pipe")
    (root / "pipe" / "records.jsonl").unlink()
    os.mkfifo(root / "pipe" / "records.jsonl")
    (root / "huge").mkdir()
    with (root / "huge" / "manifest.json").open("wb") as file:
        file.truncate(1 << 27)
    (root / "not_a_run" / "within").mkdir(parents=True)
    (root / "not_a_run" / "notes.txt").write_text("nothing to see")
    (root / ".hidden").mkdir()
    (root / ".hidden" / "manifest.json").write_text("{}")
    return {
        "foreign": "is not a LayerLore manifest",
        "no_json": "cannot be read",
        "newer": "has format 2, this version of LayerLore reads up to 1: update layerlore",
        "unknown": "'sculpture' run, which this version of LayerLore does not know",
        "headless": "damaged (KeyError: 'created')",
        "shapeless": "damaged (AttributeError",
        "empty": "holds no finished record in records.jsonl",
        "folder_for_file": "manifest.json is of the wrong type",
        "broken_end": "the last line of records.jsonl is damaged",
        "no_arrays": "its folder arrays is missing",
        "loop": "links are not followed",
        "self": "links are not followed",
        "away": "links are not followed",
        "linked_file": "its manifest.json is a link",
        "pipe": "its records.jsonl is of the wrong type",
        "huge": "far more than any of LayerLore's",
    }


def begun(folder: Path, n_records: int = 0, names: tuple[str, ...] = ("a", "b")) -> list[bytes]:
    """A run through training that has begun, with some of its records; the lines of all 40."""
    whole = folder.with_name(folder.name + "_whole")
    found = ll.History.from_table(names, _values(len(names)), measure="rwc_l1")
    found.manifest.update(finished=False, run_id="one")
    found.save(whole)
    lines = (whole / "records.jsonl").read_bytes().splitlines(keepends=True)
    folder.mkdir(parents=True)
    (whole / "manifest.json").rename(folder / "manifest.json")
    (whole / "records.jsonl").unlink()
    whole.rmdir()
    (folder / "records.jsonl").write_bytes(b"".join(lines[:n_records]))
    return lines


def append(folder: Path, *lines: bytes) -> None:
    """More lines at the end of the records."""
    with (folder / "records.jsonl").open("ab") as file:
        file.write(b"".join(lines))


def _values(n_layers: int):
    import numpy as np

    return np.random.default_rng(0).uniform(0.01, 1, (n_layers, 40))


def _manifest(folder: Path, content: dict) -> None:
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps(content))
