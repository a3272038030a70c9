"""The page of a study in a real browser: silent, alone, nothing wider than the screen, claims as cards on a phone."""

import pytest

from browser.taking import assert_a_word_is_explained, downloaded
from browser.visits import OVERLAPS, WIDTHS, assert_alone, assert_drawn_inside, visited
from layerlore.interactions.agreement import agreement
from layerlore.report import report
from report.tiny import tiny
from zoo.studies.studies import HOSTILE, saved, three_claims

N_PLOTS = 6


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    knowledge = tiny("table")
    for name in ("kappa", "and"):
        knowledge.save(folder / name)
    agreement(knowledge, knowledge, names=["a", "b"], pull=0.0, resamples=20).save(folder / "agreement.json")
    entry = dict(saved(folder).networks[0]) | {"by_kappa": {"0.03": "kappa", "0.04": "mlp7"}, "and_only": "and"}
    # A file that is not there is named in a warning, and its name has nowhere to break.
    entry["stability"] = "stability" * 20 + ".json"
    claims = (*three_claims(), *three_claims(HOSTILE))
    saved(folder, runs=False, networks=(entry,), claims=claims, files={"agreement": "agreement.json"})
    return report(folder)


@pytest.fixture(scope="module", params=WIDTHS)
def opened(request, browser, path):
    with visited(browser, path, request.param, N_PLOTS) as (page, heard):
        yield page, heard, request.param


def test_the_page_is_silent_and_alone(opened, path):
    _, heard, _ = opened
    assert_alone(heard, path)


def test_everything_is_inside_the_page(opened):
    page, _, width = opened
    assert_drawn_inside(page, width, N_PLOTS, least_height=90, least_marks=1)
    assert page.evaluate(OVERLAPS) == []


def test_claims_are_cards_where_a_table_has_no_room(opened):
    page, _, width = opened
    shown = page.evaluate("getComputedStyle(document.querySelector('.claims-table td')).display")
    assert shown == ("block" if width < 900 else "table-cell")


def test_numbers_can_be_taken_away(opened):
    page, _, _ = opened
    table = downloaded(page, "mlp7-completeness-and-redundancy.csv")
    total = tiny("table").ledger().total.isel(target=0)
    assert table.loc[table["ratio"] == "completeness", "value"].tolist() == total["completeness"].values.tolist()


def test_words_are_explained_one_click_away(opened):
    page, _, _ = opened
    assert_a_word_is_explained(page, "corrected IoU")
