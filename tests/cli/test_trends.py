"""`layerlore trends` and `layerlore report` on runs through training: files in, tables and pages out."""

import importlib
import json
import re

import numpy as np
import pytest
from typer.testing import CliRunner

import layerlore
from layerlore import History
from layerlore.cli.app import app
from layerlore.cli.tables import plain_table, show
from layerlore.cli.training_tables import evidence_table, trends_lines, trends_table
from layerlore.dynamics.trends import Trends, find_trends
from layerlore.report.trends_summary import group_facts
from report.histories import HOSTILE, history, trends

TRENDS = importlib.import_module("layerlore.cli.trends")


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch):
    monkeypatch.setattr(TRENDS, "find_trends", lambda *given, **options: find_trends(*given, **options, resamples=10))


@pytest.fixture
def folder(tmp_path):
    history().save(tmp_path / "run")
    return tmp_path / "run"


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def lines_of(text, start):
    """Cells of the rows of a table that begin with a word."""
    return [line.split() for line in text.splitlines() if line.strip().startswith(start)]


def test_trends_are_printed_and_kept(folder):
    result = run("trends", folder)
    assert result.exit_code == 0, result.output
    kept = Trends.load(folder)
    assert kept.belongs_to(History.load(folder))
    rows = lines_of(result.stdout, "trend ")
    assert [row[:3] for row in rows] == [["trend", "0", "12"], ["trend", "1", "9"]]
    low, high = kept.stability_interval
    assert f"stability: {kept.stability:.2f} [{low:.2f}, {high:.2f}] (1 the same every time, 0 chance)" in result.stdout
    for part in (
        "12 pointwise",
        "12 of 12",
        "2 *",
        "outlier: block3.conv.weight, block5.conv.weight",
        "frozen: block2",
    ):
        assert part in result.stdout
    assert f"next: layerlore report {folder}" in result.stdout


def test_options_reach_the_search(folder):
    result = run("trends", folder, "--n-clusters", "3", "--method", "agglomerative", "--seed", "7")
    assert result.exit_code == 0, result.output
    settings = Trends.load(folder).settings
    assert (settings["n_clusters"], settings["method"], settings["seed"]) == (3, "agglomerative", 7)
    assert run("trends", folder, "--recipe", "published", "--n-clusters", "2").exit_code == 0
    kept = Trends.load(folder)
    assert (kept.recipe, kept.dropped) == ("published", [history().layers[0], history().layers[-1]])


def test_json_is_strict_and_alone(folder):
    result = run("trends", folder, "--json")

    def refuse(word):
        raise AssertionError(word)

    found = json.loads(result.stdout, parse_constant=refuse)
    assert found["groups"]["trend 1"] == trends().members(1)
    assert found == Trends.load(folder).to_json()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--recipe", "robsut"], 2, "did you mean 'robust'"),
        (["--measure", "rotation"], 2, "measure='rotation' is not known"),
        (["--method", "kmeens"], 2, "did you mean 'kmeans'"),
        (["--n-clusters", "99"], 2, "n_clusters=99"),
    ],
)
def test_wrong_options_are_one_paragraph(folder, words, code, message):
    result = run("trends", folder, *words)
    assert (result.exit_code, result.stdout) == (code, "")
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not (folder / "trends.json").exists()


def test_a_folder_that_is_no_run(tmp_path):
    result = run("trends", tmp_path)
    assert result.exit_code == 4
    assert "holds no manifest.json" in result.stderr


def test_reports_of_several_runs(folder, tmp_path):
    trends().save(folder)
    other = tmp_path / "other"
    history("small").save(other)
    result = run("report", folder, other, "--each")
    assert result.exit_code == 0, result.output
    assert result.stdout == f"report: {folder / 'report.html'}\nreport: {other / 'report.html'}\n"
    assert "2 trends" not in (other / "report.html").read_text()
    both = run("report", folder, other, "--each", "--out", tmp_path / "page.html")
    assert both.exit_code == 2
    assert "--out names one file, and --each writes 2" in both.stderr
    assert not (tmp_path / "page.html").exists()


@pytest.fixture
def terminal(monkeypatch, capsys):
    """Prints parts to a terminal of some width; gives the lines without styles."""

    def printed(width, *parts):
        monkeypatch.setenv("COLUMNS", str(width))
        # Rich takes this for a terminal, without colours.
        monkeypatch.setenv("TTY_COMPATIBLE", "1")
        monkeypatch.setenv("NO_COLOR", "1")
        show(*parts)
        return re.sub(r"\x1b\[\d*m", "", capsys.readouterr().out).splitlines()

    return printed


@pytest.mark.parametrize("width", [20, 30, 60, 100, 200])
def test_narrow_terminals_cut_no_number(width, terminal):
    """What is too wide leaves columns out and says so, or is stacked: no digit is cut off, no line too long."""
    found = trends()
    lines = terminal(width, evidence_table(found))
    cells = re.findall(r"[^ ]+", " ".join(lines))
    for line in found.evidence[2:]:
        for name in ("silhouette", "gap", "gap_error", "stability"):
            assert f"{line[name]:.2f}" in cells
    table = [line for line in lines if not line.startswith(("evidence", "left out", "  why not"))]
    assert max(map(len, table)) <= width
    assert any(line.startswith("left out for want of room: why not") for line in lines) == (width == 60)
    assert any(line.startswith("  silhouette: ") for line in lines) == (width < 60)
    lines = terminal(width, trends_table(found, history(), "title"))
    for fact in group_facts(found, history()):
        for value in (fact.first, fact.last):
            assert re.search(rf" {re.escape(f'{value:.3g}')}( |$)", "\n".join(lines), re.MULTILINE)


def test_hostile_names_are_plain_text(capsys):
    show(*trends_lines(trends("hostile")), trends_table(trends("hostile"), history("hostile"), "a [red]title[/red]"))
    show(plain_table("names", ("layer",), [(name,) for name in ("\x1b[2J", "[bold]x[/bold]", HOSTILE[0])]))
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    for part in ("?[2J", "[bold]x[/bold]", "[red]title[/red]", HOSTILE[0]):
        assert part in printed


def test_a_run_that_cannot_be_told_apart_says_so(tmp_path):
    still = History.from_table([f"layer{row}" for row in range(12)], np.zeros((12, 5)), measure="rwc_l1")
    still.save(tmp_path / "run")
    result = run("trends", tmp_path / "run")
    assert result.exit_code == 0, result.output
    assert "no layer changed: there is nothing to group" in result.stdout
    assert "stability" not in result.stdout.split("cleaning")[1]
    assert layerlore.load(tmp_path / "run").layers == still.layers
