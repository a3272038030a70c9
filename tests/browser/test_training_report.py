"""A real browser opens the page of a run through training."""

import numpy as np
import pytest

from browser.taking import assert_a_word_is_explained, downloaded
from browser.visits import OVERLAPS, WIDTHS, assert_alone, assert_drawn_inside, assert_names_are_letters, visited
from layerlore import History
from layerlore.report.training import training_page
from report.histories import history, trends, values

N_PLOTS = 7


def with_rotation(made):
    """The same history with a second measure."""
    return History(made.data.assign(rotation=made.data["rwc_l1"] * 2), made.manifest)


@pytest.fixture(scope="module", params=["plain", "hostile"])
def path(request, tmp_path_factory):
    file = tmp_path_factory.mktemp("page") / "report.html"
    file.write_text(training_page(with_rotation(history(request.param)), trends(request.param)), "utf-8")
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
    # The bars of the groups are the smallest figure.
    assert_drawn_inside(page, width, N_PLOTS, least_height=120, least_marks=5)


def test_words_of_a_figure_do_not_overlap(opened):
    page, _, _ = opened
    assert page.evaluate(OVERLAPS) == []


def test_the_heat_map_has_its_names_and_its_legend(opened):
    page, _, _ = opened
    map_ = page.locator(".plot").nth(1)
    names = map_.locator(".y2tick text").all_text_contents()
    assert len(names) == 24
    assert names[0].startswith("<img") or names[0] == "block0.proj"
    legend = map_.locator(".legendtext").all_text_contents()
    assert legend == ["exactly 0: no change", "no value"]
    # The title of the axis stands below its numbers, not on the cells.
    title = map_.locator(".annotation-text").bounding_box()
    numbers = map_.locator(".xtick text").first.bounding_box()
    assert title["y"] >= numbers["y"] + numbers["height"] - 1


def test_pointing_at_a_cell_names_its_layer_in_full(opened):
    page, _, _ = opened
    cells = page.locator(".plot").nth(1).locator(".hm image").first
    cells.scroll_into_view_if_needed()
    box = cells.bounding_box()
    page.mouse.move(box["x"] + 3, box["y"] + 3)
    words = page.locator(".plot .hoverlayer").nth(1).locator(".hovertext")
    words.wait_for()
    text = words.first.text_content()
    assert text.startswith(("<img src=x onerror=alert(1)>, <i>lap</i> 1: ", "block0.proj.weight, step 1: "))


def test_names_do_not_act(opened):
    page, _, _ = opened
    assert_names_are_letters(page)


def test_numbers_can_be_taken_away(opened):
    page, _, _ = opened
    table = downloaded(page, "changes-rwc_l1.csv").pivot(index="layer", columns="step", values="rwc_l1")
    kind = "plain" if "block0.proj.weight" in table.index else "hostile"
    assert np.array_equal(table.loc[history(kind).layers].to_numpy(), values(), equal_nan=True)


def test_words_are_explained_one_click_away(opened):
    page, _, _ = opened
    assert_a_word_is_explained(page, "trend map")


def test_another_measure_is_drawn_when_it_is_chosen(opened):
    page, heard, width = opened
    other = page.locator(".measure[data-measure='rotation']")
    assert not other.is_visible()
    page.locator("#measure").focus()
    page.keyboard.press("ArrowDown")
    other.locator(".main-svg").first.wait_for()
    assert not page.locator(".measure[data-measure='rwc_l1']").is_visible()
    boxes = other.evaluate(
        "view => [...view.querySelectorAll('.plot .main-svg')].map(p => p.getBoundingClientRect().width)"
    )
    assert min(boxes) > 0.85 * min(width, 1048)
    assert max(boxes) <= width
    page.locator("#measure").select_option("rwc_l1")
    assert page.locator(".measure[data-measure='rwc_l1']").is_visible()
    assert not other.is_visible()
    assert heard["errors"] == heard["console"] == []
