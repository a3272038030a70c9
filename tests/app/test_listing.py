"""What the list says of each run: good ones as they are, bad ones with the reason, none of them stops another."""

import json
import os
import shutil

import pytest

from app.runs import ATTACK, append, bad_runs, begun, good_runs
from layerlore.app import listing
from layerlore.app.listing import Facts, Listing, last_step, state_of
from layerlore.errors import RunError
from report.histories import history
from report.tiny import tiny


@pytest.fixture(scope="module")
def entries(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    good_runs(root)
    reasons = bad_runs(root)
    return {entry.place: entry for entry in Listing(root).entries()[0]}, reasons, root


def test_good_runs_say_what_they_are(entries):
    found, _, _ = entries
    small, knowledge = history("small"), tiny("table")
    training, deep, depth, study = (found[place] for place in ("training", f"a/b/{ATTACK}", "depth", "study"))
    assert {entry.mark for entry in (training, deep, depth, study)} == {"finished"}
    assert (training.facts.kind, training.facts.n_layers) == ("through training", len(small.layers))
    assert training.facts.amount == f"up to step {small.steps[-1]}"
    assert training.facts.created == small.manifest["created"][:16].replace("T", " ")
    assert (deep.facts.network, deep.facts.amount) == ("<u>Net</u>", f"up to <i>lap</i> {small.steps[-1]}")
    assert (depth.facts.kind, depth.facts.network, depth.facts.n_layers, depth.facts.amount) == (
        "through depth",
        knowledge.manifest["settings"]["network"],
        len(knowledge.layers),
        f"{knowledge.n_samples} samples",
    )
    assert (study.facts.kind, study.facts.n_layers) == ("study", None)


def test_every_bad_folder_is_there_with_the_reason(entries):
    found, reasons, root = entries
    said = {place: found[place].state for place in reasons}
    assert {place: words for place, words in said.items() if reasons[place] not in words} == {}
    assert {found[place].mark for place in reasons} == {"damaged"}
    # Paths are told from the served folder.
    assert not any(str(root) in words for words in said.values())


def test_a_run_that_is_being_written(tmp_path):
    lines = begun(tmp_path / "run")
    (entry,), _ = Listing(tmp_path).entries()
    assert (entry.mark, entry.facts.amount) == ("writing", "no record yet")
    append(tmp_path / "run", *lines[:7], b'{"step": 99, "colu')
    (entry,), _ = Listing(tmp_path).entries()
    assert (entry.mark, entry.state, entry.facts.amount) == ("writing", "being written", "up to step 7")
    for name in ("manifest.json", "records.jsonl"):
        os.utime(tmp_path / "run" / name, (1e9, 1e9))
    (entry,), _ = Listing(tmp_path).entries()
    assert entry.mark == "stopped"
    assert entry.state.startswith("not finished; nothing new for")


def test_an_explanation_that_is_being_written(tmp_path):
    tiny("table").save(tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "arrays" / "finished_calibration")
    (tmp_path / "run" / "arrays" / "finished_splits" / "c" / "2").unlink()
    (entry,), _ = Listing(tmp_path).entries()
    assert (entry.mark, entry.facts.amount) == ("writing", "0 of 4 samples")


def test_only_what_has_changed_is_read_again(tmp_path, monkeypatch):
    lines = begun(tmp_path / "one", 3)
    begun(tmp_path / "two", 3)
    runs, read = Listing(tmp_path), []
    real = listing.facts_of
    monkeypatch.setattr(listing, "facts_of", lambda path, root: read.append(path.name) or real(path, root))
    assert len(runs.entries()[0]) == 2
    assert sorted(read) == ["one", "two"]
    runs.entries()
    assert len(read) == 2
    append(tmp_path / "one", lines[3])
    first, _ = runs.entries()[0]
    assert (read[2:], first.facts.amount) == (["one"], "up to step 4")
    shutil.rmtree(tmp_path / "one")
    assert [entry.place for entry in runs.entries()[0]] == ["two"]


def test_a_folder_that_vanishes_is_said(tmp_path):
    (tmp_path / "runs").mkdir()
    runs = Listing(tmp_path / "runs")
    assert runs.entries() == ([], True)
    (tmp_path / "runs").rmdir()
    with pytest.raises(RunError, match="is gone"):
        runs.entries()


@pytest.mark.parametrize("length", [1, 100, 20_000, 200_000])
def test_the_last_step_is_found_from_the_end(tmp_path, length):
    file = tmp_path / "records.jsonl"
    lines = [json.dumps({"step": step, "values": {"a" * length: [1.0]}}) for step in (3, 8, 12)]
    file.write_text("\n".join(lines) + "\n")
    assert last_step(file) == 12
    file.write_text("\n".join(lines))
    assert last_step(file) == 8
    file.write_text(lines[0])
    assert last_step(file) is None
    file.write_text("")
    assert last_step(file) is None
    file.unlink()
    assert last_step(file) is None


def test_a_file_without_lines_is_not_read_to_its_end(tmp_path):
    with (tmp_path / "records.jsonl").open("wb") as file:
        file.truncate(1 << 32)
    with pytest.raises(RunError, match="too long to be a record"):
        last_step(tmp_path / "records.jsonl")


def test_states_in_words():
    assert state_of(Facts(finished=False, changed=1000.0), 1059.0) == ("being written", "writing")
    assert state_of(Facts(finished=False, changed=1000.0), 1180.0) == (
        "not finished; nothing new for 3 minutes",
        "stopped",
    )
    assert state_of(Facts(trouble="it is odd"), 0.0) == ("it is odd", "damaged")
