"""Pages of runs in folders, of long runs, of runs without trends: what is found stands there, or why there is none."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerlore import History
from layerlore.dynamics.trends import find_trends
from layerlore.errors import InputError, MissingExtraError, RunError
from layerlore.report import report
from layerlore.report.found import found_health, found_trends
from layerlore.report.training import training_page
from layerlore.report.training_views import FEWEST_STEPS, room
from report.histories import history, trends, values
from report.reading import read
from report.taken import tables
from report.training_pages import FOUND, HEALTHY, ILL, page_of, section, told


@pytest.fixture
def run(tmp_path):
    """A run folder; the numbers are made up."""
    history().save(tmp_path / "run")
    return tmp_path / "run"


def test_why_there_are_no_trends(monkeypatch):
    def none(_history):
        raise InputError("only 2 layers: trends need more")

    monkeypatch.setattr(FOUND, "find_trends", none)
    page = page_of(history())
    assert told(page, "trends").words == "No trends: only 2 layers: trends need more"
    assert section(page, "trends").words.endswith("There are no trends to show. only 2 layers: trends need more")
    assert len(page.all("div", class_="plot")) == 3


def test_without_the_packages_that_trends_need_the_page_is_made(monkeypatch):
    def missing(_history):
        raise MissingExtraError("finding trends needs the package 'scikit-learn'")

    monkeypatch.setattr(FOUND, "find_trends", missing)
    assert "needs the package 'scikit-learn'" in told(page_of(history()), "trends").words


def test_trends_in_the_folder_are_taken(run, monkeypatch):
    kept = find_trends(history(), n_clusters=3, resamples=10)
    kept.save(run)
    found, why = found_trends(History.load(run))
    assert (found.n_trends, why) == (kept.n_trends, "")
    assert found.labels.tolist() == kept.labels.tolist()


def test_trends_of_another_history_are_found_anew(run, monkeypatch):
    other = find_trends(History.from_table(history().layers, values() + 1, measure="rwc_l1"), resamples=10)
    other.save(run)
    monkeypatch.setattr(FOUND, "find_trends", lambda _history: trends())
    assert found_trends(History.load(run))[0] is trends()


def test_findings_in_the_folder_are_taken(run):
    assert found_health(History.load(run)).count("warning") > 0
    ILL.save(run)
    assert found_health(History.load(run)) == ILL
    (run / "health.json").write_text("{")
    with pytest.raises(RunError, match=r"health.json cannot be read .*: remove it and check the series again"):
        found_health(History.load(run))


def test_damaged_trends_are_an_error(run):
    (run / "trends.json").write_text("[]")
    with pytest.raises(RunError, match=r"trends.json is damaged"):
        found_trends(History.load(run))


def test_the_report_lies_in_the_run(run, monkeypatch):
    monkeypatch.setattr(FOUND, "find_trends", lambda _history: trends())
    path = report(run)
    assert path == run / "report.html"
    text = path.read_text("utf-8")
    assert text.startswith("<!doctype html>")
    assert 'How each layer of <span class="name">run</span> changes' in text
    assert path.stat().st_size < 8e6
    with pytest.raises(InputError, match="this history lives in memory and has no folder: pass path="):
        report(history())
    assert report(history(), run.parent / "deep" / "page.html").is_file()


def test_the_same_run_gives_the_same_page():
    assert training_page(history(), trends(), ILL) == training_page(history(), trends(), ILL)


def test_a_run_that_is_not_finished_says_so():
    half = dataclasses.replace(history(), manifest=history().manifest | {"finished": False})
    assert "The run is not finished: its last record is of step 18." in page_of(half, trends()).all("section")[0].text


@pytest.fixture(scope="module")
def large():
    """500 layers with long names, 2,000 steps and 7 measures."""
    draws = np.random.default_rng(0)
    made = History.from_table(
        [f"a.rather.long.name.of.a.layer.{row}.self_attention.query.weight" for row in range(500)],
        np.exp(draws.standard_normal((500, 2000))),
        measure="rwc_l1",
    )
    others = ("rwc_l2", "rwc_elementwise", "update_to_weight", "rotation", "rotation_from_init", "distance_from_init")
    return dataclasses.replace(made, data=made.data.assign(dict.fromkeys(others, made.data["rwc_l1"] * 1.5)))


def test_a_large_history_fits(large):
    # Trends of other layers: finding those of 500 takes longer than all the rest of these tests.
    few = dataclasses.replace(trends(), layers=large.layers[:24])
    text = training_page(large, few, HEALTHY)
    assert len(text.encode()) < 8e6
    page = read(text)
    found = tables(page)
    for name in large.measures:
        drawn = found[f"changes-{name}.csv"].pivot(index="layer", columns="step", values=name)
        assert len(drawn) >= 20
        assert len(drawn.columns) >= 20
        words = f"Shown: {len(drawn)} of 500 layers, evenly spread. Shown: {len(drawn.columns)} of 2000 steps,"
        assert words in page.text
        whole = large.data[name].sel(layer=drawn.index.to_numpy(object), step=drawn.columns.to_numpy()).values
        assert np.array_equal(drawn.to_numpy(), whole)
    # What is told of a layer is told of all steps, also where few are drawn.
    every = large.values("rwc_l1")
    depth = found["depth-rwc_l1.csv"]
    assert len(depth) == 1000
    assert depth["rwc_l1"].tolist() == [*np.median(every[:, :666], axis=1), *np.median(every[:, -666:], axis=1)]


@given(st.integers(1, 600), st.integers(1, 3000), st.integers(1, 20_000))
def test_what_is_drawn_has_room(n_layers, n_steps, most):
    layers, steps = room(n_layers, n_steps, most)
    assert 1 <= layers <= min(n_layers, 200)
    assert 1 <= steps <= min(n_steps, 200)
    assert layers * steps <= max(most, FEWEST_STEPS)
    # Nothing is left out for lack of room while there is some.
    if n_layers * n_steps <= most:
        assert (layers, steps) == (min(n_layers, 200), min(n_steps, 200))
