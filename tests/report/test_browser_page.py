"""The interaction browser as it stands in a page: what can be picked, and the data that its script reads."""

import json

import pytest

from layerlore.report.browser import browser_data
from layerlore.report.page import render
from report.reading import read
from report.tiny import HOSTILE_LAYERS, tiny


def sections(page):
    return page.all("section", class_="browser")


def options(section, picker):
    return [option.text for option in section.all("select", class_=picker)[0].all("option")]


@pytest.mark.parametrize(("kind", "n_targets"), [("table", 1), ("table", 2), ("image", 1)])
def test_the_data_in_the_page_are_those_of_the_result(kind, n_targets):
    knowledge = tiny(kind, n_targets)
    found = sections(read(render(knowledge)))
    assert len(found) == n_targets
    for target, section in enumerate(found):
        data = json.loads(section.all("script", class_="browser-data")[0].text)
        assert data == json.loads(json.dumps(browser_data(knowledge, target)))
        assert options(section, "pick-sample") == [sample["words"] for sample in data["samples"]]
        assert options(section, "pick-layer") == knowledge.layers
    identities = [
        element.attributes["id"] for section in found for element in section.all() if "id" in element.attributes
    ]
    assert len(set(identities)) == len(identities)


def test_every_picker_has_a_name(page):
    """A label of its own, or words for who does not see it."""
    section = sections(page)[0]
    named = {label.attributes["for"] for label in section.all("label")}
    for control in section.all("select"):
        assert control.attributes.get("aria-label") or control.attributes["id"] in named
    for control in section.all("button"):
        # The last one is named by the script once there is more.
        own = control.attributes.get("aria-label") or control.text.strip()
        assert own or "more" in control.attributes["class"].split()
    assert section.all("p", class_="said")[0].attributes["aria-live"] == "polite"


def test_words_have_their_place_in_the_glossary(page):
    terms = {term.attributes.get("id") for term in page.all("dt")}
    links = [link.attributes["href"] for link in sections(page)[0].all("a")]
    assert len(links) == 6
    assert {link.removeprefix("#") for link in links} <= terms


def test_hostile_layers_can_be_picked_by_name(hostile_page):
    section = sections(read(hostile_page))[0]
    assert options(section, "pick-layer") == [*HOSTILE_LAYERS, "output"]
    data = section.all("script", class_="browser-data")[0].text
    assert not set("<>&\u2028\u2029") & set(data)


def test_without_its_script_the_page_says_so(page):
    assert "this browser does not run it" in sections(page)[0].all("noscript")[0].words
