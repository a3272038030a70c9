"""Opening a page and looking at it: what it says, what it asks for, where its words and figures lie."""

from contextlib import contextmanager

WIDTHS = (1280, 390)

OVERLAPS = """() => {
    const found = [];
    for (const plot of document.querySelectorAll('.plot')) {
        for (const kind of ['.legendtext', '.annotation-text', '.xtick text', '.ytick text', '.y2tick text']) {
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
"""Legend entries, and names along an axis, that do not stand free of their neighbours."""

FIGURES = """() => [...document.querySelectorAll('.plot')].map(plot => {
    const box = plot.querySelector('.main-svg').getBoundingClientRect();
    const marks = plot.querySelectorAll('.cartesianlayer path, .cartesianlayer .point, .cartesianlayer image').length;
    return [box.left, box.right, plot._fullLayout._size.h, marks];
})"""
"""Of each figure: its left and right edge, the height that legend and names leave to it, its marks."""


@contextmanager
def visited(browser, path, width, n_plots):
    """The page at one width, once its figures are drawn, with all it said and asked for."""
    page = browser.new_page(viewport={"width": width, "height": 900})
    heard: dict[str, list[str]] = {"console": [], "errors": [], "requests": [], "dialogs": []}
    page.on("console", lambda message: heard["console"].append(message.text))
    page.on("pageerror", lambda error: heard["errors"].append(str(error)))
    page.on("request", lambda asked: heard["requests"].append(asked.url))
    page.on("dialog", lambda dialog: (heard["dialogs"].append(dialog.message), dialog.dismiss()))
    page.goto(path.as_uri())
    page.wait_for_function(f"document.querySelectorAll('.plot .main-svg').length >= {n_plots}")
    page.wait_for_load_state("networkidle")
    yield page, heard
    page.close()


def assert_alone(heard, path):
    """The page said nothing, and asked for nothing but itself; pictures inside it are its own."""
    assert heard["console"] == heard["errors"] == heard["dialogs"] == []
    assert [url for url in heard["requests"] if not url.startswith("data:image/png")] == [path.as_uri()]


def assert_drawn_inside(page, width, n_plots, least_height, least_marks):
    """Every figure is drawn, keeps some height beside its legend and names, and nothing is wider than the screen."""
    boxes = page.evaluate(FIGURES)
    assert len(boxes) == n_plots
    for left, right, height, marks in boxes:
        assert 0 <= left < right <= width
        assert height >= least_height
        assert marks >= least_marks
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def assert_names_are_letters(page):
    """No name became an element."""
    assert page.evaluate("document.querySelectorAll('main img, .plot a, .plot script').length") == 0
