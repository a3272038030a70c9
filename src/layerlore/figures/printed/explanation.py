"""One sample explained, in print: an image, a sentence, or rows of players. Source: Cheng et al. 2024, Figure 6."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float64

from layerlore.figures.explanation import OUTPUT, Explanation, explanation, sign_colour
from layerlore.figures.explanation_image import COLUMNS, image_panels, outlines_of
from layerlore.figures.explanation_row import LONGEST_LABEL, WIDE, columns_of, headings_of, player_labels
from layerlore.figures.explanation_sentence import sentence_blocks
from layerlore.figures.pictures import Owner, image_of
from layerlore.figures.printed.style import (
    COLUMN,
    GRID,
    INK,
    SIZE,
    cell,
    finished,
    letters,
    name_ticks,
    new_figure,
    panels,
    write,
)
from layerlore.figures.sentences import Chunk, n_lines, sentence, set_words
from layerlore.figures.style import GREY, ink_on, shortened
from layerlore.figures.tinting import Pixels
from layerlore.interactions.knowledge import Knowledge

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LINE, BLOCK_GAP = 0.16, 0.08
"""Inches of a line of text, and between two blocks."""
MONO = 0.602
"""Width of a letter of DejaVu Sans Mono, as a share of its size."""
ROW = 0.19
EDGE = re.compile(r"M(\d+) (\d+)([HV])(\d+)")


def explanation_figure(
    knowledge: Knowledge,
    sample: int,
    layer: str = OUTPUT,
    target: int = 0,
    count: int = 3,
    gradients: Float64[np.ndarray, "n_samples n_players"] | None = None,
    width: float = COLUMN,
) -> Figure:
    """The strongest interactions of a sample beside Shapley values and Integrated Gradients.

    Args:
        knowledge: see `layerlore.figures.explanation`, as are the next five.
        sample: position of the sample.
        layer: its name.
        target: position of the target.
        count: interactions at most.
        gradients: from `integrated_gradients`.
        width: in inches.

    Raises:
        InputError: see `layerlore.figures.explanation`.
        MissingExtraError: matplotlib is not installed.
    """
    found = explanation(knowledge, sample, layer, target, count, gradients)
    image, chunks = image_of(knowledge, sample), sentence(knowledge, sample)
    if image is not None:
        return finished(_image(found, *image, width))
    if chunks is not None:
        return finished(_sentence(found, chunks, width))
    return finished(_row(found, player_labels(knowledge, sample), width))


def _image(found: Explanation, image: Pixels, owner: Owner, width: float) -> Figure:
    rows, borders = image_panels(found, image, owner), outlines_of(found, owner)
    tall, wide = owner.shape
    figure = new_figure(width, len(rows) * (width / COLUMNS * tall / wide + 0.28))
    for row, line in enumerate(panels(figure, len(rows), COLUMNS)):
        for column, axes in enumerate(line):
            axes.set_axis_off()
            if column >= len(rows[row]):
                continue
            panel = rows[row][column]
            axes.imshow(panel.image, extent=(0, wide, tall, 0), interpolation="nearest")
            write(axes, 0.5, 1.02, panel.lines[0], ha="center", va="bottom").set_text(
                "\n".join(map(letters, panel.lines))
            )
            if (row, column) == (0, 0):
                _outline(axes, [border.path for border in borders], INK)
                for player, border in enumerate(borders):
                    look = {"boxstyle": "circle,pad=0.15", "facecolor": "black", "alpha": 0.75, "linewidth": 0}
                    middle: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 5, "bbox": look}
                    write(axes, border.x, border.y, str(player), transform=axes.transData, color="white", **middle)
            else:
                _outline(axes, [border.path for border in borders], GREY)
    return figure


def _outline(axes: Axes, paths: list[str], colour: str) -> None:
    from matplotlib.collections import LineCollection  # optional

    edges = []
    for x, y, direction, stop in (map_ for path in paths for map_ in EDGE.findall(path)):
        end = (int(stop), int(y)) if direction == "H" else (int(x), int(stop))
        edges.append([(int(x), int(y)), end])
    axes.add_collection(LineCollection(edges, colors=colour, linewidths=0.4))


def _sentence(found: Explanation, chunks: list[Chunk], width: float) -> Figure:
    words = set_words(chunks, int((width - 0.1) * 72 / (MONO * SIZE)))
    blocks = sentence_blocks(found)
    height = sum(LINE * (1 + n_lines(words)) + BLOCK_GAP for _ in blocks) + 0.05
    figure = new_figure(width, height)
    figure.set_layout_engine("none")
    # In inches from the upper left corner.
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    letter, top = MONO * SIZE / 72, 0.05
    for block in blocks:
        write(axes, 0.05, top, block.heading, transform=axes.transData, ha="left", va="top")
        for word in words:
            colour = block.colours.get(word.chunk.player)
            box = None if colour is None else {"facecolor": colour, "linewidth": 0, "pad": 1.2}
            look: dict[str, Any] = {"color": GREY if colour is None else ink_on(colour), "bbox": box}
            place = 0.05 + word.column * letter, top + (word.line + 1.5) * LINE
            look |= {"family": "monospace", "ha": "left", "va": "center", "transform": axes.transData}
            write(axes, *place, word.chunk.text, **look)
        top += LINE * (1 + n_lines(words)) + BLOCK_GAP
    return figure


def _row(found: Explanation, labels: list[str], width: float) -> Figure:
    places = columns_of(found)
    figure = new_figure(width, ROW * len(labels) + 0.55)
    ((axes,),) = panels(figure, 1, 1)
    for x, method in zip(places.methods, found.methods, strict=True):
        for y, (value, colour) in enumerate(zip(method.values, method.colours, strict=True)):
            axes.add_patch(cell(x, y, colour, WIDE))
            words = "\N{EN DASH}" if np.isnan(value) else f"{value:+.2f}"
            look: dict[str, Any] = {"ha": "center", "va": "center", "color": ink_on(colour)}
            write(axes, x, y, words, transform=axes.transData, **look)
    for x, shown in zip(places.interactions, found.interactions, strict=True):
        colour = sign_colour(shown)
        axes.plot([x] * len(shown.players), shown.players, color=colour, marker="o", markersize=5, linewidth=1.2)
    axes.set(xlim=(0, max(places.end, 1)), ylim=(len(labels) - 0.5, -0.5))
    name_ticks(axes.yaxis, range(len(labels)), [shortened(label, LONGEST_LABEL) for label in labels], 1, LONGEST_LABEL)
    axes.xaxis.tick_top()
    headings = ["\n".join(letters(line) for line in lines) for lines in headings_of(found)]
    axes.set_xticks([*places.methods, *places.interactions], headings)
    axes.tick_params(length=0)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.grid(True, axis="y", color=GRID, linewidth=0.5)
    return figure
