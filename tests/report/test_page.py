"""The page is whole, needs nothing from outside, and no name in it can act."""

import base64
import dataclasses
import hashlib
import json
import sys

import pytest

from layerlore.errors import InputError, MissingExtraError, RunError
from layerlore.report import report
from layerlore.report.frame import embedded_json
from layerlore.report.page import render
from report.reading import read
from report.tiny import HOSTILE_LAYERS, HOSTILE_NETWORK, HOSTILE_PLAYERS, tiny

N_PLOTS = 7
N_SCRIPTS = 4
"""plotly, and those of all pages, of the slider and of the browser of interactions."""


def test_the_report_lies_in_the_run(tmp_path, knowledge):
    knowledge.save(tmp_path / "run")
    path = report(tmp_path / "run")
    assert path == tmp_path / "run" / "report.html"
    assert path.read_text("utf-8").startswith("<!doctype html>")
    assert path.stat().st_size < 8e6
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["arrays", "manifest.json", "report.html"]


def test_knowledge_and_path_can_be_given(tmp_path, knowledge):
    assert report(knowledge, str(tmp_path / "deep" / "page.html")) == tmp_path / "deep" / "page.html"


def test_the_same_run_gives_the_same_page(knowledge):
    assert render(knowledge) == render(knowledge)


def test_knowledge_in_memory_needs_a_path(knowledge):
    with pytest.raises(InputError, match="lives in memory and has no folder: pass path="):
        report(knowledge)


def test_a_folder_that_is_no_run(tmp_path):
    with pytest.raises(RunError, match=r"holds no manifest.json: it is not a LayerLore run"):
        report(tmp_path)
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize("package", ["jinja2", "plotly.graph_objects"])
def test_missing_packages_are_named(monkeypatch, tmp_path, knowledge, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"{package.split('.')[0]}.*layerlore\[report\]"):
        report(knowledge, tmp_path / "report.html")


def test_nothing_comes_from_outside(page):
    for element in page.all():
        for name in ("src", "href", "srcset", "action", "data", "poster"):
            address = element.attributes.get(name) or ""
            assert address.startswith(("#", "data:image/png;base64,")) or not address, (element.tag, address)
    assert not page.all("link")
    assert "url(" not in page.all("style")[0].text
    assert "@import" not in page.all("style")[0].text


def test_only_the_scripts_of_the_page_may_run(page):
    policy = next(meta for meta in page.all("meta") if meta.attributes.get("http-equiv")).attributes["content"]
    scripts = [script for script in page.all("script") if script.attributes.get("type") != "application/json"]
    digests = [base64.b64encode(hashlib.sha256(script.text.encode()).digest()).decode() for script in scripts]
    assert len(scripts) == N_SCRIPTS
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["script-src"] == " ".join(f"'sha256-{digest}'" for digest in digests)
    assert rules["default-src"] == "'none'"


def test_no_name_becomes_an_element(hostile_page):
    page = read(hostile_page)
    ours = {"b", "i", "u", "a", "img"}
    assert not page.all("img")
    assert not page.all("u")
    # Our own words in bold and our own links are all without these.
    assert {element.text for element in page.all() if element.tag in ours} & {"age", "Net"} == set()
    scripts = [script for script in page.all("script") if script.attributes.get("type") != "application/json"]
    assert len(scripts) == N_SCRIPTS
    assert not [key for element in page.all() for key in element.attributes if key.startswith("on")]


def test_names_are_shown_letter_by_letter(hostile_page):
    page = read(hostile_page)
    text = page.all("main")[0].text
    for name in (*HOSTILE_LAYERS, HOSTILE_NETWORK):
        assert name in text
    # Players are drawn by the page's script, which writes texts and no markup.
    data = json.loads(page.all("script", class_="browser-data")[0].text)
    assert set(HOSTILE_PLAYERS) <= set(texts(data))
    assert json.loads(page.all("script", class_="layer-names")[0].text) == list(HOSTILE_LAYERS)


def test_names_in_figures_are_inert(hostile_page):
    scripts = read(hostile_page).all("script", class_="figure-data")
    assert len(scripts) == N_PLOTS
    for script in [*scripts, *read(hostile_page).all("script", class_="csv-data")]:
        assert not set("<>&\u2028\u2029") & set(script.text)
    for script in scripts:
        for text in texts(json.loads(script.text)):
            assert "<img" not in text
            assert "<script" not in text
            assert "</script" not in text
    axis = json.loads(scripts[0].text)["layout"]["xaxis"]["ticktext"]
    assert axis[0].startswith("&lt;img")


def texts(value):
    """All strings within a JSON value."""
    if isinstance(value, str):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [text for part in parts for text in texts(part)]


def test_hostile_settings_and_notes_are_escaped(knowledge):
    attack = "</style><script>alert(1)</script>"
    manifest = json.loads(json.dumps(knowledge.manifest))
    manifest |= {"notes": [attack]}
    identity = manifest["identity"]
    manifest["settings"]["network"] = identity["baseline"] = identity["score"] = attack
    manifest["versions"]["torch"] = manifest["created"] = attack
    manifest["quality"][0]["read_out"] = attack
    manifest["coords"]["target"] = [attack]
    page = render(dataclasses.replace(knowledge, manifest=manifest))
    assert attack not in page
    assert read(page).all("main")[0].text.count(attack) >= 5


def test_json_keeps_its_meaning_when_it_is_made_inert():
    value = {"</script>": ["<!--", "a & b", "\u2028", "ä"]}
    made = str(embedded_json(json.dumps(value, ensure_ascii=False)))
    assert json.loads(made) == value
    assert not set("<>&\u2028") & set(made)


def test_every_link_leads_somewhere(page):
    """Contents, and every word that a figure sends to the glossary."""
    places = {element.attributes["id"] for element in page.all() if "id" in element.attributes}
    links = [link.attributes["href"] for link in page.all("a")]
    assert len(links) > 20
    assert {link.removeprefix("#") for link in links} <= places


@pytest.mark.parametrize("kind", [("table", 1), ("table", 2)])
def test_no_place_has_the_name_of_another(kind):
    page = read(render(tiny(*kind)))
    names = [element.attributes["id"] for element in page.all() if "id" in element.attributes]
    assert len(set(names)) == len(names)
    labels = {label.attributes["for"] for label in page.all("label")}
    assert labels <= set(names)


def test_the_page_goes_from_what_was_found_to_the_details(page):
    order = [section.attributes["id"] for section in page.all("section")]
    assert order == ["warnings", "measured", "summary", "probes", "ledger", "interactions", "glossary"]
    parts = [part.attributes.get("id") for part in page.all("h3")]
    assert [part for part in parts if part] == ["orders", "lives", "few", "certain"]


def test_what_was_not_measured_is_said_in_a_line(page):
    words = page.all("p", id="not-measured")[0].words
    assert words.startswith("Not measured here: whether the interactions are steady under noise (ll.stability(…)")
    assert words.endswith(
        "whether another network holds the same ones (ll.agreement(…), saved there as agreement.json)."
    )
