import math

import pytest
import torch
from torch import nn

from layerlore.dynamics import MEASURES
from layerlore.dynamics.schedule import log_points
from layerlore.dynamics.tracker import WeightTracker
from layerlore.errors import InputError, QualityWarning, RunError
from reference.slow_tracking import change, copies_of
from reference.tracked_training import N_STEPS, network, optimiser_of, scale, tracked, train


@pytest.mark.parametrize("snapshot", ["device", "cpu"])
def test_numbers_are_those_of_copies_at_every_step(snapshot: str) -> None:
    model = network()
    tracker = WeightTracker(model, measures=[*MEASURES, "rwc_median"], snapshot=snapshot)
    copies = [copies_of(model)]

    def after(step: int) -> None:
        copies.append(copies_of(model))
        record = tracker.step()
        assert record.step == step
        for name, later in copies[-1].items():
            for column, expected in change(copies[-2][name], later, copies[0][name]).items():
                # Sums over at most 432 float32 elements, which themselves are exact: far below 1e-6.
                assert record.value(name, column) == pytest.approx(expected, rel=1e-6), (step, name, column)

    train(model, optimiser_of(model), range(1, N_STEPS + 1), after)
    history = tracker.history()
    assert history.steps.tolist() == list(range(1, N_STEPS + 1))
    assert history.layers == list(copies[0])
    assert history.manifest["start"] == 0


def test_schedule_measures_between_recorded_steps() -> None:
    model = network()
    tracker = WeightTracker(model, every=3, measures="rwc_l1")
    first = copies_of(model)
    train(model, optimiser_of(model), range(1, 4), tracker.step)
    third = copies_of(model)
    assert [record.step for record in tracker.records] == [3]
    for name, earlier in first.items():
        expected = change(earlier, third[name], earlier)["rwc_l1"]
        assert tracker.records[0].value(name, "rwc_l1") == pytest.approx(expected, rel=1e-6)


def test_gradient_norms() -> None:
    model = network()
    model.layer1.conv1.weight.requires_grad_(False)
    tracker = WeightTracker(model, gradients=True)

    def after(step: int) -> None:
        record = tracker.step()
        assert record is not None
        for name, weight in model.named_parameters():
            if name == "layer1.conv1.weight":
                assert math.isnan(record.value(name, "gradient_norm"))
            elif weight.dim() > 1:
                expected = weight.grad.double().pow(2).sum().sqrt().item()
                assert record.value(name, "gradient_norm") == pytest.approx(expected, rel=1e-12)

    train(model, optimiser_of(model), range(1, 3), after)
    assert "gradient_norm" in tracker.history().measures


def test_gradient_norm_of_looked_up_rows() -> None:
    model = nn.Embedding(5, 2, sparse=True)
    tracker = WeightTracker(model, gradients=True)
    model(torch.tensor([1, 1, 3])).sum().backward()
    assert tracker.step().value("weight", "gradient_norm") == pytest.approx(math.sqrt(2 * 2**2 + 2 * 1))


@pytest.mark.filterwarnings("ignore:snapshots were kept in bfloat16")
def test_unchanged_weights_give_exactly_0_in_every_mode() -> None:
    for snapshot in ("device", "cpu", "bf16"):
        record = WeightTracker(network(), snapshot=snapshot, measures=[*MEASURES, "rwc_median"]).step()
        assert {value for row in record.values.values() for value in row} == {0.0}


def test_bf16_rounds_both_sides() -> None:
    model = network()
    rounded = {name: weight.detach().bfloat16().float() for name, weight in model.named_parameters()}
    with pytest.warns(QualityWarning, match="distance_from_init are wrong, some by factors"):
        tracker = WeightTracker(model, snapshot="bf16", measures=["rwc_l1", "distance_from_init"])
    train(model, optimiser_of(model), [1])
    record = tracker.step()
    for name, weight in model.named_parameters():
        if weight.dim() > 1:
            earlier, later = rounded[name].double().numpy(), weight.detach().bfloat16().double().numpy()
            expected = change(earlier, later, earlier)
            assert record.value(name, "rwc_l1") == pytest.approx(expected["rwc_l1"], rel=1e-6)
            assert record.value(name, "distance_from_init") == pytest.approx(expected["distance_from_init"], rel=1e-6)
    assert ["wrong" in note for note in tracker.history().notes] == [True, False]


def test_bf16_records_what_it_gets_right() -> None:
    tracker = WeightTracker(network(), snapshot="bf16")
    tracker.step()
    history = tracker.history()
    assert history.measures == ["rwc_l1", "rwc_elementwise"]
    assert [note.startswith("snapshots were kept in bfloat16") for note in history.notes] == [True]


