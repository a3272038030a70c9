"""The layerwise study from end to end, on scikit-learn's digits."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from layerlore.dynamics.history import History
from layerlore.errors import QualityWarning, RunError
from layerlore.interactions.agreement import Agreement, agreement
from layerlore.interactions.knowledge import Knowledge
from layerlore.interactions.stability import Stability
from layerlore.zoo import accuracy, load_data
from layerlore.zoo.build import build
from layerlore.zoo.studies import layerwise, training
from layerlore.zoo.studies.result import Study
from layerlore.zoo.studies.settings import LayerwiseSettings, layerwise_settings

pytestmark = pytest.mark.filterwarnings(f"ignore::{QualityWarning.__module__}.{QualityWarning.__name__}")


def tiny(**changes: object) -> LayerwiseSettings:
    options = {"samples": 4, "n_players": 4, "draws": 2, "epochs": 3, "train_samples": 300, "probe_samples": 200}
    return layerwise_settings(("mlp7", "small_resnet"), "digits", **(options | changes))


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return layerwise.run(tiny(), tmp_path_factory.mktemp("study"), progress=False)


def folder(study: Study) -> Path:
    assert study.path is not None
    return study.path


def test_the_folder_holds_the_study(done: Study) -> None:
    again = Study.load(folder(done))
    assert again.to_json() == done.to_json()
    assert [network["name"] for network in again.networks] == ["mlp7", "small_resnet"]
    assert {claim.network for claim in again.claims} == {"mlp7", "small_resnet", "mlp7, small_resnet"}
    assert "--data digits" in again.command


def test_accuracies_are_those_of_the_weights(done: Study) -> None:
    data = load_data("digits")
    for network in done.networks:
        model = build(network["name"], 10, (1, 8, 8))
        model.load_state_dict(load_file(folder(done) / f"{network['name']}.safetensors"))
        assert network["accuracy"] == accuracy(model, data.test)
        assert network["n_train"] == 300
        assert network["n_test"] == 500


def test_every_part_can_be_loaded_on_its_own(done: Study) -> None:
    for network in done.networks:
        knowledge = Knowledge.load(folder(done) / network["run"])
        assert knowledge.n_samples == 4
        assert knowledge.n_players == 4
        for kappa, run in network["by_kappa"].items():
            split = Knowledge.load(folder(done) / run)
            assert split.split_settings.kappa == float(kappa)
            np.testing.assert_array_equal(split.scores(0), knowledge.scores(0))
        alone = Knowledge.load(folder(done) / network["and_only"])
        assert not alone.effects(0)[..., 1, :].any()
        steady = Stability.load(folder(done) / network["stability"])
        assert steady.by_order.layer.values.tolist() == [network["layer"], "output"]
        assert len(History.load(folder(done) / network["training"]).steps) == 3


def test_the_agreement_is_that_of_the_runs(done: Study) -> None:
    kept = Agreement.load(folder(done) / done.files["agreement"])
    runs = [Knowledge.load(folder(done) / network["run"]) for network in done.networks]
    again = agreement(*runs, layers=[network["layer"] for network in done.networks])
    np.testing.assert_array_equal(kept.by_order["iou"].values, again.by_order["iou"].values)


def test_the_same_command_again_trains_and_splits_nothing(done: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_arguments: object, **_options: object) -> None:
        raise AssertionError("this was done already")

    monkeypatch.setattr(training, "train", never)
    monkeypatch.setattr(layerwise, "resplit", never)
    monkeypatch.setattr(layerwise, "stability", never)
    again = layerwise.run(tiny(), folder(done), progress=False)
    assert [claim.to_json() for claim in again.claims] == [claim.to_json() for claim in done.claims]


@pytest.mark.parametrize(
    ("option", "value", "message"), [("draws", 3, "draws: asked 3, found 2"), ("sigma", 0.1, "sigma")]
)
def test_a_stability_of_other_noise_is_refused(done: Study, option: str, value: float, message: str) -> None:
    with pytest.raises(RunError, match=rf"mlp7_stability\.json was made otherwise \({message}"):
        layerwise.run(tiny(**{option: value}), folder(done), progress=False)


def test_the_clean_explanation_serves_the_stability(done: Study) -> None:
    # Without it the network is passed through the samples once more, and the noise floor is an estimate.
    for network in done.networks:
        steady = Stability.load(folder(done) / network["stability"])
        assert steady.settings["network"] == network["name"]
        assert "rounding" not in steady.settings["noise_floor"]


def test_gradients_of_another_run_are_refused(done: Study) -> None:
    path = folder(done) / "mlp7_gradients.json"
    content = path.read_text(encoding="utf-8")
    other = json.loads(content)
    other["identity"]["inputs"] = "0" * 64
    path.write_text(json.dumps(other), encoding="utf-8")
    try:
        with pytest.raises(RunError, match=r"mlp7_gradients\.json was made otherwise \(inputs: "):
            layerwise.run(tiny(), folder(done), progress=False)
    finally:
        path.write_text(content, encoding="utf-8")


def test_weights_of_another_training_are_refused(done: Study) -> None:
    with pytest.raises(RunError, match=r"mlp7\.safetensors was trained otherwise \(seed: asked 1, found 0\)"):
        layerwise.run(tiny(seed=1), folder(done), progress=False)


def test_given_weights_are_taken_and_not_trained(done: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "train", lambda *_, **__: pytest.fail("these weights were given"))
    settings = layerwise_settings(
        ("mlp7",),
        "digits",
        samples=4,
        n_players=4,
        draws=2,
        probe_samples=200,
        weights={"mlp7": folder(done) / "mlp7.safetensors"},
    )
    study = layerwise.run(settings, tmp_path, progress=False)
    assert study.networks[0]["accuracy"] == done.networks[0]["accuracy"]
    assert "training" not in study.networks[0]
    assert "agreement" not in study.files


def test_weights_that_do_not_fit_are_named(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(1)}, tmp_path / "other.pt")
    settings = layerwise_settings(("mlp7",), "digits", samples=4, n_players=4, weights={"mlp7": tmp_path / "other.pt"})
    with pytest.raises(RunError, match=r"other\.pt holds no weights of 'mlp7'"):
        layerwise.run(settings, tmp_path / "out", progress=False)
