from pathlib import Path
from typing import Any

import pytest

from layerlore.dynamics import History
from layerlore.dynamics.tracker import WeightTracker
from layerlore.errors import QualityWarning, RunError
from layerlore.storage import read_manifest
from reference.tracked_training import N_STEPS, Log, network, same_history, tracked


def test_sinks_are_opened_written_and_closed() -> None:
    log = Log()
    with tracked(network(), every=4, sinks=[log], measures="rwc_l1", gradients=True):
        pass
    assert log.told == [("open", 8, ("rwc_l1", "gradient_norm")), ("write", 4), ("write", 6), ("close",)]


def test_sinks_are_closed_after_an_error() -> None:
    log = Log()
    with pytest.raises(ZeroDivisionError), tracked(network(), every=4, sinks=[log]):
        _ = 1 / 0
    assert log.told[-2:] == [("write", 4), ("close",)]


def finished_history(**options: Any) -> History:
    with tracked(network(), **options) as tracker:
        pass
    return tracker.history()


@pytest.mark.parametrize(("fails_in", "told"), [("open", 1), ("write", 2), ("close", 8)])
def test_a_sink_that_raises_is_dropped_with_one_warning(fails_in: str, told: int) -> None:
    bad, good = Log(fails_in), Log()
    with pytest.warns(QualityWarning, match=f"the sink Log raised ValueError in {fails_in}") as warned:
        history = finished_history(sinks=[bad, good])
    assert len(warned) == 1
    assert len(bad.told) == told
    assert [what for what, *_ in good.told] == ["open", *["write"] * N_STEPS, "close"]
    assert any("the service is down" in note for note in history.notes)


def test_a_run_is_what_would_be_kept_in_memory(tmp_path: Path) -> None:
    with tracked(network(), run=tmp_path / "run", name="small", unit="epoch") as tracker:
        # It can be read before it is finished.
        assert History.load(tmp_path / "run").steps.tolist() == list(range(1, N_STEPS + 1))
        assert read_manifest(tmp_path / "run")["finished"] is False
    same_history(tracker.history(), tracked(network()).history())
    same_history(History.load(tmp_path / "run"), tracker.history())
    manifest = read_manifest(tmp_path / "run")
    assert manifest["finished"] is True
    assert manifest["settings"] == {"name": "small", "unit": "epoch"}
    assert manifest["start"] == 0


def test_a_run_keeps_no_records_in_memory(tmp_path: Path) -> None:
    tracker = tracked(network(), run=tmp_path / "run")
    assert tracker.state_dict()["records"] == []
    assert len(tracker.records) == N_STEPS


def test_a_finished_run_is_not_recorded_over(tmp_path: Path) -> None:
    with tracked(network(), run=tmp_path / "run"):
        pass
    before = (tmp_path / "run" / "records.jsonl").read_bytes()
    again = WeightTracker(network(), run=tmp_path / "run")
    with pytest.raises(RunError, match="holds records of a run that is finished: call load_state_dict"):
        again.step()
    again.finish()
    assert (tmp_path / "run" / "records.jsonl").read_bytes() == before
    assert read_manifest(tmp_path / "run")["finished"] is True


def test_a_finished_run_is_extended_from_its_checkpoint(tmp_path: Path) -> None:
    model = network()
    with tracked(model, run=tmp_path / "run") as tracker:
        state = tracker.state_dict()
    again = WeightTracker(model, run=tmp_path / "run")
    again.load_state_dict(state)
    assert read_manifest(tmp_path / "run")["finished"] is False
    again.step()
    again.finish()
    assert History.load(tmp_path / "run").steps.tolist() == list(range(1, N_STEPS + 2))
    assert read_manifest(tmp_path / "run")["finished"] is True


def test_a_foreign_folder_is_refused(tmp_path: Path) -> None:
    tracked(network(), run=tmp_path / "run", measures="rwc_l1")
    with pytest.raises(RunError, match=r"another run \(measures: asked \['rwc_l2'\], found \['rwc_l1'\]"):
        WeightTracker(network(), run=tmp_path / "run", measures="rwc_l2")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    with pytest.raises(RunError, match=r"holds no manifest\.json"):
        WeightTracker(network(), run=tmp_path / "other")
    with pytest.raises(RunError, match="is a file: a run needs a folder of its own"):
        WeightTracker(network(), run=tmp_path / "other" / "notes.txt")


def test_an_unfinished_run_is_not_written_over(tmp_path: Path) -> None:
    tracked(network(), run=tmp_path / "run")
    before = (tmp_path / "run" / "records.jsonl").read_bytes()
    tracker = WeightTracker(network(), run=tmp_path / "run")
    with pytest.raises(RunError, match="holds records of a run that is not finished: call load_state_dict"):
        tracker.step()
    tracker.finish()
    assert (tmp_path / "run" / "records.jsonl").read_bytes() == before
    assert read_manifest(tmp_path / "run")["finished"] is False


def test_an_error_leaves_a_run_that_can_be_gone_on_with(tmp_path: Path) -> None:
    tracker = tracked(network(), run=tmp_path / "run")
    state = tracker.state_dict()
    with pytest.raises(ZeroDivisionError), tracker:
        _ = 1 / 0
    assert read_manifest(tmp_path / "run")["finished"] is False
    again = WeightTracker(network(), run=tmp_path / "run")
    again.load_state_dict(state)
    assert again.step().step == N_STEPS + 1
