"""Run pages of the documentation, and put what they print and draw where the pages show it.

    python tools/docs_output.py docs/tutorials/explain.md ...

Blocks of ``text`` right under a block of python are replaced by what it prints. A picture that the page shows and its
code writes, such as ``ratios.png``, is copied to ``docs/assets/<page>_ratios.png``, with fewer colours.
"""

from __future__ import annotations

import contextlib
import re
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from reference.doc_pages import printed_beside, run  # noqa: E402 # pyright: ignore[reportMissingImports] (line above)

COLOURS = 64


def renew(page: Path) -> None:
    """Run one page and write down what it showed."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        said = run(page)
        lines = page.read_text(encoding="utf-8").splitlines()
        for place, block in sorted(printed_beside(page).items(), reverse=True):
            lines[block.line : block.end - 2] = [line.rstrip() for line in said[place].rstrip().splitlines()]
        page.write_text("\n".join(lines) + "\n", encoding="utf-8")
        for name in re.findall(rf"\(\.\./assets/{page.stem}_([\w]+\.png)\)", page.read_text(encoding="utf-8")):
            picture = Image.open(name).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
            picture.save(ROOT / "docs" / "assets" / f"{page.stem}_{name}", optimize=True)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    for argument in sys.argv[1:]:
        renew(Path(argument).resolve())
