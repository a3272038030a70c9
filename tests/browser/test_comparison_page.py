"""The page of several runs in a real browser: silent, alone, nothing wider than the screen, numbers to take away."""

import numpy as np
import pytest

from browser.taking import assert_a_word_is_explained, downloaded
from browser.visits import OVERLAPS, WIDTHS, assert_alone, assert_drawn_inside, assert_names_are_letters, visited
from layerlore.report.comparison import comparison_page
from report.comparing import coarse, longer, quick_trends
from report.histories import history, values
from report.tiny import tiny

N_PLOTS = 6
NAMES = {
    "plain": ["fine", "coarse", "short", "long"],
    "hostile": [
        "<img src=x onerror=alert(1)>",
        "</script><script>alert(2)</script>",
        "%{x}<b>",
        "a-very-long-name-of-a-run" * 4,
    ],
}


@pytest.fixture(scope="module", params=["plain", "hostile"])
def path(request, tmp_path_factory):
    file = tmp_path_factory.mktemp("page") / "comparison.html"
    with quick_trends():
        text = comparison_page([tiny("table"), coarse(), history(), longer()], NAMES[request.param])
    file.write_text(text, "utf-8")
    return file


@pytest.fixture(scope="module", params=WIDTHS)
def opened(request, browser, path):
    with visited(browser, path, request.param, N_PLOTS) as (page, heard):
        yield page, heard, request.param


def test_the_page_says_nothing_and_asks_for_nothing(opened, path):
    _, heard, _ = opened
    assert_alone(heard, path)


def test_every_figure_is_drawn_and_lies_within_the_page(opened):
    page, _, width = opened
    # The matrix of two networks is the smallest figure.
    assert_drawn_inside(page, width, N_PLOTS, least_height=90, least_marks=2)


def test_words_of_a_figure_do_not_overlap(opened):
    page, _, _ = opened
    assert page.evaluate(OVERLAPS) == []


def test_names_do_not_act(opened):
    page, _, _ = opened
    assert_names_are_letters(page)


def test_numbers_can_be_taken_away(opened):
    page, _, _ = opened
    table = downloaded(page, "compared-layers.csv")
    first = table[table["run"] == table["run"].iloc[0]].pivot(index="layer", columns="step", values="rwc_l1")
    assert np.array_equal(first.loc[history().layers].to_numpy(), values(), equal_nan=True)


def test_words_are_explained_one_click_away(opened):
    page, _, _ = opened
    assert_a_word_is_explained(page, "relative depth")
