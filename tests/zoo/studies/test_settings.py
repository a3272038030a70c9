"""What a study is asked to do is checked before anything runs."""

from pathlib import Path

import pytest

from layerlore.errors import InputError
from layerlore.zoo.studies.settings import layerwise_settings, weightscale_settings


def test_the_papers_settings_are_the_defaults(tmp_path):
    mnist = layerwise_settings(None, "mnist", root=tmp_path)
    assert (mnist.samples, mnist.n_players, mnist.draws, mnist.sigma) == (100, 10, 16, 0.02)
    assert mnist.networks == ("mlp7", "vgg11", "resnet20", "resnet32")
    cifar = layerwise_settings(None, "cifar10", root=tmp_path)
    assert (cifar.samples, cifar.n_players, cifar.kappas) == (30, 12, (0.03, 0.04, 0.05))
    assert layerwise_settings(None, "sst2", root=tmp_path).samples == 50
    weights = weightscale_settings(root=_both(tmp_path))
    assert (weights.epochs, weights.batch_size, weights.optimiser, weights.learning_rate) == (25, 128, "adam", 1e-3)


def _both(tmp_path: Path) -> Path:
    for name in ("cifar10", "cifar100"):
        (tmp_path / name).mkdir()
    return tmp_path


def test_quick_is_smaller():
    quick, whole = (layerwise_settings(None, "digits", quick=found) for found in (True, False))
    assert quick.samples < whole.samples
    assert quick.n_players < whole.n_players
    assert quick.draws < whole.draws
    assert layerwise_settings(None, "digits", quick=True, samples=9).samples == 9


def test_the_root_is_the_folder_or_holds_it(tmp_path):
    assert layerwise_settings(None, "mnist", root=tmp_path).root == tmp_path
    (tmp_path / "mnist").mkdir()
    assert layerwise_settings(None, "mnist", root=tmp_path).root == tmp_path / "mnist"
    (tmp_path / "cifar10").mkdir()
    with pytest.raises(InputError, match="cifar100' is no folder"):
        weightscale_settings(root=tmp_path)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"networks": ["resnet2"]}, r"network \(for 'digits'\)='resnet2' is not known; did you mean 'resnet"),
        ({"networks": ["bert"]}, "'bert' is not known"),
        ({"networks": ["mlp7", "mlp7"]}, "was named twice"),
        ({"networks": []}, "no network"),
        ({"data": "digit"}, "data='digit' is not known; did you mean 'digits'"),
        ({"data": "mnist"}, "set root to the folder"),
        ({"data": "mnist", "root": Path("nowhere")}, "is no folder"),
        ({"samples": 1}, "samples=1 must be a whole number, at least 2"),
        ({"n_players": 17}, "at most 16"),
        ({"draws": 1}, "draws=1"),
        ({"sigma": 0.0}, "sigma=0.0 must be a positive number"),
        ({"kappa": 1.0}, "kappa=1.0"),
        ({"kappas": (0.03, 0.05)}, "must hold kappa=0.04"),
        ({"weights": {"vgg11": Path("x")}}, "weights for the network='vgg11' is not known"),
        ({"precision": "half"}, "precision='half'"),
        ({"epochs": 0}, "epochs=0"),
        ({"epoch": 3}, "setting='epoch' is not known; did you mean 'epochs'"),
    ],
)
def test_bad_input(options, words):
    options = {"networks": None, "data": "digits"} | options
    with pytest.raises(InputError, match=words):
        layerwise_settings(**options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"networks": ["vgg19"]}, "did you mean .*'vgg19_bn'"),
        ({"data": ["cifar"]}, "data='cifar' is not known; did you mean 'cifar10'"),
        ({"seeds": 0}, "seeds=0"),
        ({"epochs": 2}, "epochs=2"),
        ({"optimiser": "adm"}, "did you mean 'adam'"),
        ({"learning_rate": float("inf")}, "learning_rate=inf"),
        ({"data": ["digits", "svhn"]}, "'svhn' is read from files"),
    ],
)
def test_bad_input_of_trainings(options, words):
    with pytest.raises(InputError, match=words):
        weightscale_settings(**({"data": ["digits"]} | options))


def test_networks_of_other_libraries_go_by_their_prefix():
    assert weightscale_settings(["timm:convnext_tiny"], ["digits"]).networks == ("timm:convnext_tiny",)
    with pytest.raises(InputError, match="'tim:convnext_tiny' is not known"):
        weightscale_settings(["tim:convnext_tiny"], ["digits"])


def test_commands_and_settings_name_no_place(tmp_path):
    weights = {"resnet20": tmp_path / "x.pt"}
    settings = layerwise_settings(["resnet20"], "mnist", root=tmp_path, samples=20, kappa=0.1, weights=weights)
    assert settings.command == (
        "layerlore study layerwise --networks resnet20 --data mnist --root DIR --weights resnet20=FILE --samples 20 "
        "--kappa 0.1 --kappas 0.075 0.1 0.125"
    )
    assert str(tmp_path) not in str(settings.to_json())
    whole = weightscale_settings(["resnet20"], ["cifar10"], root=tmp_path, seeds=5)
    assert whole.command == "layerlore study weightscale --networks resnet20 --data cifar10 --root DIR --seeds 5"
    assert str(tmp_path) not in str(whole.to_json())
