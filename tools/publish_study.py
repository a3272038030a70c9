"""Copy what a finished study says into the docs: its page, its numbers and its figures, made small.

    python tools/publish_study.py runs/layerwise_mnist docs/studies/layerwise_mnist

Runs, weights and HTML pages stay where they are: they are megabytes, and the command on the page makes them again.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from PIL import Image

WIDEST = 1400
COLOURS = 64


def publish(study: Path, place: Path) -> None:
    """Copy ``study.json`` and ``study.md``, and the figures with fewer pixels and colours."""
    figures = place / "figures"
    shutil.rmtree(figures, ignore_errors=True)
    figures.mkdir(parents=True)
    for name in ("study.json", "study.md"):
        shutil.copyfile(study / name, place / name)
    for file in sorted((study / "figures").glob("*.png")):
        image = Image.open(file).convert("RGB")
        if image.width > WIDEST:
            image = image.resize((WIDEST, round(image.height * WIDEST / image.width)), Image.Resampling.LANCZOS)
        image.quantize(COLOURS, dither=Image.Dither.NONE).save(figures / file.name, optimize=True)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    publish(Path(sys.argv[1]), Path(sys.argv[2]))
