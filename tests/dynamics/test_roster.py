import numpy as np
import pytest
import torch
from torch import nn

from layerlore.dynamics.tracker import WeightTracker
from layerlore.errors import InputError, QualityWarning
from reference.tracked_training import scale, tracked


def test_added_removed_frozen_and_unfrozen_weights_are_events() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 2))
    tracker = WeightTracker(model, measures=["rwc_l1", "distance_from_init"])
    assert tracker.step().events == ()

    model[0].weight.requires_grad_(False)
    model[1] = nn.Sequential(nn.Linear(2, 2))
    record = tracker.step()
    assert [(event.layer, event.what) for event in record.events] == [
        ("0.weight", "frozen"),
        ("1.0.weight", "added"),
        ("1.weight", "removed"),
    ]
    assert set(record.values) == {"0.weight", "2.weight"}

    model[0].weight.requires_grad_(True)
    scale(model[1][0].weight)
    record = tracker.step()
    assert [(event.layer, event.what) for event in record.events] == [("0.weight", "unfrozen")]
    # The first snapshot of an added weight is its initial one.
    assert record.values["1.0.weight"][:2] == [1.0, 1.0]

    history = tracker.history()
    assert history.layers == ["0.weight", "1.0.weight", "1.weight", "2.weight"]
    assert np.isnan(history.values("rwc_l1")).tolist() == [
        [False, False, False],
        [True, True, False],
        [False, True, True],
        [False, False, False],
    ]
    assert [event.step for event in history.events] == [2, 2, 2, 3]
    assert [weight.depth for weight in history.weights] == [0, 1, 2, 3]


def test_a_weight_that_comes_back_starts_anew() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    tracker = WeightTracker(model, measures=["distance_from_init"])
    gone = model[1]
    model[1] = nn.Identity()
    before = tracker.memory
    tracker.step()
    # Nothing is kept of a weight that is gone.
    assert tracker.memory == before / 2
    scale(gone.weight, 3.0)
    model[1] = gone
    assert [event.what for event in tracker.step().events] == ["added"]
    scale(gone.weight)
    assert tracker.step().values["1.weight"][0] == 1.0


def test_all_weights_replaced() -> None:
    model = nn.Sequential(nn.Linear(2, 2))
    tracker = WeightTracker(model)
    model[0] = nn.Sequential(nn.Linear(2, 2))
    record = tracker.step()
    assert {(event.layer, event.what) for event in record.events} == {("0.weight", "removed"), ("0.0.weight", "added")}
    assert record.values == {}
    assert "0.0.weight" in tracker.step().values


def test_a_changed_shape_is_an_error_that_changes_nothing() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    tracker = WeightTracker(model)
    kept = model[1].weight
    scale(model[0].weight)
    model[1].weight = nn.Parameter(torch.zeros(2, 3))
    with pytest.raises(InputError, match=r"'1\.weight' has changed its shape from \(2, 2\) to \(2, 3\)"):
        tracker.step()
    kept.data, original = torch.zeros(4, 1), kept.data
    model[1].weight = kept
    with pytest.raises(InputError, match=r"'1\.weight' has changed its shape from \(2, 2\) to \(4, 1\)"):
        tracker.step()
    kept.data = original
    assert tracker.step().value("0.weight", "rwc_l1") == 1.0


def test_a_replaced_parameter_is_the_same_weight() -> None:
    model = nn.Sequential(nn.Linear(2, 2))
    tracker = WeightTracker(model, measures="rwc_l1")
    model[0].weight = nn.Parameter(3 * model[0].weight.detach())
    record = tracker.step()
    assert record.events == ()
    # Tripling float32 elements rounds them, to 2**-24 of themselves.
    assert record.value("0.weight", "rwc_l1") == pytest.approx(2.0, rel=1e-6)


def test_a_change_of_dtype_on_the_way() -> None:
    model = nn.Sequential(nn.Linear(4, 4))
    tracker = WeightTracker(model, measures="rwc_l1")
    model.double()
    assert tracker.step().value("0.weight", "rwc_l1") == 0
    with torch.no_grad():
        model[0].weight *= 1 + 1e-12
    # The snapshot has moved to float64 with the weights: float32 would show nothing.
    assert tracker.step().value("0.weight", "rwc_l1") == pytest.approx(1e-12, rel=1e-3)
    model.bfloat16()
    assert 0 < tracker.step().value("0.weight", "rwc_l1") < 2**-8
    assert tracker.step().value("0.weight", "rwc_l1") == 0


def test_a_weight_that_becomes_complex_is_refused() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    tracker = WeightTracker(model)
    model[1].weight = nn.Parameter(torch.zeros(2, 2, dtype=torch.complex64))
    with pytest.raises(InputError, match=r"'1\.weight' was torch\.float32 at its snapshot and is torch\.complex64 now"):
        tracker.step()
    model[1].weight = nn.Parameter(torch.zeros(2, 2))
    assert tracker.step() is not None


def test_integers_are_left_out_with_a_warning() -> None:
    model = nn.Sequential(nn.Linear(2, 2))
    model.packed = nn.Parameter(torch.zeros(4, 1, dtype=torch.uint8), requires_grad=False)
    with pytest.warns(QualityWarning, match="1 parameters of integers, such as 'packed'"):
        tracker = WeightTracker(model)
    assert [weight.layer for weight in tracker.weights] == ["0.weight"]
    tracker.step()
    assert "packed" in tracker.history().notes[0]


def test_compiled_and_wrapped_networks_give_the_same_numbers() -> None:
    def simple() -> nn.Module:
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10))

    plain = tracked(simple()).history()
    for wrap in (lambda model: torch.compile(model, backend="eager"), nn.DataParallel):
        wrapped = tracked(wrap(simple())).history()
        assert wrapped.layers == plain.layers
        np.testing.assert_array_equal(wrapped.values("rwc_l1"), plain.values("rwc_l1"))
