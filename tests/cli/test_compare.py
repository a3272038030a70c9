"""`layerlore compare` and `layerlore report` of several runs: folders in, tables, JSON and pages out."""

import json

import pytest
from typer.testing import CliRunner

from layerlore import load
from layerlore.cli.app import app
from layerlore.report.comparison import compare
from report.comparing import quick_trends, saved_runs
from report.histories import history


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "200"})


@pytest.fixture(scope="module", autouse=True)
def _quick():
    with quick_trends():
        yield


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    return saved_runs(tmp_path_factory.mktemp("runs"))


def test_tables_hold_the_numbers(places):
    result = run("compare", *places)
    assert result.exit_code == 0, result.output
    found = compare([load(place) for place in places])
    lines = {" ".join(line.split()) for line in result.stdout.splitlines()}
    assert "split: kappa 0.04 0.2" in lines
    facts = found.depth.facts[0]
    shares = facts.layers[0].completeness
    row = next(line for line in lines if line.startswith("seed0/net tanh1 0.33"))
    assert f"{shares.value:.2f} [{shares.low:.2f}, {shares.high:.2f}]" in row
    pair = found.depth.pairs[0]
    assert any(line.startswith(f"seed0/net seed1/net {pair.iou.value:.2f} [") for line in lines)
    layer = found.training.layers[0]
    assert f"{layer.layer} {layer.medians[0]:.3g} {layer.medians[1]:.3g} 2" in lines
    assert any(line.startswith("first second ") for line in lines)
    # Of 22 layers with the same name, those that differ most are shown.
    assert "the 20 that differ most, --all shows them all" in result.stdout
    assert "block2.conv.weight" in run("compare", *places[2:], "--all").stdout


def test_json_is_the_comparison(places):
    result = run("compare", *places, "--json")
    assert json.loads(result.stdout) == compare([load(place) for place in places]).to_json()


def test_what_cannot_be_compared_is_said(places):
    lines = run("compare", places[0], places[2]).stdout
    assert "agreement: none. It takes two explanations." in lines
    assert "trends cannot be compared: fewer than two of the runs have trends" in lines


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [(["{0}"], 2, "1 runs were given"), (["{0}", "/nowhere/at/all"], 4, "/nowhere/at/all is no folder")],
)
def test_wrong_use_is_one_paragraph(places, words, code, message):
    result = run("compare", *(word.format(*places) for word in words))
    assert (result.exit_code, result.stdout) == (code, "")
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_hostile_names_stay_in_their_line(tmp_path):
    names = ["a\x1b[2Jb", "<img src=x>"]
    for name in names:
        history("hostile").save(tmp_path / name)
    out = run("compare", *(tmp_path / name for name in names)).stdout
    assert "a?[2Jb" in out
    assert "\x1b" not in out


def test_several_runs_give_one_page(places):
    result = run("report", *places[2:])
    page = places[2].parent / "comparison.html"
    assert result.stdout == f"comparison: {page}\n"
    assert "2 runs side by side" in page.read_text("utf-8")


def test_or_a_page_for_each(places, tmp_path):
    result = run("report", *places[2:], "--each")
    assert result.stdout == "".join(f"report: {place / 'report.html'}\n" for place in places[2:])
    both = run("report", *places[2:], "--each", "--out", tmp_path / "page.html")
    assert both.exit_code == 2
    assert "--out names one file, and --each writes 2" in both.stderr
    assert not (tmp_path / "page.html").exists()
    out = tmp_path / "two.html"
    assert run("report", *places[2:], "--out", out).stdout == f"comparison: {out}\n"
