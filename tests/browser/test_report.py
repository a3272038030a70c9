"""A real browser opens the page: it draws all figures, says nothing, and asks the network for nothing."""

from pathlib import Path

import pytest

from browser.visits import FIGURES, OVERLAPS, WIDTHS, visited
from layerlore.report import report
from report.tiny import tiny

N_PLOTS = 5


@pytest.fixture(scope="module", params=["hostile", "image"])
def path(request, tmp_path_factory) -> Path:
    return report(tiny(request.param), tmp_path_factory.mktemp("page") / "report.html")


@pytest.fixture(scope="module", params=WIDTHS)
def opened(request, browser, path):
    with visited(browser, path, request.param, N_PLOTS) as (page, heard):
        yield page, heard, request.param


def test_the_page_is_silent_and_alone(opened, path):
    _, heard, _ = opened
    assert heard["console"] == heard["errors"] == heard["dialogs"] == []
    outside = [url for url in heard["requests"] if not url.startswith("data:image/png")]
    assert outside == [path.as_uri()]


def test_all_figures_are_drawn_inside_the_page(opened):
    page, _, width = opened
    boxes = page.evaluate(FIGURES)
    assert len(boxes) == N_PLOTS
    for left, right, height, marks in boxes:
        assert 0 <= left < right <= width
        # What legend and names leave to the figure itself.
        assert height >= 150
        assert marks > 5
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_names_in_figures_are_shown_letter_by_letter(opened):
    page, _, _ = opened
    names = page.evaluate("[...document.querySelectorAll('.plot .xtick text')].map(tick => tick.textContent)")
    title = page.evaluate("document.querySelector('h1').textContent")
    if "<u>" in title:
        assert any(name.startswith("<img") for name in names)
    else:
        assert "tanh1" in names
    assert page.evaluate("document.querySelectorAll('main img, .plot a, .plot script').length") == 0


def test_words_of_a_figure_do_not_overlap(opened):
    """Legend entries, and names along an axis, each stand free of their neighbours."""
    page, _, _ = opened
    assert page.evaluate(OVERLAPS) == []


def test_a_script_that_gets_in_does_not_run(browser, path, tmp_path):
    """The last wall: even markup that escaping had missed is refused by the page's policy."""
    broken = tmp_path / "broken.html"
    attack = "<img src=x onerror=\"document.title='taken'\"><script>document.title = 'taken'</script>"
    broken.write_text(path.read_text("utf-8").replace("<main>", "<main>" + attack, 1), "utf-8")
    page = browser.new_page()
    page.goto(broken.as_uri())
    page.wait_for_function("document.querySelectorAll('.plot .main-svg').length >= 5")
    assert page.title() != "taken"
    page.close()
