"""Samples, layers and kinds of interactions are picked by mouse and by keys, and the right interactions are shown."""

import csv
import dataclasses
import io
import itertools
import json
import re

import pytest

from browser.visits import WIDTHS, visited
from figures.results import sentences
from layerlore.report import report
from report.tiny import HOSTILE_LAYERS, HOSTILE_PLAYERS, tiny

KINDS = {"hostile": lambda: tiny("hostile"), "image": lambda: tiny("image"), "sentence": sentences}
MOST = 8

CARDS = """section => [...section.querySelectorAll('.card:not(.whole)')].map(card => ({
    kind: card.querySelector('.head b').textContent,
    members: [...card.querySelectorAll('.picture text, .players .member th, .words .member')]
        .map(one => one.textContent),
    effect: Number(card.querySelector('.head data').value),
    told: card.querySelector('.told p.quiet').textContent,
    here: [...card.querySelectorAll('.life g')].findIndex(cell => cell.classList.contains('here')),
    box: card.getBoundingClientRect().toJSON(),
}))"""

FRESH = """() => {
    for (const choice of document.querySelectorAll('.browser select')) {
        choice.selectedIndex = choice.classList.contains('pick-layer') ? choice.length - 1 : 0;
        choice.dispatchEvent(new Event('change'));
    }
}"""


def changed(knowledge, **coords):
    """The same result with other names."""
    manifest = knowledge.manifest | {"coords": knowledge.manifest["coords"] | coords}
    return dataclasses.replace(knowledge, manifest=manifest)


@pytest.fixture(scope="module", params=KINDS)
def knowledge(request):
    return KINDS[request.param]()


@pytest.fixture(scope="module")
def path(knowledge, tmp_path_factory):
    return report(knowledge, tmp_path_factory.mktemp("page") / "report.html")


@pytest.fixture(params=WIDTHS)
def opened(request, browser, path):
    with visited(browser, path, request.param, 1) as (page, heard):
        yield page, heard, request.param


@pytest.fixture(scope="module")
def visit(browser, path):
    with visited(browser, path, WIDTHS[0], 1) as (page, _):
        yield page


@pytest.fixture
def wide(visit):
    """The wide page with nothing picked yet."""
    visit.evaluate(FRESH)
    return visit


def section(page, place=0):
    return page.locator("section.browser").nth(place)


def cards(page, place=0):
    return section(page, place).evaluate(CARDS)


def expected(knowledge, sample, layer, **wanted):
    """Salient interactions by the table of the result, strongest first."""
    table = knowledge.to_dataframe()
    table = table[(table["sample"] == sample) & (table["layer"] == layer) & (table["target"] == table["target"][0])]
    if "op" in wanted:
        table = table[table["op"] == wanted["op"]]
    if "order" in wanted:
        table = table[table["order"] == wanted["order"]]
    if "sign" in wanted:
        table = table[table["effect"] * wanted["sign"] > 0]
    return table.sort_values("effect", key=abs, ascending=False, kind="stable")


def check(shown, knowledge, sample, layer, **wanted):
    """The cards are the strongest interactions of this kind."""
    found = expected(knowledge, sample, layer, **wanted)[:MOST]
    names = knowledge.manifest["coords"]["players"][sample]
    pictures = knowledge.manifest["identity"]["players"]["players"] == "ImagePatches"
    assert len(shown) == len(found)
    for card, row in zip(shown, found.itertuples(), strict=True):
        assert card["kind"] == ("one player" if row.order == 1 else f"{row.op.upper()} of {row.order}")
        assert card["members"] == [str(player) if pictures else names[player] for player in row.players]
        # The page holds seven digits.
        assert card["effect"] == pytest.approx(row.effect, rel=5e-7)
        assert card["here"] == knowledge.layers.index(layer)


def test_first_comes_the_output(opened, knowledge):
    page, heard, width = opened
    shown = cards(page)
    check(shown, knowledge, 0, "output")
    assert heard["console"] == heard["errors"] == heard["dialogs"] == []
    assert all(url.startswith(("data:image/png", "file:")) for url in heard["requests"])
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for card in shown:
        assert 0 <= card["box"]["left"] < card["box"]["right"] <= width
    columns = {card["box"]["left"] for card in shown}
    assert len(columns) == 1 if width == 390 else len(columns) > 1


def test_every_sample_and_layer_can_be_picked(wide, knowledge):
    place = section(wide)
    for sample, (at, layer) in itertools.product(range(4), enumerate(knowledge.layers)):
        place.locator(".pick-sample").select_option(index=sample)
        place.locator(".pick-layer").select_option(index=at)
        check(cards(wide), knowledge, sample, layer)
        said = place.locator(".said").inner_text()
        many = len(expected(knowledge, sample, layer))
        assert said.startswith(f"Sample {sample}, class ")
        where = "at the output" if layer == "output" else f"in {' '.join(layer.split())}"
        assert f"{many} salient interaction{'s' if many > 1 else ''} {where}." in said


