"""Links of all pages of the repository lead somewhere; those to the web are at least well formed."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from reference.doc_pages import FENCE, ROOT

PAGES = [*ROOT.glob("*.md"), *ROOT.glob("src/**/README.md"), *ROOT.glob("examples/**/*.md")]
PAGES += [*ROOT.glob("benchmarks/*.md"), *ROOT.glob("docs/**/*.md")]
LINK = re.compile(r"\]\(([^)\s]+)\)")


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """What headings of a page can be linked to as."""
    slugify = pytest.importorskip("markdown.extensions.toc").slugify
    return {slugify(re.sub(r"[`*]", "", title), "-") for title in re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)}


def dead(page: Path) -> list[str]:
    """Links of a page that lead nowhere in the repository."""
    found = []
    for link in LINK.findall(prose(page)):
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, anchor = link.partition("#")
        aim = page.parent / path if path else page
        # Pages that the site brings in from elsewhere are checked by mkdocs itself.
        if aim.parent.name in ("inside", "worked"):
            continue
        if not aim.exists() or (anchor and anchor not in anchors(aim)):
            found.append(link)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    assert dead(page) == []


def test_links_to_the_web_are_well_formed():
    links = {link for page in PAGES for link in LINK.findall(prose(page)) if "://" in link}
    assert len(links) >= 5
    for link in links:
        parts = urlsplit(link)
        assert parts.scheme == "https", link
        assert re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", parts.netloc), link


def test_a_dead_link_is_found(tmp_path):
    (tmp_path / "other.md").write_text("# A heading with `code`\n")
    page = tmp_path / "page.md"
    links = ["other.md", "other.md#a-heading-with-code", "other.md#nothing", "nowhere.md", "https://example.org"]
    page.write_text("# Top\n[up](#top) " + " ".join(f"[x]({link})" for link in links) + "\n```\n[x](not.md)\n```\n")
    assert dead(page) == ["other.md#nothing", "nowhere.md"]
