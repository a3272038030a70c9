"""The page of a study: its numbers are those of the result, its names are inert, its links lead into the folder."""

import json
import shutil

import pytest

from layerlore.errors import RunError
from layerlore.interactions.agreement import agreement
from layerlore.report import report
from layerlore.report.study_file import link, read_study
from layerlore.zoo.studies.result import FILE
from report.reading import read
from report.taken import assert_links_resolve, tables
from report.tiny import tiny
from zoo.studies.studies import HOSTILE, saved, saved_training, three_claims


def page_of(folder, **changes):
    study = saved(folder, **changes)
    return study, read(report(folder).read_text("utf-8"))


def test_the_report_of_a_study_lies_in_its_folder(tmp_path):
    saved(tmp_path, runs=False)
    assert report(tmp_path) == tmp_path / "report.html"
    assert report(str(tmp_path), tmp_path / "elsewhere" / "page.html").is_file()


def test_numbers_are_those_of_the_result(tmp_path):
    study, page = page_of(tmp_path, runs=False)
    rows = page.all("table", class_="claims-table")[0].all("tbody")[0].all("tr")
    assert len(rows) == len(study.claims)
    for row, claim in zip(rows, study.claims, strict=True):
        expected = [claim.number, claim.low, claim.high, claim.p_value, claim.adjusted_p, claim.n]
        assert row.numbers() == (expected if claim.n else [])
        assert claim.verdict in row.words
        assert claim.why in row.words
        assert claim.paper in row.words
        assert claim.unit in row.words
    summary = page.all("section", id="summary")[0]
    assert summary.numbers()[:4] == [3, 1, 1, 1]
    assert "Does not reproduce on mlp7: redundancy rises" in summary.words
    assert 0.9173 in page.numbers()


def test_how_it_was_run_is_said(tmp_path):
    study, page = page_of(tmp_path, runs=False)
    measured = page.all("section", id="measured")[0]
    told = dict(zip([term.text for term in measured.all("dt")], [one.text for one in measured.all("dd")], strict=True))
    assert told["command"] == study.command
    assert told["n players"] == "10"
    assert told["data: n train"] == "60000"
    assert "torch 2" in told["versions"]
    assert "one split missed its tolerance" in page.all("section", id="warnings")[0].words
    assert "Holm" in page.all("section", id="claims")[0].words


def test_warnings_come_first_for_few_samples_and_the_quick_version(tmp_path):
    _, page = page_of(tmp_path, runs=False, settings={"samples": 4, "quick": True})
    words = page.all("section", id="warnings")[0].words
    assert "Only 4 samples" in words
    assert "quick version" in words


def test_figures_of_the_runs_are_shown(tmp_path):
    _, page = page_of(tmp_path)
    assert [title.text for title in page.all("section", class_="network")[0].all("h3")] == [
        "Completeness and redundancy through the layers",
        "Shared, forgotten and new, by order",
        "How few interactions matter",
    ]
    assert len(page.all("script", class_="figure-data")) == 3
    assert list(tables(page)) == [
        f"mlp7-{name}.csv" for name in ("completeness-and-redundancy", "strength", "sparsity")
    ]
    assert_links_resolve(page)
    total = tiny("table").ledger().total.isel(target=0)
    found = tables(page)["mlp7-completeness-and-redundancy.csv"]
    for ratio in ("completeness", "redundancy"):
        rows = found[found["ratio"] == ratio]
        for column, name in (("value", ratio), ("high", f"{ratio}_high"), ("ceiling", f"ceiling_{ratio}")):
            assert rows[column].tolist() == total[name].values.tolist()


def test_other_splits_and_agreement_are_shown(tmp_path):
    knowledge = tiny("table")
    for name in ("kappa", "and"):
        knowledge.save(tmp_path / name)
    agreement(knowledge, knowledge, names=["a", "b"], pull=0.0, resamples=20).save(tmp_path / "agreement.json")
    study = saved(tmp_path)
    entry = dict(study.networks[0]) | {"by_kappa": {"0.03": "kappa", "0.04": "mlp7"}, "and_only": "and"}
    _, page = page_of(tmp_path, runs=False, networks=(entry,), files={"agreement": "agreement.json"})
    assert len(page.all("script", class_="figure-data")) == 6
    assert {"agreement.csv", "agreement-matrix.csv", "mlp7-other-splits.csv"} < set(tables(page))
    assert_links_resolve(page)
    assert "Other splits of the same scores" in page.words
    assert "Intersection over union by order" in page.all("section", id="agreement")[0].words