def test_steps_by_mouse(wide, knowledge):
    place = section(wide)
    place.get_by_label("the next sample").click()
    place.get_by_label("the layer before").click()
    check(cards(wide), knowledge, 1, knowledge.layers[-2])
    place.get_by_label("the sample before").click()
    assert place.get_by_label("the sample before").is_disabled()
    place.get_by_label("the next layer").click()
    assert place.get_by_label("the next layer").is_disabled()
    check(cards(wide), knowledge, 0, "output")


def test_steps_by_keys(wide, knowledge):
    place = section(wide)
    place.locator(".pick-sample").focus()
    wide.keyboard.press("ArrowDown")
    check(cards(wide), knowledge, 1, "output")
    for _ in range(2):
        wide.keyboard.press("Tab")
    wide.keyboard.press("Enter")
    check(cards(wide), knowledge, 2, "output")
    wide.keyboard.press("Tab")
    wide.keyboard.press("ArrowUp")
    check(cards(wide), knowledge, 2, knowledge.layers[-2])
    assert wide.evaluate("document.activeElement.className").split()[-1] == "pick-layer"
    outline = wide.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_a_click_on_a_bar_picks_its_layer(wide, knowledge):
    section(wide).locator(".card .life").first.locator("g").nth(0).click()
    check(cards(wide), knowledge, 0, knowledge.layers[0])


@pytest.mark.parametrize("wanted", [{"op": "and"}, {"op": "or"}, {"order": 1}, {"order": 2}, {"sign": 1}, {"sign": -1}])
def test_kinds(wide, knowledge, wanted):
    place = section(wide)
    for key, value in wanted.items():
        place.locator(f".pick-{key}").select_option({"and": "0", "or": "1"}.get(value, str(value)))
    found = expected(knowledge, 0, "output", **wanted)
    check(cards(wide), knowledge, 0, "output", **wanted)
    if len(found) < len(expected(knowledge, 0, "output")):
        assert f"{len(found) or 'none'} of this kind" in place.locator(".said").inner_text()


def test_kinds_together(wide, knowledge):
    place = section(wide)
    place.locator(".pick-op").select_option("0")
    place.locator(".pick-order").select_option("2")
    place.locator(".pick-sign").select_option("-1")
    check(cards(wide), knowledge, 0, "output", op="and", order=2, sign=-1)


def test_more_are_shown_when_asked(wide, knowledge):
    found = expected(knowledge, 0, "output")
    more = section(wide).locator(".more")
    assert more.is_visible() == (len(found) > MOST)
    if more.is_visible():
        more.click()
        assert len(cards(wide)) == len(found)
        more.click()
        check(cards(wide), knowledge, 0, "output")


def test_names_are_shown_letter_by_letter(browser, tmp_path):
    with visited(browser, report(tiny("hostile"), tmp_path / "report.html"), 1280, 1) as (page, heard):
        place = section(page)
        assert place.locator(".pick-layer option").all_text_contents() == [*HOSTILE_LAYERS, "output"]
        assert place.locator(".sample .rest").all_text_contents() == list(HOSTILE_PLAYERS)
        assert (
            page.evaluate("document.querySelectorAll('.browser img, .browser b b, .browser script:not([type])').length")
            == 0
        )
        told = " ".join(card["told"] for card in cards(page))
        assert any(name in told for name in HOSTILE_LAYERS)
        titles = place.locator(".life").first.locator("title").all_text_contents()
        assert [title.rsplit(": ", 1)[0] for title in titles] == [*HOSTILE_LAYERS, "output"]
        assert heard["dialogs"] == heard["errors"] == heard["console"] == []


def test_a_click_on_a_small_picture_picks_its_sample(browser, tmp_path):
    knowledge = tiny("image")
    with visited(browser, report(knowledge, tmp_path / "report.html"), 1280, 1) as (page, _):
        section(page).locator(".thumbs svg").nth(2).click()
        check(cards(page), knowledge, 2, "output")
        assert section(page).locator(".thumbs .picked").count() == 1
        outlined = section(page).locator(".card:not(.whole)").first.locator(".picture path:not(.halo)").count()
        assert outlined == len(expected(knowledge, 2, "output").iloc[0].players)


def test_targets_are_picked_apart(browser, tmp_path):
    knowledge = tiny("table", 2)
    with visited(browser, report(knowledge, tmp_path / "report.html"), 1280, 1) as (page, _):
        before = cards(page, 1)
        section(page, 0).locator(".pick-layer").select_option(index=0)
        check(cards(page, 0), knowledge, 0, "tanh1")
        assert cards(page, 1)[0]["effect"] == before[0]["effect"]
        assert section(page, 1).locator(".pick-layer").input_value() == "2"


