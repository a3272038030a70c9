"""One real browser for all tests of pages, wherever they are: Playwright opens no second one in a process."""

import os
import shutil

import pytest

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


@pytest.fixture(scope="session")
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
