"""What the pages are told: the callbacks as functions, and through the server as a page asks them."""

import json
import os
import shutil

import numpy as np
import pytest
from dash import html
from dash.exceptions import PreventUpdate

import layerlore as ll
from app.runs import ATTACK, append, bad_runs, begun, good_runs
from app.test_explaining import with_done
from layerlore.app import build, depth_page, parts, training_page
from layerlore.app.explaining import Explaining
from layerlore.app.figures import ends_figure
from layerlore.app.following import Following
from layerlore.app.training_page import View, answer, with_names
from layerlore.errors import RunError
from layerlore.figures import changes, depth_figure, heatmap_figure
from report.histories import history
from report.tiny import tiny


def words(component) -> str:
    """All that a component shows, as text."""
    if component is None:
        return ""
    if isinstance(component, list | tuple):
        return "".join(map(words, component))
    return words(getattr(component, "children", None)) if hasattr(component, "to_plotly_json") else str(component)


def view_of(run: Following, **changed) -> View:
    run.look()
    known = {"n_records": run.n_records, "stride": run.stride, "unread": run.unread, "finished": run.finished}
    known |= {"history": run.history(), "version": run.version, "trouble": run.trouble, "changed": 0.0}
    return View(**(known | changed))


class TestTraining:
    def test_the_first_answer_has_everything(self, tmp_path):
        begun(tmp_path / "run", 12)
        found = answer(view_of(Following(tmp_path / "run")), "run", None, None, None)
        loaded = ll.History.load(tmp_path / "run")
        assert found["changes"].data[0].y == pytest.approx(changes(loaded).values[0].astype(np.float32))
        assert found["heatmap"] == heatmap_figure(loaded)
        assert found["depth"] == depth_figure(loaded)
        assert found["measure"] == "rwc_l1"
        assert [one["value"] for one in found["measures"]] == ["rwc_l1"]
        assert words(found["state"]).endswith("12 records. 2 layers. Newest step: 12.")
        assert found["pace"] == parts.FAST

    def test_nothing_new_is_no_answer_and_a_choice_changes_figures_alone(self, tmp_path):
        lines = begun(tmp_path / "run", 12)
        run = Following(tmp_path / "run")
        first = answer(view_of(run), "run", None, None, None)
        with pytest.raises(PreventUpdate):
            answer(view_of(run), "run", first["measure"], None, first["seen"])
        # What the page sends back has been JSON in between.
        with pytest.raises(PreventUpdate):
            answer(view_of(run), "run", first["measure"], None, json.loads(json.dumps(first["seen"])))
        chosen = answer(view_of(run), "run", "rwc_l1", "A", first["seen"])
        assert {"changes", "heatmap", "depth"} < chosen.keys()
        assert not {"notes", "health", "measures", "measure"} & chosen.keys()
        append(tmp_path / "run", lines[12])
        assert {"changes", "notes", "health", "measures"} < answer(
            view_of(run), "run", None, None, first["seen"]
        ).keys()

    def test_time_alone_changes_words_alone(self, tmp_path):
        begun(tmp_path / "run", 12)
        run = Following(tmp_path / "run")
        first = answer(view_of(run, changed=4e12), "run", None, None, None)
        assert "Being written: 12 records." in words(first["state"])
        later = answer(view_of(run), "run", None, None, first["seen"])
        assert "Not finished, and nothing new for" in words(later["state"])
        assert not training_page.FIGURES.keys() & later.keys()

    def test_measures_that_were_not_recorded_are_not_drawn(self, tmp_path):
        begun(tmp_path / "run", 12)
        found = answer(view_of(Following(tmp_path / "run")), "run", "../../etc", {"a": 1}, "what")
        assert found["measure"] == "rwc_l1"

    def test_layers_are_chosen_by_words_in_their_names(self):
        whole = history("hostile")
        assert with_names(whole, "") is whole
        assert with_names(whole, "nothing of this name") is None
        some = with_names(whole, "<IMG")
        assert some.layers == ["<img src=x onerror=alert(1)>"]
        assert np.array_equal(some.values(), whole.values()[:1])
        assert [weight.layer for weight in some.weights] == some.layers

    def test_before_the_first_record_it_says_what_it_waits_for(self, tmp_path):
        begun(tmp_path / "run")
        found = answer(view_of(Following(tmp_path / "run")), "run", None, None, None)
        assert found["state"] == "Begun; the first record comes with the second snapshot."
        assert "changes" not in found

    def test_a_finished_run_leads_to_its_report_and_asks_less_often(self, tmp_path):
        history("small").save(tmp_path / "run")
        found = answer(view_of(Following(tmp_path / "run")), "a b", None, None, None)
        assert found["more"].children[0].href == "/report/a%20b"
        assert found["pace"] == parts.SLOW
        assert words(found["state"]).startswith("Finished: 18 records.")

    def test_findings_and_notes_are_shown(self, tmp_path):
        history("hostile").save(tmp_path / "run")
        found = answer(view_of(Following(tmp_path / "run")), "run", None, None, None)
        assert "<script>alert(3)</script>" in words(found["notes"])
        findings = ll.check_history(history("hostile")).findings
        assert findings
        for finding in findings:
            assert finding.evidence in words(found["health"])
        (tmp_path / "run" / "health.json").write_text("{")
        found = answer(view_of(Following(tmp_path / "run")), "run", None, None, None)
        assert "health.json cannot be read" in words(found["health"])

    def test_a_part_of_a_long_run_says_that_it_is_one(self, tmp_path):
        begun(tmp_path / "run", 12)
        found = answer(view_of(Following(tmp_path / "run"), stride=4), "run", None, None, None)
        assert "12 records, of which this page keeps every 4th" in words(found["state"])
        assert "Looked at in every 4th record" in words(found["health"])


