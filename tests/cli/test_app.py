"""Help, version, what is missing, and what becomes of errors and warnings."""

import subprocess
import sys
import warnings

import pytest
from typer.testing import CliRunner

import layerlore
from layerlore.cli import main
from layerlore.cli.app import app
from layerlore.cli.notices import notes_on_stderr
from layerlore.errors import QualityWarning


def run(*words):
    return CliRunner().invoke(app, list(words))


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["--help"], ["layerlore demo", "layerlore explain explain.yaml", "layerlore series ckpt/", "Exit codes"]),
        (["--help"], ["layerlore trends runs/name", "layerlore report runs/name", "change of weights over checkpoint"]),
        (["demo", "--help"], ["layerlore demo --out", "--samples", "--n-players", "--seed", "--force"]),
        (["explain", "--help"], ["--dry-run", "--json", "--set", 'path: "layerlore.zoo:LeNet5"', "train_count"]),
        (["series", "--help"], ["layerlore series checkpoints/ --out", "--steps", "--json"]),
        (
            ["trends", "--help"],
            ["layerlore trends runs/resnet20 --measure rotation", "--recipe", "--n-clusters", "--json"],
        ),
        (["report", "--help"], ["layerlore report runs/mnist_lenet5 --out", "RUN...", "--out"]),
    ],
)
def test_help_teaches(words, parts):
    result = run(*words)
    assert result.exit_code == 0
    assert "\b" not in result.stdout
    for part in parts:
        assert part in result.stdout


def test_version():
    assert run("--version").stdout == f"layerlore {layerlore.__version__}\n"


@pytest.mark.parametrize("words", [["explian"], ["explain"], ["demo", "--samples", "1"], ["demo", "--n-players", "17"]])
def test_wrong_use_ends_with_2(words):
    result = run(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Traceback" not in result.stderr


def test_main_ends_the_process(capsys):
    with pytest.raises(SystemExit) as end:
        main(["report", "/nowhere/at/all"])
    assert end.value.code == 4
    assert capsys.readouterr().err.startswith("layerlore: error: /nowhere/at/all is no folder")


def test_without_the_extra_it_is_named():
    code = """
import sys
from layerlore.cli import main
for package in ("typer", "pydantic", "yaml"):
    sys.modules[package] = None
    try:
        main(["--version"])
    except SystemExit as end:
        sys.stderr.write(f"{end.code}\\n")
    del sys.modules[package]
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, "")
    lines = result.stderr.splitlines()
    assert lines[1::2] == ["5"] * 3
    for line, package in zip(lines[::2], ("typer", "pydantic", "pyyaml"), strict=True):
        assert f"needs the package '{package}'" in line
        assert "pip install 'layerlore[cli]'" in line


def test_warnings_become_lines_said_once(capsys):
    with notes_on_stderr():
        for _ in range(2):
            warnings.warn("a probe\nis \x1b[31mpoor", QualityWarning, stacklevel=1)
    assert capsys.readouterr().err == "note: a probe is ?[31mpoor\n"
    with notes_on_stderr(), pytest.raises(UserWarning, match="another"):
        warnings.warn("another", UserWarning, stacklevel=1)


def test_being_stopped_is_said(monkeypatch, tmp_path):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("layerlore.cli.report.write_report", stop)
    result = run("report", str(tmp_path))
    assert result.exit_code == 130
    assert "goes on from the last finished sample" in result.stderr
