"""The picture at the top of the README: one sample explained, the ledger through depth, the change through training.

    python tools/overview_picture.py STUDY/mlp7 STUDY/mlp7_training docs/assets/overview.png

STUDY is the folder of `layerlore study layerwise` on MNIST (see docs/studies); any run of either kind will do.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

import layerlore as ll
from layerlore.figures import printed

HEIGHT, GAP, MARGIN, TITLE = 520, 36, 16, 44
COLOURS = 96
SAMPLE = 10
TITLES = ("What a nine is recognised by", "What each layer knows", "How each layer learned")


def main(depth: Path, training: Path, place: Path) -> None:
    """Draw the three panels side by side."""
    knowledge, history = ll.Knowledge.load(depth), ll.History.load(training)
    figures = (
        printed.explanation_figure(knowledge, SAMPLE),
        printed.ratios_figure(knowledge.ledger()),
        printed.changes_figure(history),
    )
    with tempfile.TemporaryDirectory() as folder:
        panels = [
            Image.open(printed.save_figure(figure, Path(folder) / f"{number}.png")).convert("RGB")
            for number, figure in enumerate(figures)
        ]
    panels = [panel.resize((round(panel.width * HEIGHT / panel.height), HEIGHT)) for panel in panels]
    width = sum(panel.width for panel in panels) + GAP * (len(panels) - 1) + 2 * MARGIN
    whole = Image.new("RGB", (width, HEIGHT + TITLE + 2 * MARGIN), "white")
    pen, font = ImageDraw.Draw(whole), ImageFont.load_default(24)
    left = MARGIN
    for panel, title in zip(panels, TITLES, strict=True):
        pen.text((left, MARGIN), title, fill="#333333", font=font)
        whole.paste(panel, (left, MARGIN + TITLE))
        left += panel.width + GAP
    whole.quantize(COLOURS, dither=Image.Dither.NONE).save(place, optimize=True)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*map(Path, sys.argv[1:]))
