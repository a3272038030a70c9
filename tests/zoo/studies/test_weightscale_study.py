"""The weightscale study from end to end, on scikit-learn's digits."""

from pathlib import Path

import numpy as np
import pytest

from layerlore.dynamics.history import History
from layerlore.zoo.studies import training, weightscale
from layerlore.zoo.studies.result import Study
from layerlore.zoo.studies.settings import weightscale_settings


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Study:
    settings = weightscale_settings(("resnet20",), ("digits",), epochs=3, seeds=2, train_samples=100)
    return weightscale.run(settings, tmp_path_factory.mktemp("study"), progress=False)


def test_every_training_is_a_run_of_its_own(done: Study) -> None:
    assert done.path is not None
    assert [network["name"] for network in done.networks] == ["resnet20_digits_0", "resnet20_digits_1"]
    first, second = (History.load(done.path / network["run"]) for network in done.networks)
    assert first.layers == second.layers
    assert first.steps.tolist() == [1, 2, 3]
    # Seeds are other weights in another order.
    assert not np.allclose(first.values(), second.values(), equal_nan=True)


def test_seeds_share_the_samples(done: Study) -> None:
    assert {network["n_train"] for network in done.networks} == {100}
    assert done.data["digits"]["n_train"] == 100


def test_the_claims_are_about_the_network_and_its_data(done: Study) -> None:
    assert done.claims
    assert any(claim.network == "resnet20, digits" and claim.n == 20 for claim in done.claims)


def test_the_same_command_again_trains_nothing(done: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "train", lambda *_, **__: pytest.fail("this was trained already"))
    settings = weightscale_settings(("resnet20",), ("digits",), epochs=3, seeds=2, train_samples=100)
    again = weightscale.run(settings, Path(str(done.path)), progress=False)
    assert [claim.to_json() for claim in again.claims] == [claim.to_json() for claim in done.claims]
