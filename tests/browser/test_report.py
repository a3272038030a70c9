"""A real browser opens the page: it draws all figures, says nothing, and asks the network for nothing."""

import os
import shutil
from pathlib import Path

import pytest

from layerlore.report import report
from report.tiny import tiny

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDTHS = (1280, 390)


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        reason = "no Chromium on this machine: the report was NOT looked at by a browser (apt-get install chromium)"
        if os.environ.get("LAYERLORE_NEED_BROWSER"):
            pytest.fail(reason)
        pytest.skip(reason)
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: pip install playwright"
    )
    with playwright.sync_playwright() as engine:
        opened = engine.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield opened
        opened.close()


@pytest.fixture(scope="module", params=["hostile", "image"])
def path(request, tmp_path_factory) -> Path:
    return report(tiny(request.param), tmp_path_factory.mktemp("page") / "report.html")


@pytest.fixture(scope="module", params=WIDTHS)
def opened(request, browser, path):
    """The page at one width, with all it said and asked for."""
    page = browser.new_page(viewport={"width": request.param, "height": 900})
    heard: dict[str, list[str]] = {"console": [], "errors": [], "requests": [], "dialogs": []}
    page.on("console", lambda message: heard["console"].append(message.text))
    page.on("pageerror", lambda error: heard["errors"].append(str(error)))
    page.on("request", lambda asked: heard["requests"].append(asked.url))
    page.on("dialog", lambda dialog: (heard["dialogs"].append(dialog.message), dialog.dismiss()))
    page.goto(path.as_uri())
    page.wait_for_function("document.querySelectorAll('.plot .main-svg').length >= 5")
    page.wait_for_load_state("networkidle")
    yield page, heard, request.param
    page.close()


def test_the_page_is_silent_and_alone(opened, path):
    _, heard, _ = opened
    assert heard["console"] == heard["errors"] == heard["dialogs"] == []
    outside = [url for url in heard["requests"] if not url.startswith("data:image/png")]
    assert outside == [path.as_uri()]


def test_all_figures_are_drawn_inside_the_page(opened):
    page, _, width = opened
    boxes = page.evaluate(
        """() => [...document.querySelectorAll('.plot')].map(plot => {
            const box = plot.querySelector('.main-svg').getBoundingClientRect();
            const marks = plot.querySelectorAll('.cartesianlayer path, .cartesianlayer .point').length;
            return [box.left, box.right, plot._fullLayout._size.h, marks];
        })"""
    )
    assert len(boxes) == 5
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
    overlaps = page.evaluate(
        """() => {
            const found = [];
            for (const plot of document.querySelectorAll('.plot')) {
                for (const kind of ['.legendtext', '.annotation-text', '.xtick text', '.ytick text']) {
                    const boxes = [...plot.querySelectorAll(kind)].filter(word => word.textContent.trim())
                        .map(word => [word.textContent, word.getBoundingClientRect()]);
                    for (const [i, [one, a]] of boxes.entries())
                        for (const [two, b] of boxes.slice(i + 1))
                            if (a.left < b.right - 1 && b.left < a.right - 1
                                && a.top < b.bottom - 1 && b.top < a.bottom - 1)
                                found.push([kind, one, two]);
                }
            }
            return found;
        }"""
    )
    assert overlaps == []


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