class TestDepth:
    def test_before_the_end_it_claims_nothing(self, tmp_path):
        tiny("table").save(tmp_path / "whole")
        run = Explaining(with_done(tmp_path / "whole", tmp_path / "run", scores=[0, 1, 2], splits=[1]))
        run.look()
        found = depth_page.answer(run, "run", None)
        assert [one.value for one in found["stages"][1].children[1].children[:1]] == ["3"]
        assert "Until then this page counts none" in words(found["stages"])
        assert found["more"] is None
        assert "finished" not in found
        assert "salient" not in words(list(found.values()))
        with pytest.raises(PreventUpdate):
            depth_page.answer(run, "run", json.loads(json.dumps(found["seen"])))

    def test_the_ends_are_the_scores(self):
        knowledge = tiny("table")
        scores = np.stack([knowledge.scores(sample)[0][:, [0, -1]] for sample in range(4)])
        figure = ends_figure(knowledge.layers, scores)
        none, none_mean, every, every_mean = figure.data
        assert none_mean.y == pytest.approx(scores[:, :, 0].mean(0))
        assert every_mean.y == pytest.approx(scores[:, :, 1].mean(0))
        assert none.y == pytest.approx(scores[:, :, 0].ravel().astype(np.float32))
        assert every.y == pytest.approx(scores[:, :, 1].ravel().astype(np.float32))
        assert every.customdata[len(knowledge.layers)] == [knowledge.layers[0], 1]

    def test_a_finished_run_has_the_reports_figures(self, tmp_path):
        tiny("table").save(tmp_path / "run")
        run = Explaining(tmp_path / "run")
        run.look()
        found = depth_page.answer(run, "run", None)
        assert found["stages"] is None
        graphs = [one.children[0].id for one in found["finished"] if isinstance(one, html.Figure)]
        assert graphs == ["depth-probes", "depth-ratios", "depth-strength"]

    def test_a_large_run_leaves_the_ledger_to_the_report(self, tmp_path, monkeypatch):
        tiny("table").save(tmp_path / "run")
        run = Explaining(tmp_path / "run")
        run.look()
        monkeypatch.setattr(depth_page, "MOST_EFFECTS", 10)
        assert "in the full report alone" in words(depth_page.answer(run, "run", None)["finished"])