def test_a_lora_matrix_that_starts_at_zero() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    nn.init.zeros_(model[0].weight)
    tracker = WeightTracker(model)
    still = tracker.step()
    assert still.value("0.weight", "rwc_l1") == 0.0
    assert still.value("0.weight", "zero_start") == 0
    nn.init.ones_(model[0].weight)
    grown = tracker.step()
    assert math.isnan(grown.value("0.weight", "rwc_l1"))
    assert grown.value("0.weight", "zero_start") == 1
    scale(model[0].weight)
    assert tracker.step().value("0.weight", "rwc_l1") == 1.0


def test_diverged_weights_give_nan_and_a_count() -> None:
    model = network()
    tracker = WeightTracker(model, measures=["rwc_l1", "rwc_median"])
    with torch.no_grad():
        model.stem.conv.weight[0] = math.nan
    record = tracker.step()
    assert record.value("stem.conv.weight", "nonfinite") == 9
    assert math.isnan(record.value("stem.conv.weight", "rwc_l1"))
    assert math.isnan(record.value("stem.conv.weight", "rwc_median"))


def test_the_last_step_is_recorded() -> None:
    with tracked(network(), every=4) as tracker:
        pass
    assert tracker.history().steps.tolist() == [4, 6]


def test_finish_records_nothing_twice() -> None:
    tracker = tracked(network(), every=3)
    tracker.finish()
    tracker.finish()
    assert tracker.history().steps.tolist() == [3, 6]


def test_log_schedule() -> None:
    with WeightTracker(nn.Linear(2, 2), every="log", measures="rwc_l1") as tracker:
        for _ in range(70):
            tracker.step()
    assert tracker.history().steps.tolist() == [*log_points(70), 70]


def test_a_function_as_schedule() -> None:
    tracker = tracked(network(), every=lambda step: step % 4 == 1)
    assert [record.step for record in tracker.records] == [1, 5]


def test_record_ignores_the_schedule() -> None:
    tracker = WeightTracker(network(), every=100)
    assert tracker.step(7) is None
    assert tracker.record(7).step == 7
    assert tracker.record(9).step == 9


def test_steps_from_zero() -> None:
    tracker = tracked(network(), steps=range(3))
    assert tracker.history().steps.tolist() == [0, 1, 2]
    assert tracker.history().manifest["start"] == -1


def test_record_0_takes_the_first_snapshot_again() -> None:
    model = network()
    tracker = WeightTracker(model)
    loaded = network(1)
    model.load_state_dict(loaded.state_dict())
    assert tracker.record(0) is None
    record = tracker.record(1)
    assert record.value("stem.conv.weight", "rwc_l1") == 0
    assert record.value("stem.conv.weight", "distance_from_init") == 0


def test_steps_that_do_not_increase_are_refused() -> None:
    tracker = WeightTracker(network(), every=10)
    tracker.step(5)
    with pytest.raises(InputError, match="step=5 does not come after step 5, the last one"):
        tracker.step(5)
    tracker.record(6)
    with pytest.raises(InputError, match="step=6 was recorded already"):
        tracker.record(6)
    with pytest.raises(InputError, match="step=3 lies before step 6"):
        tracker.record(3)
    with pytest.raises(InputError, match="step=0 lies before step 6"):
        tracker.record(0)
    assert [record.step for record in tracker.records] == [6]


def test_no_step_after_the_end() -> None:
    tracker = tracked(network())
    tracker.finish()
    with pytest.raises(RunError, match="step 7 comes after the tracker was finished"):
        tracker.step()


def test_history_without_a_record_is_refused() -> None:
    with pytest.raises(InputError, match="there is no record yet: a change needs two snapshots"):
        WeightTracker(network()).history()


@pytest.mark.usefixtures("without_type_checks")
def test_wrong_options_are_refused() -> None:
    for options, message in (
        ({"snapshot": "gpu"}, "snapshot='gpu' is not known"),
        ({"measures": ["rwc_l3"]}, "measures='rwc_l3' is not known; did you mean"),
        ({"every": 0}, "every=0 must be a whole number"),
        ({"sinks": [print]}, "a sink has the methods open, write and close"),
    ):
        with pytest.raises(InputError, match=message):
            WeightTracker(network(), **options)
    with pytest.raises(InputError, match=r"model is a dict, not a torch\.nn\.Module"):
        WeightTracker({})  # type: ignore[arg-type]
