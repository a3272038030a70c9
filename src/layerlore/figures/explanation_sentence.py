"""A sentence explained: its words in running text, once for each method and once for each interaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from layerlore.figures.explanation import Explanation, sign_colour
from layerlore.figures.sentences import Chunk, SetWord, n_lines, set_words
from layerlore.figures.style import GREY, graph_objects, inert, ink_on, styled

if TYPE_CHECKING:
    import plotly.graph_objects as go

LETTER, ROW, GAP = 7.25, 23, 14
"""Pixels of a letter, of a line of text, and between two blocks."""


@dataclass(frozen=True, eq=False)
class Block:
    """The sentence, once.

    Attributes:
        heading: above it.
        colours: of the players that have one.
        notes: what to say of a player.
    """

    heading: str
    colours: dict[int, str]
    notes: dict[int, str]


def sentence_blocks(found: Explanation) -> list[Block]:
    """One for each method, with all players in colour; one for each interaction, with its players in colour."""
    blocks = []
    for method in found.methods:
        notes = {place: f"{name}: {method.values[place]:.3g}" for place, name in enumerate(found.names)}
        name, scale = method.words
        blocks.append(Block(f"{name}, scale {scale}", dict(enumerate(method.colours)), notes))
    for shown in found.interactions:
        op = shown.op.upper() if len(shown.players) > 1 else "single word"
        colour = sign_colour(shown)
        heading = f"{op} {shown.effect:+.2f}, first in {shown.first}"
        blocks.append(Block(heading, dict.fromkeys(shown.players, colour), {}))
    return blocks


def explained_sentence(found: Explanation, chunks: list[Chunk]) -> go.Figure:
    """Blocks as plotly draws them: of one width on every page, from its left edge.

    Raises:
        MissingExtraError: plotly is not installed.
    """
    go = graph_objects()
    words, blocks = set_words(chunks), sentence_blocks(found)
    figure = go.Figure()
    top = 0
    for block in blocks:
        _write(figure, inert(block.heading), 0, top)
        for word in words:
            _word(figure, block, word, top + ROW)
        top += ROW * (1 + n_lines(words)) + GAP
    styled(figure, top + 16)
    figure.update_layout(margin={"l": 8, "r": 8, "t": 8, "b": 8})
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    return figure


def _word(figure: go.Figure, block: Block, word: SetWord, top: float) -> None:
    player = word.chunk.player
    colour = block.colours.get(player)
    look = {} if colour is None else {"bgcolor": colour}
    _write(
        figure,
        inert(word.chunk.text),
        word.column * LETTER,
        top + word.line * ROW,
        width=len(word.chunk.text) * LETTER,
        font={
            "family": "ui-monospace, monospace",
            "size": 12,
            "color": GREY if colour is None else ink_on(colour),
        },
        hovertext=inert(block.notes[player]) if player in block.notes else None,
        **look,
    )


def _write(figure: go.Figure, words: str, left: float, top: float, **options: object) -> None:
    """Words so many pixels from the upper left corner."""
    look: dict[str, object] = {"font": {"size": 12, "color": GREY}} | options
    figure.add_annotation(
        text=words,
        x=0,
        y=1,
        xref="paper",
        yref="paper",
        xanchor="left",
        yanchor="top",
        xshift=left,
        yshift=-top,
        showarrow=False,
        borderpad=1,
        **look,
    )