@pytest.fixture
def asked(tmp_path):
    """A folder, and what its server tells a page of an address."""
    client = build(tmp_path).server.test_client()

    def ask(pathname):
        question = {
            "output": "page.children",
            "outputs": {"id": "page", "property": "children"},
            "inputs": [{"id": "address", "property": "pathname", "value": pathname}],
            "changedPropIds": ["address.pathname"],
        }
        answer = client.post("/_dash-update-component", json=question, base_url="http://localhost:8050")
        return answer.status_code, "" if answer.status_code == 204 else json.dumps(answer.json)

    return tmp_path, ask


def test_every_kind_of_run_has_its_page_and_a_bad_one_a_reason(asked):
    root, ask = asked
    good_runs(root)
    bad_runs(root)
    for pathname, said in {
        "/": "Runs in ",
        "/run/training": "How each layer",
        f"/run/a/b/{ATTACK}": "<u>Net</u>",
        "/run/depth": "What each layer",
        "/run/study": "claims",
        "/run/foreign": "is not a LayerLore manifest",
        "/run/newer": "update layerlore",
        "/run/unknown": "sculpture",
        "/run/linked_file": "is a link",
        "/run/../..": "is no address",
        "/run/%2e%2e/x": "is no address",
    }.items():
        status, page = ask(pathname)
        assert (status, said in page) == (200, True), (pathname, page)
        assert str(root) not in page
    for pathname in ("/elsewhere", "", None, 3, ["/"]):
        assert ask(pathname)[0] == 204


def test_a_run_whose_manifest_is_odd_does_not_stop_the_page(asked):
    root, ask = asked
    begun(root / "run", 3)
    manifest = json.loads((root / "run" / "manifest.json").read_text())
    for odd in ({"settings": 3}, {"settings": {"name": [1]}}, {"weights": 4}, {"identity": None}, {"notes": {"a": 1}}):
        (root / "run" / "manifest.json").write_text(json.dumps(manifest | odd))
        assert ask("/run/run")[0] == 200


def test_a_callback_that_fails_says_so_and_leaves_the_rest(capsys):
    @parts.guarded(("trouble", "other"))
    def fails(error):
        raise error

    found = fails(ZeroDivisionError("why"))
    assert "The server failed (ZeroDivisionError)" in words(found["trouble"])
    assert "why" in capsys.readouterr().err
    assert type(found["other"]).__name__ == "NoUpdate"
    assert "it is gone" in words(fails(RunError("it is gone"))["trouble"])
    with pytest.raises(PreventUpdate):
        fails(PreventUpdate())


def test_a_page_that_fails_says_so(asked, monkeypatch, capsys):
    root, ask = asked
    begun(root / "run", 3)
    monkeypatch.setattr(training_page, "layout", lambda *_: 1 / 0)
    status, page = ask("/run/run")
    assert (status, "The server failed (ZeroDivisionError)" in page) == (200, True)
    assert "division by zero" in capsys.readouterr().err


def test_nothing_is_written_to_the_served_folder(asked):
    root, ask = asked
    good_runs(root)
    bad_runs(root)
    before = sorted((path, os.lstat(path).st_mtime_ns) for path in root.rglob("*"))
    for place in ("", "run/training", "run/depth", "run/study"):
        ask(f"/{place}")
    client = build(root).server.test_client()
    for place in ("training", "depth", "study"):
        assert client.get(f"/report/{place}/report.html", base_url="http://localhost:8050").status_code == 200
    assert sorted((path, os.lstat(path).st_mtime_ns) for path in root.rglob("*")) == before
    shutil.rmtree(root / "training")
    assert "moved or removed" in ask("/run/training")[1]