def test_a_study_of_trainings(tmp_path):
    saved_training(tmp_path)
    page = read(report(tmp_path).read_text("utf-8"))
    assert len(page.all("script", class_="figure-data")) == 2
    assert list(tables(page)) == ["resnet20_digits_0-changes-rwc_l1.csv", "resnet20_digits_0-depth-rwc_l1.csv"]
    assert_links_resolve(page)
    assert "Agrawal et al. 2021" in page.words
    assert "outliers: 0" in page.words


def test_runs_that_are_gone_are_said_and_left_out(tmp_path):
    study, _ = page_of(tmp_path)
    shutil.rmtree(tmp_path / "mlp7")
    page = read(report(tmp_path).read_text("utf-8"))
    assert "MLP-7: figures of mlp7 are left out" in page.all("section", id="warnings")[0].words
    assert not page.all("script", class_="figure-data")
    assert len(page.all("table", class_="claims-table")[0].all("tr")) == 1 + len(study.claims)


def test_links_lead_to_the_pages_of_the_runs(tmp_path):
    saved(tmp_path)
    report(tmp_path / "mlp7")
    addresses = [a.attributes["href"] for a in read(report(tmp_path).read_text("utf-8")).all("a")]
    assert "./mlp7/report.html" in addresses
    elsewhere = read(report(tmp_path, tmp_path / "docs" / "page.html").read_text("utf-8"))
    assert "./../mlp7/report.html" in [a.attributes["href"] for a in elsewhere.all("a")]
    assert all(address.startswith(("#", "./")) for address in addresses)


@pytest.mark.parametrize("place", ["../outside", "/etc", "mlp7/../../x"])
def test_a_run_outside_of_the_study_is_refused(tmp_path, place):
    study = saved(tmp_path / "study", runs=False)
    saved(tmp_path / "study", runs=False, networks=({**study.networks[0], "run": place},))
    with pytest.raises(RunError, match="lies outside of the study"):
        report(tmp_path / "study")


def test_hostile_words_are_shown_and_do_nothing(tmp_path):
    changes = {"settings": {HOSTILE: HOSTILE}, "data": {HOSTILE: [HOSTILE] * 20}, "command": HOSTILE}
    claims = three_claims(HOSTILE)
    study = saved(tmp_path, runs=False, title=HOSTILE, claims=claims, notes=(HOSTILE,), **changes)
    networks = ({**study.networks[0], HOSTILE: HOSTILE, "run": "</script><b>"},)
    (tmp_path / "</script><b>".replace("/", "")).mkdir()
    networks[0]["run"] = "<script><b>"
    saved(tmp_path, runs=False, claims=claims, notes=(HOSTILE,), networks=networks, **changes)
    text = report(tmp_path).read_text("utf-8")
    assert HOSTILE not in text
    page = read(text)
    assert not page.all("img")
    assert len([one for one in page.all("script") if one.attributes.get("type") != "application/json"]) == 2
    assert page.all("main")[0].text.count(HOSTILE) >= 8
    assert not [key for element in page.all() for key in element.attributes if key.startswith("on")]


@pytest.mark.parametrize(
    "change",
    [
        {"format": 9},
        {"claims": [{}]},
        {"claims": 3},
        {"networks": [{"title": "no name"}]},
        {"versions": {}},
        {"rule": None, "notes": 3},
        {"files": 4},
    ],
)
def test_damage_is_named(tmp_path, change):
    saved(tmp_path, runs=False)
    content = json.loads((tmp_path / FILE).read_text())
    (tmp_path / FILE).write_text(json.dumps(content | change))
    with pytest.raises(RunError, match=r"study\.json"):
        report(tmp_path)


def test_a_study_that_is_not_finished(tmp_path):
    saved(tmp_path, runs=False)
    (tmp_path / FILE).unlink()
    with pytest.raises(RunError, match="cannot be read"):
        report(tmp_path)


def test_addresses_are_quoted(tmp_path):
    assert link(tmp_path / "a" / "javascript:alert(1)", tmp_path / "p.html") == "./a/javascript%3Aalert%281%29"


def test_both_readers_agree(tmp_path):
    """The page's reader, which cannot import the zoo, and the zoo's own."""
    study = saved(tmp_path, runs=False)
    found = read_study(tmp_path)
    assert [claim.verdict for claim in found.claims] == [claim.verdict for claim in study.claims]
    assert found.rule == study.to_json()["rule"]
    assert [claim.estimate.value for claim in found.claims][:2] == [claim.number for claim in study.claims][:2]
