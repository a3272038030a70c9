"""One function makes all HTML of notebooks: everything is escaped, nothing is fixed that a theme decides."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerlore.notebook import MOST_NOTES, MOST_ROWS, card, places
from report.reading import read

ATTACKS = (
    "<img src=x onerror=alert(1)>",
    "</td></table><script>alert(2)</script>",
    "a&amp;b",
    "\"'><b>",
    "x\x1b[2J\x00",
)


@given(st.text(), st.text(), st.text(), st.text(), st.text())
def test_any_text_stays_text(title, column, cell, note, hint):
    page = read(card(title, (column,), [(cell,)], notes=[note], hint=hint))
    assert {element.tag for element in page.all()} <= {"div", "p", "b", "table", "thead", "tbody", "tr", "th", "td"}
    assert {name for element in page.all() for name in element.attributes} <= {"style", "scope"}

    def shown(text):
        return "".join(letter if letter.isprintable() else "?" for letter in " ".join(text.split()))

    assert page.all("th")[0].text == shown(column)
    assert page.all("td")[0].text == shown(cell)
    assert page.all("p")[1].text == shown(f"Note: {note}")


def test_attacks_are_inert():
    html = card(ATTACKS[0], ATTACKS, [ATTACKS], notes=ATTACKS, hint=ATTACKS[1])
    assert "<script" not in html
    assert "<img" not in html
    assert not re.search(r"[\x00-\x1f]", html)
    assert [cell.text for cell in read(html).all("td")][:4] == list(ATTACKS[:4])


def test_what_is_too_much_is_counted():
    rows = [(str(number),) for number in range(50)]
    page = read(card("Result: many", ("row",), rows, notes=[f"note {number}" for number in range(9)]))
    shown = [int(cell.text) for cell in page.all("td")]
    assert shown == places(50)
    assert (shown[0], shown[-1], len(shown)) == (0, 49, MOST_ROWS)
    assert max(b - a for a, b in pairwise(shown)) <= 5
    words = [part.words for part in page.all("p")]
    assert words[1:] == [
        *(f"Note: note {number}" for number in range(MOST_NOTES)), "and 4 more notes", "12 of 50 rows, evenly spread",
    ]  # fmt: skip
    page = read(card("Result: many", ("row",), rows, keep="first"))
    assert [cell.text for cell in page.all("td")] == [str(number) for number in range(MOST_ROWS)]
    assert page.all("p")[-1].words == "12 of 50 rows, the first ones"


def test_warnings_come_before_numbers():
    html = card("Result: a", ("row",), [("1",)], notes=["careful"])
    assert html.index("careful") < html.index("<table")


def test_a_card_takes_the_colours_of_its_notebook():
    styles = [
        element.attributes.get("style") or ""
        for element in read(card("A", ("b",), [("c",)], notes=["d"], hint="e")).all()
    ]
    for style in styles:
        assert not re.search(r"(?:^|[; ])(?:color|background[a-z-]*) *:", style)
        assert "url(" not in style


@pytest.mark.parametrize("count", [0, 1, 11, 12, 13, 100])
def test_places_are_spread(count):
    found = places(count)
    assert len(found) == min(count, MOST_ROWS) == len(set(found))
    assert found == sorted(found)
    if count:
        assert (found[0], found[-1]) == (0, count - 1)
