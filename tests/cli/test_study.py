"""`layerlore study`: what reaches the studies, what is shown, and what is refused."""

import json

import pytest

from layerlore.cli import main
from layerlore.cli.study import repeated, weights_of
from layerlore.errors import InputError, RunError
from layerlore.zoo.studies import layerwise, pictures, weightscale
from zoo.studies.studies import saved, saved_training


@pytest.fixture
def asked(monkeypatch):
    """What the studies are asked for, instead of running them."""
    calls = []

    def run(settings, out, progress):
        calls.append((settings, out))
        progress("training", 1, 2)
        return saved(out, runs=False)

    def run_training(settings, out, progress):
        calls.append((settings, out))
        return saved_training(out)

    monkeypatch.setattr(layerwise, "run", run)
    monkeypatch.setattr(weightscale, "run", run_training)
    # The runs of these studies are not there, so nothing can be drawn of them.
    monkeypatch.setattr(pictures, "draw_pictures", lambda study: ())
    return calls


def code(*words):
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in words])
    return stop.value.code


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["study"], "layerlore study layerwise"),
        (["study", "--help"], "Cheng et al. 2024"),
        (["study", "layerwise", "--help"], "layerlore study layerwise --data digits --quick"),
        (["study", "weightscale", "--help"], "--data cifar10 cifar100"),
        (["--help"], "a paper's study, run again"),
    ],
)
def test_help_teaches(capsys, words, shown):
    assert code(*words) in (0, 2)
    assert shown in "".join(capsys.readouterr())


def test_settings_reach_the_study(asked, tmp_path, capsys):
    out = tmp_path / "study"
    words = ["--networks", "mlp7", "small_resnet", "--data", "digits", "--out", out, "--samples", 5, "--n-players", 6]
    assert code("study", "layerwise", *words, "--kappas", 0.03, 0.04, "--seed", 3, "--draws", 2) == 0
    ((settings, place),) = asked
    assert place == out
    assert settings.networks == ("mlp7", "small_resnet")
    assert (settings.samples, settings.n_players, settings.draws, settings.seed) == (5, 6, 2, 3)
    assert settings.kappas == (0.03, 0.04)
    assert not settings.quick
    shown = capsys.readouterr().out
    for words in (
        "low orders are",
        "stronger",
        "0.432 [0.21, 0.654]",
        "does not hold",
        "MLP-7: 91.7 %",
        f"study: {out}",
    ):
        assert words in shown
    assert (out / "report.html").is_file()
    assert (out / "study.md").is_file()


def test_json_and_nothing_else(asked, tmp_path, capsys):
    assert code("study", "layerwise", "--data", "digits", "--quick", "--out", tmp_path / "s", "--json") == 0
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert found["claims"][0]["number"] == 0.4321
    assert found["path"] == str(tmp_path / "s")
    assert asked[0][0].quick


def test_weightscale(asked, tmp_path, capsys):
    words = ["--networks", "resnet20", "mlp7", "--data", "digits", "--epochs", 7, "--seeds", 2, "--optimiser", "sgd"]
    assert code("study", "weightscale", *words, "--out", tmp_path / "s") == 0
    ((settings, _),) = asked
    assert settings.networks == ("resnet20", "mlp7")
    assert settings.data == ("digits",)
    assert (settings.epochs, settings.seeds, settings.optimiser) == (7, 2, "sgd")
    assert "does not hold" in capsys.readouterr().out
    # The page of the single run is there, and the study's page links to it.
    assert (tmp_path / "s" / "resnet20_digits_0_training" / "report.html").is_file()
    assert "./resnet20_digits_0_training/report.html" in (tmp_path / "s" / "report.html").read_text("utf-8")


def test_the_folder_has_a_name_of_its_own(asked, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert code("study", "layerwise", "--data", "digits", "--quick") == 0
    assert (tmp_path / "runs" / "layerwise_digits" / "study.json").is_file()


@pytest.mark.parametrize(
    ("words", "exit_code", "message"),
    [
        (["layerwise", "--network", "resnet2", "--data", "digits"], 2, "did you mean 'resnet"),
        (["layerwise", "--data", "digit"], 2, "data='digit' is not known; did you mean 'digits'"),
        (["layerwise", "--data", "mnist"], 2, "set root to the folder"),
        (["layerwise", "--data", "mnist", "--root", "nowhere"], 2, "is no folder"),
        (["layerwise", "--data", "digits", "--samples", "1"], 2, "samples=1"),
        (["layerwise", "--data", "digits", "--weights", "x.pt"], 2, "say whose weights they are"),
        (["layerwise", "--network", "mlp7", "--data", "digits", "--weights", "x.pt"], 2, "there is no file x.pt"),
        (["weightscale", "--data", "digits", "cifar"], 2, "data='cifar' is not known; did you mean 'cifar10'"),
        (["weightscale", "--data", "digits", "--seeds", "0"], 2, "seeds=0"),
    ],
)
def test_errors(asked, capsys, words, exit_code, message):
    assert code("study", *words) == exit_code
    captured = capsys.readouterr()
    assert captured.err.startswith("layerlore: error: ")
    assert message in captured.err
    assert not asked


def test_an_error_of_the_study_itself(monkeypatch, tmp_path, capsys):
    def run(settings, out, progress):
        raise RunError("the folder belongs to something else")

    monkeypatch.setattr(layerwise, "run", run)
    assert code("study", "layerwise", "--data", "digits", "--quick", "--out", tmp_path / "s") == 4
    assert capsys.readouterr().err == "layerlore: error: the folder belongs to something else\n"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--data a b --out c d", "--data a --data b --out c d"),
        ("--data a --data b", "--data a --data b"),
        ("--data", "--data"),
        ("--data=a b", "--data=a b"),
        ("--json --data a", "--json --data a"),
    ],
)
def test_several_words_after_an_option(words, expected):
    assert repeated(words.split(), {"--data"}) == expected.split()


def test_whose_weights(tmp_path):
    file = tmp_path / "a=b.pt"
    file.touch()
    assert weights_of([f"mlp7={file}"], ["mlp7", "vgg11"]) == {"mlp7": file}
    plain = tmp_path / "plain.pt"
    plain.touch()
    assert weights_of([str(plain)], ["mlp7"]) == {"mlp7": plain}
    assert weights_of([], ["mlp7"]) is None
    with pytest.raises(InputError, match="twice"):
        weights_of([f"mlp7={plain}", f"mlp7={plain}"], ["mlp7"])
