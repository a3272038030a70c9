import copy
import io
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from layerlore.dynamics import MEASURES, History
from layerlore.dynamics.tracker import WeightTracker
from layerlore.errors import InputError, RunError
from layerlore.zoo import small_resnet
from reference.tracked_training import N_STEPS, Log, network, optimiser_of, same_history, scale, tracked, train


def saved(tracker: WeightTracker, model: nn.Module, optimiser: torch.optim.Optimizer) -> io.BytesIO:
    file = io.BytesIO()
    torch.save([tracker.state_dict(), model.state_dict(), optimiser.state_dict(), torch.get_rng_state()], file)
    file.seek(0)
    return file


@pytest.mark.filterwarnings("ignore:snapshots were kept in bfloat16")
@pytest.mark.parametrize("snapshot", ["device", "cpu", "bf16"])
@pytest.mark.parametrize("in_folder", [False, True])
def test_resumed_training_gives_the_same_records(snapshot: str, in_folder: bool, tmp_path: Path) -> None:
    def make(model: nn.Module, run: str) -> WeightTracker:
        folder = tmp_path / run if in_folder else None
        measures = [*MEASURES, "rwc_trimmed"]
        return WeightTracker(model, every=2, snapshot=snapshot, measures=measures, gradients=True, run=folder)

    model = network()
    optimiser = optimiser_of(model)
    with make(model, "whole") as whole:
        train(model, optimiser, range(1, 10), whole.step)

    model = network()
    optimiser = optimiser_of(model)
    tracker = make(model, "parts")
    train(model, optimiser, range(1, 4), tracker.step)
    file = saved(tracker, model, optimiser)
    # A few more steps are made and recorded before the process is killed: their records are made again.
    train(model, optimiser, range(4, 7), tracker.step)

    model = network(seed=7)
    optimiser = optimiser_of(model)
    tracker = make(model, "parts")
    states = torch.load(file, weights_only=True)
    tracker.load_state_dict(states[0])
    model.load_state_dict(states[1])
    optimiser.load_state_dict(states[2])
    torch.set_rng_state(states[3])
    with tracker:
        train(model, optimiser, range(4, 10), tracker.step)
    same_history(tracker.history(), whole.history())


def test_a_killed_line_is_dropped(tmp_path: Path) -> None:
    model = network()
    tracker = tracked(model, run=tmp_path / "run")
    state = tracker.state_dict()
    with (tmp_path / "run" / "records.jsonl").open("a") as file:
        file.write('{"step": 7, "col')
    again = WeightTracker(network(), run=tmp_path / "run")
    again.load_state_dict(state)
    again.step()
    assert History.load(tmp_path / "run").steps.tolist() == list(range(1, 8))


def test_a_checkpoint_from_before_the_first_record(tmp_path: Path) -> None:
    tracker = WeightTracker(network(), every=100, run=tmp_path / "run")
    tracker.step()
    state = tracker.state_dict()
    again = WeightTracker(network(), every=100, run=tmp_path / "run")
    again.load_state_dict(state)
    assert again.record(2).step == 2


def test_states_are_copies() -> None:
    model = network()
    tracker = WeightTracker(model, every=3)
    state = tracker.state_dict()
    before = copy.deepcopy(state)
    train(model, optimiser_of(model), range(1, 4), tracker.step)
    for kind in ("earlier", "initial"):
        for name, tensor in before["snapshots"][kind].items():
            assert torch.equal(tensor, state["snapshots"][kind][name])


def test_events_survive_a_checkpoint() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    tracker = WeightTracker(model)
    model[0].weight.requires_grad_(False)
    tracker.step()
    state = tracker.state_dict()
    fresh = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 2))
    again = WeightTracker(fresh)
    again.load_state_dict(state)
    # The new network differs from the checkpoint's: what happened in between is noticed at the next record.
    assert [(event.layer, event.what) for event in again.step().events] == [
        ("0.weight", "unfrozen"),
        ("2.weight", "added"),
    ]
    assert [event.what for event in again.history().events] == ["frozen", "unfrozen", "added"]


def test_states_that_do_not_belong_are_refused(tmp_path: Path) -> None:
    state = tracked(network(), run=tmp_path / "run").state_dict()
    plain = tracked(network()).state_dict()

    def load(found: object, model: nn.Module | None = None, **options: Any) -> None:
        tracker = WeightTracker(model or network(), **options)
        tracker.load_state_dict(found)  # type: ignore[arg-type]

    with pytest.raises(InputError, match="saved with a run folder and this tracker has none"):
        load(state)
    with pytest.raises(InputError, match="saved without a run folder and this tracker has one"):
        load(plain, run=tmp_path / "new")
    with pytest.raises(RunError, match="holds another run"):
        load(state, run=tmp_path / "third")
    with pytest.raises(InputError, match=r"other options .*every: asked 5, found 1"):
        load(plain, every=5)
    with pytest.raises(InputError, match=r"belongs to another network.*'head\.fc\.weight'.*'0\.weight'"):
        load(plain, nn.Sequential(nn.Linear(2, 2)))
    with pytest.raises(InputError, match=r"'head\.fc\.weight' has changed its shape from \(10, 8\) to \(5, 8\)"):
        load(plain, small_resnet(5, channels=(4, 6, 8)))
    with pytest.raises(InputError, match=r"no state of a WeightTracker \(format None"):
        load({})
    del plain["snapshots"]["earlier"]
    with pytest.raises(InputError, match="the state is damaged"):
        load(plain)
    lines = (tmp_path / "run" / "records.jsonl").read_bytes().split(b"\n")
    (tmp_path / "run" / "records.jsonl").write_bytes(b"\n".join([*lines[:2], b""]))
    with pytest.raises(RunError, match="holds 2 records up to step 6, the checkpoint was written after 6"):
        load(state, run=tmp_path / "run")


def test_a_state_that_is_refused_changes_nothing() -> None:
    tracker = tracked(network())
    expected = tracker.history()
    bad = tracker.state_dict()
    bad["snapshots"]["earlier"]["stem.conv.weight"] = torch.zeros(1)
    with pytest.raises(InputError):
        tracker.load_state_dict(bad)
    same_history(tracker.history(), expected)
    assert tracker.step().value("stem.conv.weight", "rwc_l1") == 0


@pytest.mark.parametrize("in_folder", [False, True])
def test_a_tracker_survives_pickle_with_its_network(in_folder: bool, tmp_path: Path) -> None:
    model = network()
    tracker = tracked(model, run=tmp_path / "run" if in_folder else None, sinks=[Log()])
    other = pickle.loads(pickle.dumps(tracker))
    assert other.model is not model
    scale(other.model.stem.conv.weight)
    record = other.step()
    assert record.step == N_STEPS + 1
    assert record.value("stem.conv.weight", "rwc_l1") == 1.0
    assert other.history().steps.tolist() == list(range(1, N_STEPS + 2))


def test_memory_is_counted() -> None:
    elements = sum(weight.numel() for weight in network().parameters() if weight.dim() > 1)
    assert WeightTracker(network()).memory == 8 * elements
    assert WeightTracker(network(), measures="rwc_l1").memory == 4 * elements
    assert WeightTracker(network(), measures="rwc_l1", snapshot="bf16").memory == 2 * elements
