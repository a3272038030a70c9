import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from layerlore.dynamics import MEASURES
from layerlore.dynamics.tracker import WeightTracker
from layerlore.errors import InputError, RunError
from layerlore.zoo import load_data
from reference.tracked_training import N_STEPS, Log, network, optimiser_of, tracked, train


def fingerprint_of(model: nn.Module, optimiser: torch.optim.Optimizer) -> list[object]:
    """Every bit that training depends on, as values that can be compared."""
    state = optimiser.state_dict()["state"]
    tensors = [*model.state_dict().values(), *(value for entry in state.values() for value in entry.values())]
    gradients = [weight.grad for weight in model.parameters()]
    return [
        *(tensor.detach().cpu().numpy().tobytes() for tensor in [*tensors, *gradients] if tensor is not None),
        torch.get_rng_state().numpy().tobytes(),
        np.random.get_state()[1].tobytes(),  # noqa: NPY002 (the state that others share)
        random.getstate(),
        [weight.requires_grad for weight in model.parameters()],
        [module.training for module in model.modules()],
        [weight._version for weight in model.parameters()],
        [len(module._forward_hooks) + len(module._backward_hooks) for module in model.modules()],
        [weight._backward_hooks for weight in model.parameters()],
        torch.is_grad_enabled(),
        torch.get_num_threads(),
    ]


@pytest.fixture(autouse=True)
def _data_is_read() -> None:
    # scikit-learn draws random numbers while it is imported.
    load_data("digits")


def watched(options: dict[str, Any] | None) -> list[object]:
    torch.manual_seed(3)
    random.seed(3)
    np.random.seed(3)  # noqa: NPY002
    model = network()
    model.layer1.conv1.weight.requires_grad_(False)
    model.layer2.bn1.eval()
    optimiser = optimiser_of(model)
    if options is None:
        train(model, optimiser, range(N_STEPS))
    else:
        with WeightTracker(model, **options) as tracker:
            train(model, optimiser, range(N_STEPS), tracker.step)
        assert len(tracker.records) == N_STEPS
    return fingerprint_of(model, optimiser)


# The tests' checks of types draw random numbers of their own.
@pytest.mark.usefixtures("without_type_checks")
@pytest.mark.filterwarnings("ignore:snapshots were kept in bfloat16")
@pytest.mark.parametrize("snapshot", ["device", "cpu", "bf16"])
def test_watching_changes_nothing(snapshot: str, tmp_path: Path) -> None:
    options = {
        "snapshot": snapshot,
        "measures": [*MEASURES, "rwc_median"],
        "gradients": True,
        "norms": True,
        "biases": True,
        "sinks": [Log()],
        "run": tmp_path / "run",
    }
    assert watched(options) == watched(None)


@pytest.mark.usefixtures("without_type_checks")
def test_errors_leave_the_network_as_it_was() -> None:
    found = []
    for watching in (False, True):
        random.seed(3)
        model = network()
        optimiser = optimiser_of(model)
        tracker = WeightTracker(model)
        train(model, optimiser, range(2), tracker.step if watching else lambda step: step)
        weight, kept = model.head.fc.weight, model.head.fc.weight.data
        weight.data = torch.zeros(3, 3)
        if watching:
            with pytest.raises(InputError, match="has changed its shape"):
                tracker.step()
            with pytest.raises(InputError, match="does not come after"):
                tracker.step(1)
        weight.data = kept
        train(model, optimiser, range(2, 4))
        found.append(fingerprint_of(model, optimiser))
    assert found[0] == found[1]


def test_an_interrupted_record_is_not_mixed_with_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    model = network()
    tracker = tracked(model, every=2)
    state = tracker.state_dict()

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("layerlore.dynamics.snapshots.measures_of", interrupted)
        with pytest.raises(KeyboardInterrupt):
            tracker.record(7)
    for call in (lambda: tracker.step(8), tracker.state_dict):
        with pytest.raises(RunError, match="interrupted a record half-way"):
            call()
    tracker.load_state_dict(state)
    assert tracker.step(8).step == 8


def test_tracking_from_inference_mode() -> None:
    model = network()
    with torch.inference_mode():
        tracker = WeightTracker(model)
        tracker.step()
    # Tensors made in inference mode cannot be overwritten outside of it, which not every kernel would notice.
    assert not any(copy.is_inference() for copy in tracker._snapshots._earlier.values())
    train(model, optimiser_of(model), [1])
    assert tracker.step().value("stem.conv.weight", "rwc_l1") > 0