def test_nothing_salient_is_said_in_words(browser, tmp_path):
    knowledge = tiny("table")
    thresholds = [[1e9, *knowledge.manifest["thresholds"][0][1:]]]
    silent = dataclasses.replace(knowledge, manifest=knowledge.manifest | {"thresholds": thresholds})
    with visited(browser, report(silent, tmp_path / "report.html"), 1280, 1) as (page, _):
        section(page).locator(".pick-layer").select_option(index=0)
        assert section(page).locator(".said").inner_text().endswith(": nothing is salient in tanh1.")
        assert cards(page) == []


def test_what_is_shown_is_taken_away_as_csv(browser, tmp_path):
    """Numbers and names as in the result; a name that a spreadsheet would compute is only shown there."""
    names = ["=1+1", 'a "quoted", name', "wage", "-debt", "rent\nline"]
    knowledge = changed(tiny("table"), players=[names] * 4)
    with visited(browser, report(knowledge, tmp_path / "report.html"), 1280, 1) as (page, _):
        section(page).locator(".pick-sample").select_option(index=1)
        with page.expect_download() as download:
            section(page).locator("button.save").click()
        assert download.value.suggested_filename == "interactions-sample-1.csv"
        text = download.value.path().read_bytes().decode("utf-8")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    found = expected(knowledge, 1, "output")[:MOST]
    assert len(rows) == len(found)
    for row, wanted in zip(rows, found.itertuples(), strict=True):
        said = "; ".join(names[player] for player in wanted.players)
        assert row["names"] == (f"'{said}" if said[0] in "=-" else said)
        assert row["players"] == " ".join(map(str, wanted.players))
        assert [row["sample"], row["layer"], row["op"], row["order"]] == ["1", "output", wanted.op, str(wanted.order)]
        assert float(row["effect"]) == pytest.approx(wanted.effect, rel=5e-7)
        # Two numbers of seven digits, divided.
        assert float(row["relative_effect"]) == pytest.approx(wanted.relative_effect, rel=2e-6)


def test_paper_shows_what_is_picked(wide, knowledge):
    section(wide).locator(".pick-layer").select_option(index=0)
    wide.emulate_media(media="print")
    assert not section(wide).locator(".pickers").is_visible()
    assert section(wide).locator(".said").is_visible()
    assert section(wide).locator(".card").first.is_visible()
    check(cards(wide), knowledge, 0, knowledge.layers[0])
    wide.emulate_media(media="screen")


LIVES = {
    # Where it is seen first, begins, ends and is seen last; effects in layers zero, three and the output.
    "appears in three, kept to the output": ([3, 3, 6, 6], [0, 2.0, 1.0]),
    "first appears in zero, again in three, kept to the output": ([0, 3, 6, 6], [1.0, 2.0, 1.0]),
    "appears in two, last seen in four, then forgotten": ([2, 2, 4, 4], [0, 2.0, 0]),
    "appears in three alone, then forgotten": ([3, 3, 3, 3], [0, 2.0, 0]),
    "appears in three, last seen in four; at the output with the other sign": ([3, 3, 4, 4], [0, 2.0, -1.0]),
    "appears in two, lost after four, back at the output": ([2, 2, 4, 6], [0, 2.0, 1.0]),
    "first appears in one, again in three, lost after three, last seen in five, then forgotten": (
        [1, 3, 3, 5],
        [0, 2.0, 0],
    ),
}


def test_lives_in_words(browser, tmp_path):
    """Of seven layers, three can be picked; the page's data are replaced by those of a few interactions."""
    path = report(tiny("table"), tmp_path / "report.html")
    sample = {"sample": 0, "words": "sample 0, class 1", "players": ["a", "b"], "values": ["1", "2"], "picture": None}
    sample |= {"sentence": None, "found": [[0, 3, course] for _, course in LIVES.values()]}
    stations = [[number, *stations] for number, (stations, _) in enumerate(LIVES.values())]
    sample |= {"strongest": [[], stations, []], "salient": [0, len(stations), 0]}
    layers = ["zero", "one", "two", "three", "four", "five", "output"]
    data = {"layers": layers, "shown": [0, 3, 6], "units": [1.0, 4.0, None], "cards": 8, "samples": [sample]}
    found = re.compile(r'(class="browser-data">).*?(</script>)', re.DOTALL)
    path.write_text(found.sub(lambda match: match[1] + json.dumps(data) + match[2], path.read_text("utf-8")), "utf-8")
    with visited(browser, path, 1280, 1) as (page, heard):
        section(page).locator(".pick-layer").select_option(index=1)
        assert [card["told"] for card in cards(page)] == [f"+0.50 units; {words}" for words in LIVES]
        assert heard["errors"] == []
