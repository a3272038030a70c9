"""The site builds without a warning, and needs nothing from anywhere else."""

import functools
import http.server
import re
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from reference.doc_pages import ROOT

SOURCES = {
    "audio": "src", "embed": "src", "iframe": "src", "img": "src", "input": "src", "link": "href", "object": "data",
    "script": "src", "source": "src", "track": "src", "video": "src",
}  # fmt: skip
"""What a browser fetches by itself, by tag."""


MARKUP = ("[[", ":::", "```", "&gt;&gt;&gt;", "???", "!!!", "--8&lt;--")
"""What a reader must not see of how pages are written."""


class Fetched(HTMLParser):
    """Collects the addresses that a page makes a browser fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        fetched = given.get(SOURCES.get(tag, ""))
        if fetched and not (tag == "link" and given.get("rel") in ("canonical", "next", "prev")):
            self.found.append(fetched)
        self.found += [part.split()[0] for part in (given.get("srcset") or "").split(",") if part.strip()]
        self.found += re.findall(r"url\(['\"]?([^'\")]+)", given.get("style") or "")


def outside(text: str) -> list[str]:
    """Addresses in HTML that are fetched from another place."""
    parser = Fetched()
    parser.feed(text)
    return [address for address in parser.found if re.match(r"(?:[a-z][a-z0-9+.-]*:)?//", address, re.IGNORECASE)]


def test_it_builds_without_a_warning(site):
    folder, done = site
    assert done.returncode == 0, done.stderr
    assert not re.search(r"WARN|ERROR|Material for MkDocs", done.stdout + done.stderr), done.stderr
    assert len(list(folder.rglob("*.html"))) > 60


def test_no_page_fetches_anything_from_elsewhere(site):
    folder, _ = site
    pages = list(folder.rglob("*.html"))
    assert pages
    for page in pages:
        assert outside(page.read_text(encoding="utf-8")) == [], page.name
    for sheet in folder.rglob("*.css"):
        assert not re.search(r"(?:url\(|@import)\s*['\"]?(?:https?:)?//", sheet.read_text(encoding="utf-8")), sheet.name


def test_what_is_fetched_from_elsewhere_is_found():
    text = '<img src="//a.org/x.png"><script src="x.js"></script><link rel="stylesheet" href="https://a.org/x.css">'
    text += '<p style="background: url(http://b.org/y.png)"><img srcset="z.png 1x, https://c.org/z.png 2x">'
    found = ["//a.org/x.png", "https://a.org/x.css", "http://b.org/y.png", "https://c.org/z.png"]
    assert outside(text + '<a href="https://b.org">b</a>') == found


def test_no_page_shows_its_markup(site):
    folder, _ = site
    for page in folder.rglob("*.html"):
        text = re.sub(r"<(pre|code)\b.*?</\1>", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        words = re.sub(r"<[^>]+>", "", re.sub(r"<(script|style)\b.*?</\1>", "", text, flags=re.DOTALL))
        assert [mark for mark in MARKUP if mark in words] == [], page.name


@pytest.fixture(scope="module")
def address(site) -> Iterator[str]:
    folder, _ = site

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name there)
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("width", [1280, 390])
def test_in_a_browser(address, browser, width):
    page = browser.new_page(viewport={"width": width, "height": 900})
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    names = ["index", "gallery", "glossary", "limits", "papers", "tutorials/explain", "reference/figures"]
    for name in [*names, "reference/commands", "inside/interactions", "studies/layerwise_mnist/study"]:
        page.goto(f"{address}/{name}.html")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        broken = "[...document.images].filter(image => image.complete && !image.naturalWidth).map(image => image.src)"
        assert page.evaluate(broken) == [], name
    page.close()
    assert said == []
    assert [url for url in asked if not url.startswith((address, "data:"))] == []


def test_search_finds_a_page(address, browser):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{address}/index.html")
    page.locator("input.md-search__input").fill("completeness")
    page.locator(".md-search-result__item").first.wait_for(timeout=20_000)
    links = page.locator(".md-search-result__link").evaluate_all("links => links.map(link => link.href)")
    page.close()
    assert any("glossary" in link for link in links)
    assert all(link.startswith(address) for link in links)


def test_pages_of_the_folders_are_in_the_site(site):
    folder, _ = site
    for source in [*ROOT.glob("src/layerlore/**/README.md"), *ROOT.glob("examples/*/README.md")]:
        title = source.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
        pages = [*folder.glob("inside/*.html"), *folder.glob("worked/*.html")]
        assert any(f">{title}<" in _headings(page) for page in pages), source


def _headings(page: Path) -> str:
    return "".join(f">{found.strip()}<" for found in re.findall(r"<h1[^>]*>(.*?)<a", page.read_text(encoding="utf-8")))
