"""What following a training costs over an hour: the memory of the server and of the page.

    OMP_NUM_THREADS=1 python benchmarks/serve.py [--minutes 60] [--chromium /usr/bin/chromium]

A small training on digits is recorded five times a second by a process of its own; `layerlore serve` is another, and
headless Chromium shows its page. Every few seconds: bytes that the server's process holds and no file backs, bytes
in use by the page's scripts after a collection, and nodes of the page. Printed: the line through each, with its
standard error, over the whole time and over its second half; beside it what the records themselves add, and what
keeping each answer would add. The same is tested over three minutes in tests/browser/test_app_memory.py.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from app.memory import Course, line, watched

WARM_UP = 90.0
OPTIONS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


def tell(course: Course) -> None:
    """Say where it stands, every few minutes."""
    if len(course.seconds) % 50 == 1:
        words = f"server {course.server[-1] / 1e6:.1f} MB, page {course.page[-1] / 1e6:.1f} MB"
        print(f"{course.seconds[-1] / 60:.0f} min, {course.records[-1]} records: {words}", file=sys.stderr, flush=True)


def table(course: Course) -> list[str]:
    """Rows of a table in Markdown."""
    rows = ["| what | at first | at last | slope | slope of the second half |", "|---|---|---|---|---|"]
    half = len(course.seconds) // 2
    for name in ("server", "page"):
        values = getattr(course, name)
        cells = [f"{values[0] / 1e6:.1f} MB", f"{values[-1] / 1e6:.1f} MB"]
        for start in (0, half):
            slope, error = line(course.seconds[start:], values[start:])
            cells.append(f"{3600 * slope / 1e6:.2f} ± {3600 * error / 1e6:.2f} MB an hour")
        rows.append(f"| {name} | {' | '.join(cells)} |")
    rows.append(f"| nodes of the page | {course.nodes[0]} | {course.nodes[-1]} | | |")
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0, help="to measure after the first 90 seconds")
    parser.add_argument("--chromium", default=shutil.which("chromium"), help="the browser")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=asked.chromium, args=OPTIONS)
        seconds, every = 60 * asked.minutes, asked.minutes / 10
        course = watched(browser, Path(folder), warm_up=WARM_UP, seconds=seconds, every=every, tell=tell)
        browser.close()
    print(*table(course), sep="\n")
    added = 3600 * course.rate("records") * course.record_bytes / 1e6
    print(
        f"\n{course.rate('records'):.1f} records a second, which add {added:.1f} MB an hour up to the server's limit;"
    )
    print(f"answers: {3600 * course.rate('answered') / 1e6:.0f} MB an hour, so much would keeping each of them add")


if __name__ == "__main__":
    main()
